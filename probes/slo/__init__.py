"""Do the agent's requests fail, or take too long?"""

from dataclasses import dataclass, field
from typing import NamedTuple

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
ERROR_RATIO = Metric(
    name="slo_error_ratio", help="Share of the requests over the probe's window that failed; absent while not known."
)
SLOW_RATIO = Metric(
    name="slo_slow_ratio", help="Share of the requests over the probe's window that took longer than its limit."
)
REQUEST_RATE = Metric(name="slo_requests_per_second", help="Requests, over the probe's window; absent while not known.")


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
    of_errors = _judged(ERROR_RATE, errors, history.failed, limits.error_ratio, followed, context)
    of_latency = _judged(LATENCY, durations, history.slow, 1 - P95, followed, context)
    remembered = SLOHistory(of_errors.history, of_latency.history, followed.process)
    verdicts = (*of_errors.verdicts, *of_latency.verdicts)
    return Evaluation(verdicts=verdicts, history=remembered, samples=_samples(of_errors.found, of_latency.found))


def _judged(
    kind: ConditionKind,
    tally: Tally | Absent | Unreadable,
    history: Growth,
    most: float,
    followed: Followed,
    context: EvaluationContext[SLOLimits],
) -> "_Judged":
    if not isinstance(tally, Tally):
        return _Judged(unreported(kind, tally, context.limits), history)
    window = context.limits.window
    counters = (tally.requests,) if tally.at_once else (tally.requests, tally.bad, tally.unclear)
    history = history.add(counters, followed.answered, context.now, window, context.interval)
    if followed.process.in_turn:
        return _Judged((in_turn(kind),), history)
    grown = history.over(window, context.interval)
    if grown is None:
        return _Judged((history.warming_up(kind, window),), history)
    requests = grown.by[0]
    of, bad, unclear = tally[:3] if tally.at_once else grown.by
    shares = (bad / of, unclear / of) if of else (0.0, 0.0)  # a new process has none yet, its window has
    found = _Found(requests, *shares, grown.seconds, of_quantiles=tally.at_once)
    return _Judged((_verdict(kind, found, most, context.limits),), history, found)


class _Found(NamedTuple):
    requests: float
    bad: float  # share of them
    unclear: float  # share of them
    seconds: float
    of_quantiles: bool  # `bad` are all requests of a summary whose p95 is too high

    @property
    def is_share(self) -> bool:
        """Whether `bad` is the share of the requests: there were some, and the page says all of it."""
        return bool(self.requests) and not self.unclear and not self.of_quantiles


class _Judged(NamedTuple):
    verdicts: tuple[Verdict, ...]
    history: Growth
    found: _Found | None = None  # while the window is not full, nothing


def _samples(errors: _Found | None, latency: _Found | None) -> tuple[Sample, ...]:
    """What was counted over the window."""
    requests = errors or latency
    rate = () if requests is None else (Sample(REQUEST_RATE, requests.requests / requests.seconds),)
    shares = ((ERROR_RATIO, errors), (SLOW_RATIO, latency))
    told = (Sample(metric, found.bad) for metric, found in shares if found is not None and found.is_share)
    return (*rate, *told)


def _verdict(kind: ConditionKind, found: _Found, most: float, limits: SLOLimits) -> Verdict:
    if found.requests < limits.least_requests:
        return kind.false()
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
    metrics=(ERROR_RATIO, SLOW_RATIO, REQUEST_RATE),
    wants=lambda _: (REQUESTS, ERRORS, DURATION, *PROCESS),
)
