"""Are the service level objectives measured, and met?"""

from collections.abc import Iterator

from probes.contract import Unknown
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import PodConditions, PrometheusLook, Seen
from probes.controls.judges.looked import PodCase, is_false, is_true, judge_of_pods, worst
from probes.controls.judging import Statement

_SOURCE = SourceName.CONDITIONS
_ERRORS, _LATENCY, _BREAKER = "ErrorRateHigh", "LatencyHigh", "CircuitBreakerOpen"
_HOUR, _ENOUGH, _RARE = 3600.0, 20, 0.01
"""Seconds that must have been judged, requests of an hour that tell, and the share of the time that may be slow."""


@judge_of_pods(_SOURCE, PodConditions, "observability.metrics.slo-defined")
def slo_defined(case: PodCase[PodConditions]) -> Iterator[Statement]:
    """Whether error ratio and p95 can be told, long enough for it to be no accident."""
    seen, requests = case.seen, case.seen.requests
    verdicts = [worst(seen.verdicts, name) for name in (_ERRORS, _LATENCY)]
    absent = next((each for each in verdicts if each is not None and each.reason == Unknown.SIGNAL_ABSENT), None)
    if None in verdicts:
        yield case.unclear(UnknownReason.SOURCE_MISSING, "Errors and latency are not judged: the probe slo is off.")
    elif seen.told >= _HOUR:
        yield case.good("Errors and latency were judged for at least an hour of the last day.")
    elif absent is None:
        said = f"Errors and latency were judged for {seen.told / 60:.0f} min of the last day, an hour tells."
        yield case.unclear(UnknownReason.OBSERVING, said, case.facts.now + _HOUR - seen.told)
    elif requests is not None and requests >= _ENOUGH and not _prometheus_may_have(case):
        yield case.bad(f"After {requests:.0f} requests in an hour: {absent.text}")
    else:
        yield case.unclear(UnknownReason.NO_DATA, f"Too few requests were seen to tell. {absent.text}")


def _prometheus_may_have(case: PodCase[PodConditions]) -> bool:
    """Whether it has an objective of the agent, or that is not known of an answer of it."""
    found = case.evidence.of(SourceName.PROMETHEUS, PrometheusLook)
    return isinstance(found, Seen) and bool(found.value.objectives or found.value.untold or found.value.book.unread)


@judge_of_pods(_SOURCE, PodConditions, "testing.load.slos-met")
def slos_met(case: PodCase[PodConditions]) -> Iterator[Statement]:
    """Whether requests were fast enough in the last day, where there were enough of them."""
    busy, slow, now = case.seen.busy, case.seen.slow, worst(case.seen.verdicts, _LATENCY)
    if now is None:
        yield case.unclear(UnknownReason.SOURCE_MISSING, "Latency is not judged: the probe slo is off.")
    elif is_true(now):
        yield case.bad(now.text)
    elif busy < _HOUR:
        said = f"For {busy / 60:.0f} min of the last day there were enough requests to tell, an hour is needed."
        yield case.unclear(UnknownReason.NO_DATA, said)
    elif slow > _RARE * busy:
        yield case.bad(f"LatencyHigh was true for {slow / busy:.1%} of the time that could be judged in the last day.")
    elif is_false(now):
        yield case.good(f"LatencyHigh was false for {1 - slow / busy:.1%} of the time judged in the last day.")
    else:
        yield case.doubt(now)


@judge_of_pods(_SOURCE, PodConditions, "reliability.circuit-breaker.metrics-exposed")
def breakers_are_judged(case: PodCase[PodConditions]) -> Iterator[Statement]:
    """Whether the watcher can tell if one is open."""
    if any(each.status != "unknown" for each in case.seen.verdicts.get(_BREAKER, ())):
        yield case.good(f"{_BREAKER} of this pod is judged.")
