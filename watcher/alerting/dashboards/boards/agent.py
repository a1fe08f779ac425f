"""One agent: how it is now, and all that is known of it."""

from watcher.alerting.dashboards.board import CLUSTER, GAPS, ONE_AGENT, ONE_JOB, ONE_NAMESPACE, Board, turned
from watcher.alerting.dashboards.boards.agent_resources import RESOURCES
from watcher.alerting.dashboards.boards.agent_rollouts import FAILED, ROLLOUTS, UNDER_WAY
from watcher.alerting.dashboards.boards.agent_security import AUTHORIZATION, IDENTITY
from watcher.alerting.dashboards.measures import CPU_USED, ENDS_OF_SVIDS, MEMORY_USED, NOT_CLOSED, POOL_USED, TARGETS
from watcher.alerting.dashboards.panels import ORANGE_FROM_ONE, RED_FROM_ONE, Asked, Json, row, stat, timeline
from watcher.alerting.dashboards.queries import (
    INSTALLATIONS,
    count,
    fact,
    judged,
    ours,
    series,
    since,
    tile,
    troubles,
    true,
    unknown,
)
from watcher.alerting.dashboards.tables import table
from watcher.alerting.rules.core import AGENT, INSTALLATION, POD

_FIRES = 'alertname=~"AgentWeave.+", agent!=""'
_FIRING, _PENDING = (series("ALERTS", _FIRES, f'alertstate="{state}"') for state in ("firing", "pending"))
_MANY = series("ALERTS", 'alertname=~"AgentWeaveFleetWide.*", alertstate="firing"', of=INSTALLATIONS)
_REASONS = f"count by ({POD}, condition, subject, reason) ({series('agentweave:condition:reason')})"
_TILE = (4, 3)


def _judged(title: str, text: str, value: str, *names: str, unit: str = "percentunit", nothing: str) -> Json:
    about = f"{text} The colour is that of {' and '.join(names)}."
    return stat(title, about, judged(value, *names), unit=unit, nothing=nothing, size=_TILE)


TILES = (
    stat("Pods", "Instances of the agent that are watched.", fact(f"count({TARGETS})"), size=_TILE),
    stat(
        "True conditions",
        "Failing conditions, each counted once a subject.",
        count(f"max by ({AGENT}, condition, subject) ({true()})", ours("condition")),
        colours=RED_FROM_ONE,
        size=_TILE,
    ),
    stat(
        "Unknown verdicts",
        "Unknown conditions, over all pods. Those that only need more history (WarmingUp) are not counted.",
        tile(f"sum({unknown()})", f"0 * count({TARGETS})"),
        colours=ORANGE_FROM_ONE,
        size=_TILE,
    ),
    stat(
        "Firing alerts",
        "Alerts that fire for the agent.",
        count(_FIRING, TARGETS),
        colours=RED_FROM_ONE,
        size=_TILE,
    ),
    _judged(
        "SVID ends in",
        "Time until the first SVID of its pods expires.",
        f"min({ours('svid_not_after_timestamp_seconds')}) - time()",
        *ENDS_OF_SVIDS,
        unit="s",
        nothing="none seen",
    ),
    _judged(
        "Breakers not closed",
        "Circuit breakers of the agent that are open or half-open.",
        f"(count({NOT_CLOSED}) or 0 * count({ours('circuit_breaker_state')}))",
        *("CircuitBreakerOpen", "CircuitBreakerFlapping"),
        unit="none",
        nothing="none seen",
    ),
    _judged(
        "Requests that failed",
        "Share of the requests over the window of the probe, on the pod where it is largest.",
        f"max({ours('slo_error_ratio')})",
        "ErrorRateHigh",
        nothing="not known",
    ),
    _judged(
        "p95 of requests",
        "The p95 of request durations over the window of the probe, on the slowest pod; not known "
        "beyond the last bucket of the agent's histogram.",
        f"max({ours('slo_latency_p95_seconds')})",
        "LatencyHigh",
        unit="s",
        nothing="not known",
    ),
    stat(
        "Requests a second",
        "Of all pods, over the window of the probe.",
        fact(f"sum({ours('slo_requests_per_second')})"),
        unit="reqps",
        nothing="not known",
        size=_TILE,
    ),
    _judged(
        "CPU used",
        "CPU as a part of the limit, on the pod where it is the largest.",
        f"max({CPU_USED})",
        "CPUHigh",
        nothing="not known",
    ),
    _judged(
        "Memory used",
        "Resident memory as a part of the limit, on the pod where it is the largest.",
        f"max({MEMORY_USED})",
        *("MemoryHigh", "MemoryDrift", "MemoryExhaustionPredicted"),
        nothing="no limit known",
    ),
    _judged(
        "Pool used",
        "Connections in use as a part of the capacity, in the pool where it is the largest.",
        f"max({POOL_USED})",
        *("PoolExhausted", "PoolSaturated", "PoolExhaustionPredicted"),
        nothing="no pool known",
    ),
)

TRUE = table(
    "Failing conditions",
    "A line a pod, with the reason. Since: when the alert of the condition began to wait or to fire; while an "
    "alert on many "
    "agents stands for the single ones, when that began.",
    "severity namespace agent pod condition subject reason",
    {"": troubles(_REASONS), "since": since(_REASONS, f"{AGENT}, condition, subject")},
    sort="severity,-since",
    size=(24, 7),
)

ALERTS = (
    row("Alerts"),
    timeline(
        "Alert history",
        "Alerts of the agent, waiting or firing, and those on many agents at once (with the condition), which "
        "stand for the "
        "single ones while they fire.",
        [
            Asked(
                f"max by ({INSTALLATION}, alertname, subject) ({_FIRING} * 2 or {_PENDING}"
                f' or label_replace({_MANY} * 2, "subject", "$1", "condition", "(.+)"))',
                "{{alertname}} {{subject}}",
            )
        ],
        {"1": ("pending", "yellow"), "2": ("firing", "red")},
        size=(24, 10),
    ),
)

BOARD = Board(
    name="agent",
    about="All that is known of one AgentWeave agent: identity, authorization, breakers, memory, pools, and "
    "its alerts.",
    shows="6h",
    variables=(CLUSTER, ONE_JOB, ONE_NAMESPACE, ONE_AGENT),
    annotations=(
        GAPS,
        *turned("agentweave:condition:true", f"{AGENT}, condition, subject", "{{agent}} {{subject}}"),
        UNDER_WAY,
        FAILED,
    ),
    panels=(*TILES, TRUE, *ROLLOUTS, *IDENTITY, *AUTHORIZATION, *RESOURCES, *ALERTS),
)
