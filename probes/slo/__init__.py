"""Do the agent's requests fail, or take too long?"""

from dataclasses import dataclass, field

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
from probes.contract.signal import REQUESTS, START_TIME, Absent, Unreadable, untold
from probes.history.counters import Growth
from probes.history.requests import ERRORS, Tally, failed
from probes.slo.durations import DURATION, P95, slow
from probes.sources.agent_metrics import MetricsPage

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
    history=True,
)
LATENCY = ConditionKind(
    name="LatencyHigh",
    severity=Severity.CRITICAL,
    true_when="The p95 of at least `least_requests` requests over `window` is above `p95_limit`.",
    all_clear="Requests are fast enough, or there are too few to tell.",
    history=True,
)


@dataclass(frozen=True, slots=True)
class SLOPast:
    """The requests that were seen."""

    failed: Growth = field(default_factory=Growth)
    slow: Growth = field(default_factory=Growth)


def judge(page: MetricsPage, past: SLOPast, case: Case[SLOLimits]) -> Judgement[SLOPast]:
    """Judge one page."""
    if page.error:
        return Judgement(verdicts=PROBE.all_unknown(case.target, Unknown.SOURCE_FAILED), past=past)
    limits = case.limits
    errors = failed(page, limits.failed_statuses, limits.good_statuses)
    durations = slow(page, limits.p95_limit)
    of_errors, failed_past = _judged(ERROR_RATE, errors, past.failed, limits.error_ratio, page, case)
    of_latency, slow_past = _judged(LATENCY, durations, past.slow, 1 - P95, page, case)
    return Judgement(verdicts=(*of_errors, *of_latency), past=SLOPast(failed_past, slow_past))


def _judged(
    kind: ConditionKind,
    told: Tally | Absent | Unreadable,
    past: Growth,
    most: float,
    page: MetricsPage,
    case: Case[SLOLimits],
) -> tuple[tuple[Verdict, ...], Growth]:
    if not isinstance(told, Tally):
        return untold(kind, told, case.limits), past
    started, window = page.value(START_TIME), case.limits.window
    counters = (told.requests,) if told.at_once else (told.requests, told.bad, told.unclear)
    start = started if isinstance(started, float) else None
    past = past.add(counters, start, case.now, window, case.interval)
    grown = past.over(window, case.interval)
    if grown is None:
        return (kind.unknown(Unknown.WARMING_UP),), past
    requests = grown.by[0]
    if requests < case.limits.least_requests:
        return (kind.false(),), past
    of, bad, unclear = told[:3] if told.at_once else grown.by
    shares = (bad / of, unclear / of) if of else (0.0, 0.0)  # a new process has none yet, its window has
    return (_verdict(kind, requests, *shares, most, grown.seconds, case.limits),), past


def _verdict(
    kind: ConditionKind, requests: float, bad: float, unclear: float, most: float, seconds: float, limits: SLOLimits
) -> Verdict:
    if bad > most:
        over = say_duration(seconds)
        what = "failed" if kind is ERROR_RATE else f"took longer than {say_duration(limits.p95_limit)}"
        return kind.true(lambda: f"{bad:.1%} of {requests:,.0f} requests {what} over {over}.")
    if bad + unclear > most:
        return kind.unknown(Unknown.MALFORMED, _UNCLEAR[kind])
    return kind.false()


_UNCLEAR = {
    ERROR_RATE: "The page has requests whose status is neither one of failed_statuses nor one of good_statuses.",
    LATENCY: "The page has no bucket, and no quantile, that tells how many requests were slower than p95_limit.",
}

PROBE = Probe(
    name="slo",
    source="agent_metrics",
    conditions=(ERROR_RATE, LATENCY),
    limits=SLOLimits,
    past=SLOPast,
    judge=judge,
    wants=lambda _: (REQUESTS, ERRORS, DURATION, START_TIME),
)
