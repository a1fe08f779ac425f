"""Are the requests of an agent traced, do spans say who called whom, and are they kept for a set time?"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, MetricsLook, Missing, Seen, TraceSample
from probes.controls.judges.traces.sampling_rate import sampling_rate
from probes.controls.judging import Facts, Says, Statement, judge

SOURCE = SourceName.TRACES
_LEAST_REQUESTS, _MANY_REQUESTS, _LEAST_SPANS, _LEAST_CALLS = 20, 1000, 5, 20
_NAMED, _OFF = 0.95, 0.5
"""Share of spans that must have a SPIFFE ID, and how far of itself the rate may be off."""
_NEVER_HEARD = (
    "The store has had no span of any agent yet: maybe services are not named as checklist.traces.service says."
)


@dataclass(frozen=True, slots=True)
class TraceCase:
    """One control, and what the store has."""

    evidence: EvidenceSet
    seen: TraceSample

    @property
    def requests(self) -> float | None:
        """That all pods handled in the last hour; None where no pod tells."""
        found = (each for _, each in self.evidence.of_pods(SourceName.AGENT_METRICS, MetricsLook))
        told = [each.value.traffic.requests for each in found if isinstance(each, Seen)]
        known = [each for each in told if each is not None]
        return sum(known) if known else None

    @property
    def rate(self) -> float | None:
        """The share of requests that should be traced; None where it is not known."""
        return sampling_rate(self.evidence)


TraceJudge = Callable[[TraceCase], Iterable[Statement]]


def trace_judge(*controls: str) -> Callable[[TraceJudge], TraceJudge]:
    """Register a judge of what a store of traces has."""

    def register(function: TraceJudge) -> TraceJudge:
        @judge(*controls, of=[SOURCE])
        def of_sample(_: Control, evidence: EvidenceSet, __: Facts) -> Iterator[Statement]:
            found = evidence.of(SOURCE, TraceSample)
            if not isinstance(found, Missing):
                yield from function(TraceCase(evidence, found.value))

        return function

    return register


@trace_judge("observability.tracing.enabled", "observability.tracing.exported")
def spans_arrive(case: TraceCase) -> Iterator[Statement]:
    """Whether the store has spans, where there were requests enough for one."""
    if case.seen.traces:
        more = "at least " if case.seen.more else ""
        yield _good(f"The store has {more}{case.seen.traces} traces with spans of the agent from the last hour.")
        return
    requests, rate = case.requests, case.rate
    if requests is None:
        yield _unclear("The store has no span of the last hour; how many requests there were is not known.")
    elif rate is None:
        yield _unclear("The store has no span of the last hour; which share of requests is traced is not known.")
    elif rate == 0:
        yield _unclear("The store has no span of the last hour, and none can be there: the sampling rate is 0.")
    elif requests * rate < _LEAST_REQUESTS:
        yield _unclear(f"The store has no span of the last hour, in which there were {requests:.0f} requests.")
    elif not case.seen.heard:
        yield _unclear(_NEVER_HEARD)
    else:
        yield _bad(f"The store has no span of the last hour, in which there were {requests:.0f} requests.")


@trace_judge("observability.tracing.spiffe-ids")
def spans_name_identities(case: TraceCase) -> Iterator[Statement]:
    """Whether server and client spans have a SPIFFE ID among their attributes."""
    seen = case.seen
    if seen.spans < _LEAST_SPANS:
        yield _unclear(f"{seen.spans} server and client spans of the last hour were found, {_LEAST_SPANS} are needed.")
        return
    said = f"{seen.with_spiffe_id} of {seen.spans} sampled spans have an attribute that is a SPIFFE ID."
    yield _good(said) if seen.with_spiffe_id >= _NAMED * seen.spans else _bad(said)


@trace_judge("observability.tracing.sampling-configured")
def as_many_as_sampled(case: TraceCase) -> Iterator[Statement]:
    """Whether far fewer requests are traced than the set rate says; more than were asked for cannot be counted."""
    requests, rate, seen = case.requests, case.rate, case.seen
    if requests is None or not rate or requests < _MANY_REQUESTS or seen.more or not seen.heard:
        yield _unclear("What is stored cannot be compared with the sampling rate.")
    elif seen.traces < requests * rate * _OFF:
        told = f"{seen.traces} traces are stored of {requests:.0f} requests in an hour; by the rate of {rate:g} it"
        yield _bad(f"{told} should be about {requests * rate:.0f}.")


@trace_judge("observability.tracing.retention-configured")
def retention(case: TraceCase) -> Iterator[Statement]:
    """Whether the store keeps traces for ever."""
    found = case.seen.retention
    if not isinstance(found, Missing) and found.refuted:
        yield Statement(SOURCE, Says.BAD, found.refuted[:200], found.ref)


@trace_judge("predeploy.smoke.calls-other-agents")
def calls_fail(case: TraceCase) -> Iterator[Statement]:
    """Whether each call that was traced failed."""
    if case.seen.calls < _LEAST_CALLS and case.seen.failed_calls == case.seen.calls:
        yield _unclear(f"{case.seen.calls} calls to others are in the sampled traces, {_LEAST_CALLS} are needed.")
    elif case.seen.failed_calls == case.seen.calls:
        yield _bad(f"All {case.seen.calls} sampled calls of the last hour to others failed.")


def _good(message: str) -> Statement:
    return Statement(SOURCE, Says.GOOD, message)


def _bad(message: str) -> Statement:
    return Statement(SOURCE, Says.BAD, message)


def _unclear(message: str) -> Statement:
    return Statement(SOURCE, Says.UNCLEAR, message, reason=UnknownReason.NO_DATA)
