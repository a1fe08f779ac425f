"""Do the agent's requests fail, or take too long?"""

from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import Field

from probes.contract import (
    ConditionKind,
    Evaluation,
    EvaluationContext,
    Limits,
    Probe,
    Seconds,
    Severity,
    Unknown,
    Verdict,
    say_duration,
)
from probes.contract.condition import Window
from probes.contract.signal import REQUESTS, Absent, Unreadable, unreported
from probes.history.counters import Growth
from probes.history.process import NOBODY, PROCESS, Followed, Process, follow, in_turn
from probes.history.requests import ERRORS, Tally, failed
from probes.readings.metrics_page import MetricsPage
from probes.slo.durations import DURATION, P95, slow

_FAILURES = ("error", "failure", "failed", "timeout", "exception", "unavailable")
_SUCCESSES = ("success", "ok", "succeeded", "completed", "denied", "rejected", "unauthorized", "cancelled")


class SLOLimits(Limits):
    """When an agent's requests are trouble."""

    error_ratio: float = Field(default=0.05, gt=0, lt=1, description="failed requests / requests, over `window`")
    p95_limit: Seconds = Field(default=0.2, gt=0, description="what 95 of 100 requests may take, over `window`")
    window: Seconds = Field(default=300.0, ge=1, description="over which requests are counted")
    least_requests: int = Field(default=20, ge=1, description="with fewer requests than this in the window all is well")
    failed_statuses: tuple[str, ...] = Field(
        default=_FAILURES, description="words of the label `status` for a failed request, beside HTTP codes of 5xx"
    )
    good_statuses: tuple[str, ...] = Field(
        default=_SUCCESSES, description="words for any other request, beside HTTP codes below 500; a refusal is none"
    )


ERROR_RATE = ConditionKind(
    name="ErrorRateHigh",
    severity=Severity.CRITICAL,
    true_when="More than `error_ratio` of at least `least_requests` requests failed over `window`.",
    all_clear="Few requests fail, or there are too few to tell.",
    window=Window("window"),
)
LATENCY = ConditionKind(
    name="LatencyHigh",
    severity=Severity.CRITICAL,
    true_when="The p95 of at least `least_requests` requests over `window` is above `p95_limit`.",
    all_clear="Requests are fast enough, or there are too few to tell.",
    window=Window("window"),
)


@dataclass(frozen=True, slots=True)
class SLOHistory:
    """The requests that were seen."""

    failed: Growth = field(default_factory=Growth)
    slow: Growth = field(default_factory=Growth)
    process: Process = NOBODY


def judge(page: MetricsPage, history: SLOHistory, context: EvaluationContext[SLOLimits]) -> Evaluation[SLOHistory]:
    """Judge one page."""
    if page.error:
        return Evaluation(verdicts=PROBE.all_unknown(context.target, Unknown.SOURCE_FAILED), history=history)
    limits, followed = context.limits, follow(history.process, page, context)
    errors = failed(page, limits.failed_statuses, limits.good_statuses)
    durations = slow(page, limits.p95_limit)
    of_errors, failed_history = _judged(ERROR_RATE, errors, history.failed, limits.error_ratio, followed, context)
    of_latency, slow_history = _judged(LATENCY, durations, history.slow, 1 - P95, followed, context)
    remembered = SLOHistory(failed_history, slow_history, followed.process)
    return Evaluation(verdicts=(*of_errors, *of_latency), history=remembered)


def _judged(
    kind: ConditionKind,
    tally: Tally | Absent | Unreadable,
    history: Growth,
    most: float,
    followed: Followed,
    context: EvaluationContext[SLOLimits],
) -> tuple[tuple[Verdict, ...], Growth]:
    if not isinstance(tally, Tally):
        return unreported(kind, tally, context.limits), history
    window = context.limits.window
    counters = (tally.requests,) if tally.at_once else (tally.requests, tally.bad, tally.unclear)
    history = history.add(counters, followed.answered, context.now, window, context.interval)
    if followed.process.in_turn:
        return (in_turn(kind),), history
    grown = history.over(window, context.interval)
    if grown is None:
        return (history.warming_up(kind, window),), history
    requests = grown.by[0]
    if requests < context.limits.least_requests:
        return (kind.false(),), history
    of, bad, unclear = tally[:3] if tally.at_once else grown.by
    shares = (bad / of, unclear / of) if of else (0.0, 0.0)  # a new process has none yet, its window has
    found = _Found(requests, *shares, grown.seconds, of_quantiles=tally.at_once)
    return (_verdict(kind, found, most, context.limits),), history


class _Found(NamedTuple):
    requests: float
    bad: float  # share of them
    unclear: float  # share of them
    seconds: float
    of_quantiles: bool  # `bad` are all requests of a summary whose p95 is too high


def _verdict(kind: ConditionKind, found: _Found, most: float, limits: SLOLimits) -> Verdict:
    if found.bad > most:
        return kind.true(lambda: _sentence(kind, found, say_duration(limits.p95_limit)))
    if found.bad + found.unclear > most:
        return kind.unknown(Unknown.MALFORMED, _UNCLEAR[kind])
    return kind.false()


def _sentence(kind: ConditionKind, found: _Found, limit: str) -> str:
    share, over = f"{found.bad:.1%} of {found.requests:,.0f} requests", say_duration(found.seconds)
    if found.of_quantiles:
        return f"The p95 of {share} over {over} is above {limit}."
    what = "failed" if kind is ERROR_RATE else f"took longer than {limit}"
    return f"{share} {what} over {over}."


_UNCLEAR = {
    ERROR_RATE: "The page has requests whose status is neither one of failed_statuses nor one of good_statuses.",
    LATENCY: "The page has no bucket, and no quantile, that tells how many requests were slower than p95_limit.",
}

PROBE = Probe(
    name="slo",
    source="agent_metrics",
    conditions=(ERROR_RATE, LATENCY),
    limits=SLOLimits,
    history=SLOHistory,
    judge=judge,
    wants=lambda _: (REQUESTS, ERRORS, DURATION, *PROCESS),
)
