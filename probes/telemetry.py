"""Can the agent's metrics be read, and does its process stay up?"""

from dataclasses import dataclass

from pydantic import Field

from probes.contract import (
    Case,
    ConditionKind,
    Judgement,
    Limits,
    Probe,
    Seconds,
    Severity,
    Unknown,
    Verdict,
    say_duration,
)
from probes.contract.signal import START_TIME, Absent, Unreadable, is_new_process, latest_start, untold
from probes.sources.agent_metrics import MetricsPage, Trouble


class TelemetryLimits(Limits):
    """When an agent's telemetry is trouble."""

    restarts: int = Field(default=3, ge=1, le=100, description="more new processes than this within the window")
    restart_window: Seconds = Field(default=1800.0, gt=0, description="within which restarts are counted")


METRICS_UNAVAILABLE = ConditionKind(
    name="MetricsUnavailable",
    severity=Severity.WARNING,
    true_when="The metrics page cannot be fetched or read.",
    all_clear="The metrics page can be read.",
    reasons=("ConnectionRefused", "Lost", "Timeout", "HTTPError", "Malformed", "TooLarge"),
    repeated=True,
)
AGENT_RESTARTING = ConditionKind(
    name="AgentRestarting",
    severity=Severity.WARNING,
    true_when="More new processes of the agent were seen than `restarts` allows within `restart_window`.",
    all_clear="The agent's process stays up.",
    history=True,
)


@dataclass(frozen=True, slots=True)
class TelemetryPast:
    """Which processes were seen."""

    since: float | None = None  # watched without a gap since then
    at: float = 0.0  # the last look that told a start time
    started: float | None = None  # start time of the latest process
    restarts: tuple[float, ...] = ()  # when new processes were first seen, the newest ones


def judge(page: MetricsPage, past: TelemetryPast, case: Case[TelemetryLimits]) -> Judgement[TelemetryPast]:
    """Judge one page."""
    available = _available(page, case)
    if page.error:
        return Judgement(verdicts=(available, AGENT_RESTARTING.unknown(Unknown.SOURCE_FAILED)), past=past)
    started = page.value(START_TIME)
    if isinstance(started, Absent | Unreadable):
        return Judgement(verdicts=(available, *untold(AGENT_RESTARTING, started, case.limits)), past=past)
    past = _seen(past, started, case)
    return Judgement(verdicts=(available, _restarting(past, case)), past=past)


def _available(page: MetricsPage, case: Case[TelemetryLimits]) -> Verdict:
    network = case.network(METRICS_UNAVAILABLE, page, stalled="Timeout", reset="HTTPError")
    if network is not None:
        return network
    match page.trouble:
        case None:
            return METRICS_UNAVAILABLE.false()
        case Trouble.UNAUTHORIZED:
            return METRICS_UNAVAILABLE.unknown(Unknown.UNAUTHORIZED, page.error)
    return METRICS_UNAVAILABLE.true(page.error, page.trouble.value)


def _seen(past: TelemetryPast, started: float, case: Case[TelemetryLimits]) -> TelemetryPast:
    new = is_new_process(past.started, started)
    # Of a gap in which the process stayed the same, all is known.
    missed = new and case.now - past.at > 3 * case.interval
    since = case.now if past.since is None or missed else past.since
    recent = [at for at in past.restarts if case.now - at <= case.limits.restart_window]
    if new:
        recent.append(case.now)
    latest = latest_start(past.started, started)
    return TelemetryPast(since, case.now, latest, tuple(recent[-case.limits.restarts - 1 :]))


def _restarting(past: TelemetryPast, case: Case[TelemetryLimits]) -> Verdict:
    window, count = case.limits.restart_window, len(past.restarts)
    if count > case.limits.restarts:
        return AGENT_RESTARTING.true(f"At least {count} new processes within {say_duration(window)}.")
    if past.since is None or case.now - past.since < window:
        return AGENT_RESTARTING.unknown(Unknown.WARMING_UP)
    return AGENT_RESTARTING.false()


PROBE = Probe(
    name="telemetry",
    source="agent_metrics",
    conditions=(METRICS_UNAVAILABLE, AGENT_RESTARTING),
    limits=TelemetryLimits,
    past=TelemetryPast,
    judge=judge,
    wants=lambda _: (START_TIME,),
)
