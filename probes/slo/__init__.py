"""Do the agent's requests fail, or take too long?"""

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

from probes.contract import (
    ConditionKind,
    Evaluation,
    EvaluationContext,
    Probe,
    Sample,
    Unknown,
    Verdict,
    say_duration,
)
from probes.contract.signal import REQUESTS, Absent, Unreadable, unreported
from probes.history.counters import Grown, Growth
from probes.history.packed import pack
from probes.history.process import PROCESS, Followed, follow, in_turn
from probes.history.requests import ERRORS, Tally, failed
from probes.readings.metrics_page import MetricsPage
from probes.slo.durations import DURATION, P95, Buckets, durations
from probes.slo.history import (
    ERROR_RATE,
    ERROR_RATIO,
    LATENCY,
    LATENCY_P95,
    REQUEST_RATE,
    SLOW_RATIO,
    SLOHistory,
    SLOLimits,
)
from probes.slo.measured import measured
from probes.slo.picture import pictures, say

__all__ = ["ERROR_RATE", "LATENCY", "PROBE", "REQUEST_RATE", "SLOHistory", "SLOLimits", "judge"]


def judge(page: MetricsPage, history: SLOHistory, context: EvaluationContext[SLOLimits]) -> Evaluation[SLOHistory]:
    """Judge one page."""
    if page.error:
        return Evaluation(verdicts=PROBE.all_unknown(context.target, Unknown.SOURCE_FAILED), history=history)
    limits, followed = context.limits, follow(history.process, page, context)
    errors = failed(page, limits.failed_statuses, limits.good_statuses)
    took = durations(page, limits.p95_limit)
    history = _of_these_buckets(history, took)
    of_errors = _judged(ERROR_RATE, errors, history.failed, limits.error_ratio, followed, context)
    of_latency = _judged(LATENCY, took, history.took, 1 - P95, followed, context)
    remembered = SLOHistory(of_errors.history, of_latency.history, history.bounds, followed.process)
    verdicts = (*of_errors.verdicts, *of_latency.verdicts)
    return Evaluation(verdicts=verdicts, history=remembered, samples=_samples(of_errors.found, of_latency.found))


def _of_these_buckets(history: SLOHistory, took: Buckets | Tally | Absent | Unreadable) -> SLOHistory:
    """What was counted in other buckets says nothing of these."""
    bounds = history.bounds
    if isinstance(took, Buckets):
        bounds = _told_apart(took.bounds)
    elif isinstance(took, Tally):
        bounds = 0
    if bounds == history.bounds:
        return history
    return replace(history, bounds=bounds, took=Growth(anew=_OTHER_BUCKETS if history.took.counts else ""))


@lru_cache(maxsize=1024)
def _told_apart(bounds: tuple[float, ...]) -> int:
    return crc32(pack(bounds))  # the same object for all agents that have these, which may be the whole fleet


def _judged(
    kind: ConditionKind,
    seen: Buckets | Tally | Absent | Unreadable,
    history: Growth,
    most: float,
    followed: Followed,
    context: EvaluationContext[SLOLimits],
) -> "_Judged":
    if isinstance(seen, Absent | Unreadable):
        return _Judged(unreported(kind, seen, context.limits), history)
    window = context.limits.window
    history = history.add(_counters(seen), followed.answered, context.now, window, context.interval)
    if followed.process.in_turn:
        return _Judged((in_turn(kind),), history)
    grown = history.over(window, context.interval)
    if grown is None:
        return _Judged((history.warming_up(kind, window),), history)
    found = _found(seen, grown, context.limits.p95_limit)
    return _Judged((_verdict(kind, found, most, context.limits),), history, found)


def _counters(seen: Buckets | Tally) -> tuple[float, ...]:
    if isinstance(seen, Buckets):
        return seen.counts
    return (seen.requests,) if seen.at_once else (seen.requests, seen.bad, seen.unclear)


def _found(seen: Buckets | Tally, grown: Grown, limit: float) -> "_Found":
    p95, of_quantiles = None, False
    if isinstance(seen, Buckets):
        window = Buckets(seen.bounds, grown.by)
        tally, p95 = window.slower(limit), window.quantile(P95)
        requests = tally.requests
    else:
        requests, of_quantiles = grown.by[0], seen.at_once
        tally = seen if seen.at_once else Tally._make((*grown.by, False))
    of = tally.requests
    shares = (tally.bad / of, tally.unclear / of) if of else (0.0, 0.0)  # a new process has none yet, its window has
    return _Found(requests, *shares, grown.seconds, p95, of_quantiles)


class _Found(NamedTuple):
    requests: float
    bad: float  # share of them
    unclear: float  # share of them
    seconds: float
    p95: float | None  # seconds; None: the page does not tell it
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
    p95 = () if latency is None or latency.p95 is None else (Sample(LATENCY_P95, latency.p95),)
    return (*rate, *told, *p95)


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
    if kind is ERROR_RATE:
        return f"{share} failed over {over}."
    p95 = "" if found.p95 is None else f" The p95 is {say(found.p95)}."
    return f"{share} took longer than {limit} over {over}.{p95}"


_OTHER_BUCKETS = "its buckets changed"
_UNCLEAR = {
    ERROR_RATE: "Some requests have a status that is neither one of failed_statuses nor one of good_statuses.",
    LATENCY: "The metrics endpoint has no bucket or quantile that tells how many requests were slower than p95_limit.",
}

PROBE = Probe(
    name="slo",
    source="agent_metrics",
    conditions=(ERROR_RATE, LATENCY),
    limits=SLOLimits,
    history=SLOHistory,
    judge=judge,
    metrics=(ERROR_RATIO, SLOW_RATIO, LATENCY_P95, REQUEST_RATE),
    wants=lambda _: (REQUESTS, ERRORS, DURATION, *PROCESS),
    pictures=pictures,
    measured=measured,
)
