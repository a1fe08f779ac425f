"""Can the agent's metrics be read, by us and by Prometheus, and does its process stay up?"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from pydantic import Field

from probes.contract import (
    ConditionKind,
    Evaluation,
    EvaluationContext,
    Limits,
    Metric,
    Probe,
    Sample,
    Seconds,
    Severity,
    Unknown,
    Verdict,
    say_bytes,
    say_duration,
)
from probes.contract.condition import Window
from probes.contract.picture import Measured, PictureContext
from probes.contract.signal import START_TIME, Absent, Unreadable, unreported
from probes.history.counters import say_anew
from probes.history.inspection import Inspection
from probes.history.process import NOBODY, PROCESS, Answered, Followed, Process, follow
from probes.readings.conformance import REASONS
from probes.readings.metrics_page import MetricsPage, PageTrouble, RememberedPage


class TelemetryLimits(Limits):
    """When an agent's telemetry is trouble."""

    restarts: int = Field(
        default=3, ge=1, le=100, description="failing when more new processes are seen within restart_window"
    )
    restart_window: Seconds = Field(default=1800.0, gt=0, description="window in which restarts are counted")


METRICS_UNAVAILABLE = ConditionKind(
    name="MetricsUnavailable",
    severity=Severity.WARNING,
    true_when="The metrics endpoint cannot be fetched or read.",
    all_clear="The metrics endpoint can be read.",
    reasons=("ConnectionRefused", "Lost", "NameNotResolved", "Timeout", "HTTPError", "Malformed", "TooLarge"),
    repeated=True,
)
METRICS_NONCONFORMANT = ConditionKind(
    name="MetricsNonconformant",
    severity=Severity.WARNING,
    true_when="The watcher can read the metrics endpoint, but a current Prometheus could not scrape it.",
    all_clear="A current Prometheus can scrape the metrics endpoint, which is read in full about once an hour.",
    reasons=REASONS,
    repeated=True,
    window=Window(seconds=3600.0),  # the first good look tells; where what it saw is lost, the next inspection does
)
AGENT_RESTARTING = ConditionKind(
    name="AgentRestarting",
    severity=Severity.WARNING,
    true_when="More new processes of the agent were seen than `restarts` allows within `restart_window`.",
    all_clear="The agent did not restart more often than `restarts` within `restart_window`.",
    window=Window("restart_window"),
)
RESTARTS = Metric(
    name="process_restarts", help="New processes of the agent seen within the probe's window; absent without any."
)


@dataclass(frozen=True, slots=True)
class TelemetryHistory:
    """Which processes were seen."""

    since: float | None = None  # watched without a gap since then
    missed: bool = False  # before that a new process came in a gap, perhaps not the only one
    process: Process = NOBODY
    restarts: tuple[float, ...] = ()  # when new processes were first seen, the newest ones
    inspection: Inspection = field(default_factory=Inspection)  # of the whole page


def judge(
    page: MetricsPage, history: TelemetryHistory, context: EvaluationContext[TelemetryLimits]
) -> Evaluation[TelemetryHistory]:
    """Judge one page."""
    available = _available(page, context)
    if page.error:
        failed = (kind.unknown(Unknown.SOURCE_FAILED) for kind in (METRICS_NONCONFORMANT, AGENT_RESTARTING))
        return Evaluation(verdicts=(available, *failed), history=history)
    inspection = history.inspection.add(page.conformance, context.now)
    repeated = inspection is history.inspection
    if not repeated:
        history = replace(history, inspection=inspection)
    readable = (available, _nonconformant(inspection, context, repeated=repeated))
    started = page.value(START_TIME)
    if isinstance(started, Absent | Unreadable):
        return Evaluation(verdicts=(*readable, *unreported(AGENT_RESTARTING, started, context.limits)), history=history)
    history = _seen(history, follow(history.process, page, context), context)
    samples = (Sample(RESTARTS, len(history.restarts)),) if history.restarts else ()
    return Evaluation(verdicts=(*readable, _restarting(history, context)), history=history, samples=samples)


def _available(page: MetricsPage, context: EvaluationContext[TelemetryLimits]) -> Verdict:
    network = context.network(METRICS_UNAVAILABLE, page, stalled="Timeout", reset="HTTPError")
    if network is not None:
        return network
    match page.trouble:
        case None:
            return METRICS_UNAVAILABLE.false()
        case PageTrouble.UNAUTHORIZED:
            return METRICS_UNAVAILABLE.unknown(Unknown.UNAUTHORIZED, page.error)
    return METRICS_UNAVAILABLE.true(page.error, page.trouble.value)


