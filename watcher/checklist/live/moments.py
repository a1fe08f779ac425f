"""When must an agent be judged anew although nobody says that anything changed? When time alone turns a finding."""

from collections.abc import Iterable, Iterator, Mapping
from math import inf
from typing import NamedTuple

from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, Missing, Seen
from probes.controls.finding import Finding, State
from probes.controls.records import Record
from probes.controls.verdict.record_verdict import lapses_at
from probes.controls.verdict.voting import SETTLED_AFTER

Age = tuple[SourceName, str, float]
"""Evidence of a source, of one pod or (with an empty name) of all, and the seconds after which it is too old."""

Dates = Mapping[tuple[SourceName, str], float]
"""When evidence was seen last, Unix seconds, by source and pod (empty: of the agent as a whole)."""

Ages = Mapping[SourceName, tuple[float, ...]]
DECIDED_BY_TIME = (UnknownReason.OBSERVING, UnknownReason.SETTLING)
_UNKNOWN = State.UNKNOWN


class Lapsed(NamedTuple):
    """What of the evidence is too old for some control, and when the next of it will be; Unix seconds."""

    already: frozenset[Age]
    next_at: float


def ages_of(controls: Iterable[Control]) -> Ages:
    """After how many seconds evidence is too old for some control, by source."""
    found: dict[SourceName, set[float]] = {}
    for control in controls:
        for spec in control.evidence:
            if spec.max_age is not None:
                found.setdefault(spec.source, set()).add(spec.max_age)
    return {source: tuple(sorted(ages)) for source, ages in found.items()}


def lapsed(dates: Dates, ages: Ages, now: float) -> Lapsed:
    """What is too old at `now`."""
    already, next_at = set[Age](), inf
    for (source, pod), at in dates.items():
        for age in ages.get(source, ()):
            if at + age < now:
                already.add((source, pod, age))
            elif at + age < next_at:
                next_at = at + age
    return Lapsed(frozenset(already), next_at)


def _seen(evidence: EvidenceSet) -> Iterator[tuple[SourceName, str, Seen[object]]]:
    for source, found in evidence.sources.items():
        if not isinstance(found, Missing):
            yield source, "", found
    for pod in evidence.pods.values():
        for source, found in pod.sources.items():
            if not isinstance(found, Missing):
                yield source, pod.name, found


def dates_of(evidence: EvidenceSet) -> Dates:
    """When each piece was seen last, Unix seconds, by source and pod."""
    return {(source, pod): found.observed_at for source, pod, found in _seen(evidence)}


def record_lapses_at(controls: Mapping[str, Control], records: Iterable[Record], now: float) -> float:
    """Unix seconds of the next moment at which time alone lets one of these records lapse."""
    known = ((controls[each.control], each) for each in records if each.control in controls)
    return min((lapses_at(control, each, now) for control, each in known), default=inf)


def decided_at(evidence: EvidenceSet, findings: Iterable[Finding], now: float) -> float:
    """Unix seconds of the next moment at which time decides: a pod is settled, or was watched for long enough."""
    settling = (pod.ready_since + SETTLED_AFTER for pod in evidence.pods.values() if pod.ready_since is not None)
    observed = (
        each.next_decided_at
        for each in findings
        if each.state is _UNKNOWN and each.next_decided_at is not None and each.reason in DECIDED_BY_TIME
    )
    return min((each for each in (*settling, *observed) if each > now), default=inf)
