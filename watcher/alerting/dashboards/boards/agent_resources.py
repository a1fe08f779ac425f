"""One agent: its breakers, memory, pools, requests and CPU."""

from watcher.alerting.dashboards.boards.agent_security import told_conditions
from watcher.alerting.dashboards.measures import POOL_USED, breakers
from watcher.alerting.dashboards.panels import STATES, Asked, lines, row, timeline
from watcher.alerting.dashboards.queries import ours, troubles, while_watched
from watcher.alerting.dashboards.tables import table
from watcher.alerting.rules.core import AGENT, POD


def _breaker(state: str) -> str:
    return ours("circuit_breaker_state", f'state="{state}"')


def _pods(series: str) -> Asked:
    return Asked(f"max by ({POD}) ({ours(series)})", "{{pod}}")


RESOURCES = (
    row("Circuit breakers"),
    timeline(
        "Breakers by callee",
        "The state of the breaker to each callee, the worst pod. A gap: it could not be seen.",
        [
            Asked(
                f"max by ({AGENT}, callee) ({_breaker('open')} * 2 or {_breaker('half_open')}"
                f" or {while_watched(_breaker('closed') + ' * 0')})",
                "to {{callee}}",
            )
        ],
        STATES,
        size=(10, 9),
    ),
    lines(
        "Transitions",
        "State changes seen; what happens between two probe attempts is missed.",
        [
            Asked(
                f"sum by ({AGENT}, callee, to)"
                f" (increase({ours('circuit_breaker_transitions_total')}[$__rate_interval])) > 0",
                "to {{callee}}: {{to}}",
            )
        ],
        size=(6, 9),
    ),
    breakers("Not closed since", size=(8, 9)),
    row("Requests and CPU"),
    lines(
        "Requests that failed or were slow",
        "Shares of the requests over the window of the probe; slow ones took longer than its limit (`probes.slo`).",
        [
            Asked(f"max by ({POD}) ({ours('slo_error_ratio')})", "failed, {{pod}}"),
            Asked(f"max by ({POD}) ({ours('slo_slow_ratio')})", "slow, {{pod}}"),
        ],
        unit="percentunit",
        size=(6, 9),
    ),
    lines(
        "p95 of requests",
        "The p95 of request durations over the window of the probe, by the buckets of the agent's histogram; "
        "a gap: they do not tell it, or it is beyond the last of them.",
        [_pods("slo_latency_p95_seconds")],
        unit="s",
        size=(6, 9),
    ),
    lines("Requests", "Requests a second.", [_pods("slo_requests_per_second")], unit="reqps", size=(6, 9)),
    lines(
        "CPU and its limit",
        "Cores that one process a pod uses over the window of the probe, and the configured limit (dashed).",
        [
            _pods("cpu_usage_cores"),
            Asked(f"min by ({AGENT}) ({ours('cpu_limit_cores')})", "limit", "red"),
        ],
        size=(6, 9),
    ),
    row("Memory"),
    lines(
        "Memory and its limit",
        "Resident memory of one process a pod, and the configured limit (dashed).",
        [_pods("memory_rss_bytes"), Asked(f"min by ({AGENT}) ({ours('memory_limit_bytes')})", "limit", "red")],
        unit="bytes",
    ),
    lines(
        "Drift",
        "How fast the floor of memory rises, from hours of history. Nothing here: it does not rise, or is "
        "not known yet.",
        [_pods("memory_drift_bytes_per_second")],
        unit="binBps",
        size=(6, 9),
    ),
    table(
        "Reaches its limit",
        "When memory will reach its limit if it keeps rising.",
        "namespace agent pod",
        {"full": troubles(f"1000 * min by ({POD}) ({ours('memory_exhaustion_timestamp_seconds')})")},
        sort="full",
        runbook="MemoryExhaustionPredicted",
        size=(6, 9),
    ),
    row("Connection pools"),
    lines(
        "Pools in use",
        "Connections in use as a part of the pool's capacity.",
        [Asked(POOL_USED, "{{pod}} {{pool}}")],
        unit="percentunit",
        size=(8, 9),
    ),
    lines(
        "Connections",
        "Connections in use, and the configured capacity (dashed).",
        [
            Asked(f"max by ({POD}, pool) ({ours('pool_in_use')})", "{{pod}} {{pool}}"),
            Asked(f"min by ({AGENT}, pool) ({ours('pool_capacity')})", "capacity of {{pool}}", "red"),
        ],
        size=(8, 9),
    ),
    table(
        "Full at",
        "When a pool whose use rises will be full.",
        "namespace agent pod pool",
        {"full": troubles(f"1000 * min by ({POD}, pool) ({ours('pool_exhaustion_timestamp_seconds')})")},
        sort="full",
        runbook="PoolExhaustionPredicted",
        size=(8, 9),
    ),
    row("All other conditions"),
    told_conditions(
        "Other conditions",
        "Breakers, memory, pools, requests, CPU and telemetry: every condition that is not of identity or "
        "authorization",
        'probe!~"svid|opa"',
        size=(16, 9),
    ),
    lines(
        "Restarts",
        "New processes of a pod that were seen within the window of the probe. Nothing here: there was none, or it "
        "is unknown.",
        [_pods("process_restarts")],
        size=(8, 9),
    ),
)