def _nonconformant(seen: Inspection, context: EvaluationContext[TelemetryLimits], *, repeated: bool) -> Verdict:
    """`repeated`: by what an earlier look saw, which is one bad look, however often it is told."""
    now, asked_for = context.now, context.limits.failures
    if seen.at is None:
        return METRICS_NONCONFORMANT.unknown(Unknown.WARMING_UP)
    if seen.unknown is not None:
        return METRICS_NONCONFORMANT.unknown(seen.unknown, seen.why)
    if seen.is_old(now):
        return METRICS_NONCONFORMANT.unknown(
            Unknown.STALE, "The whole page has not been read for more than three hours."
        )
    why, age = seen.why, now - seen.at
    if not seen.reason:
        return METRICS_NONCONFORMANT.false(remark=_LATE if age >= _MUCH_LATER else "")
    if repeated and seen.refused < asked_for:
        waits = f"Refused {seen.refused} of {asked_for} whole pages in a row, and the next could not be read. {why}"
        return METRICS_NONCONFORMANT.unknown(Unknown.WARMING_UP, waits)

    def message() -> str:
        when = f" That was {say_duration(age)} ago; the whole page is requested about once an hour." if age >= 1 else ""
        return f"A current Prometheus refuses the whole page. {why}{when}"

    return METRICS_NONCONFORMANT.true(message, seen.reason)


_MUCH_LATER = 2 * 3600.0
"""Seconds: an inspection that came in time is not as old."""

_LATE = "That was more than two hours ago; since then the whole page could not be read."


def _seen(
    history: TelemetryHistory, followed: Followed, context: EvaluationContext[TelemetryLimits]
) -> TelemetryHistory:
    new = followed.answered is Answered.NEW
    # Of a gap in which the process stayed the same, all is known.
    missed = new and context.now - history.process.at > 3 * context.interval
    since = context.now if history.since is None or missed else history.since
    recent = [at for at in history.restarts if context.now - at <= context.limits.restart_window]
    if new:
        recent.append(context.now)
    newest = tuple(recent[-max(_COUNTED, context.limits.restarts + 1) :])
    return TelemetryHistory(since, missed or history.missed, followed.process, newest, history.inspection)


_COUNTED = 100
"""Restarts within the window that are remembered."""


def _restarting(history: TelemetryHistory, context: EvaluationContext[TelemetryLimits]) -> Verdict:
    window, count = context.limits.restart_window, len(history.restarts)
    if count > context.limits.restarts:
        return AGENT_RESTARTING.true(f"At least {count} new processes within {say_duration(window)}.")
    watched = context.now - history.since if history.since is not None else 0.0
    if watched < window:
        return AGENT_RESTARTING.unknown(Unknown.WARMING_UP, _anew(watched, window) if history.missed else "")
    return AGENT_RESTARTING.false()


def _anew(watched: float, window: float) -> str:
    return say_anew(watched, window, "a new process came while no page could be read, perhaps not the only one")


def measured(history: TelemetryHistory, context: PictureContext[TelemetryLimits]) -> Iterator[Measured]:
    """Of the newest look, of the newest inspection of the whole page, and of the processes that were seen."""
    page, limits = context.reading, context.limits
    if context.stale:
        return
    if isinstance(page, RememberedPage) and page.asked:
        yield Measured(METRICS_UNAVAILABLE, f"It gave {say_bytes(page.size)} in {say_duration(context.took)}.")
    if history.inspection.at is not None:
        ago = say_duration(-context.since(history.inspection.at))
        yield Measured(METRICS_NONCONFORMANT, f"It was last read in full {ago} ago.")
    if history.since is not None:
        window = limits.restart_window
        count = sum(context.now - at <= window for at in history.restarts)
        said = f"{count} new process{'' if count == 1 else 'es'} within {say_duration(window)}"
        yield Measured(AGENT_RESTARTING, f"{said}; more than {limits.restarts} are too many.")


PROBE = Probe(
    name="telemetry",
    source="agent_metrics",
    conditions=(METRICS_UNAVAILABLE, METRICS_NONCONFORMANT, AGENT_RESTARTING),
    limits=TelemetryLimits,
    history=TelemetryHistory,
    judge=judge,
    metrics=(RESTARTS,),
    wants=lambda _: PROCESS,
    measured=measured,
)
