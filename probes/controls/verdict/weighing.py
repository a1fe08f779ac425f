"""What each source shows of one control: the statements of its judges, pod by pod, and what is missing or too old."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

from probes.controls.catalogue.control import (
    Control,
    EvidenceSpec,
    SourceName,
    UnknownReason,
)
from probes.controls.catalogue.terms import Absent
from probes.controls.evidence import EvidenceSet, Missing, Seen
from probes.controls.evidence.gathered import NOT_GIVEN
from probes.controls.finding import Witness
from probes.controls.judging import Facts, Raised, RegisteredJudge, Says, Statement, asked
from probes.controls.verdict.voting import next_voter_at, voters

_RECORD, _ROLLOUT = SourceName.RECORD, SourceName.ROLLOUT
_IN_THE_RECORD = frozenset(
    {SourceName.CONDITIONS, SourceName.AGENT_METRICS, SourceName.OPA, SourceName.HISTORY, SourceName.HANDSHAKE}
)
"""What the lines of a rollout are judged by."""

_WITNESSES = {source: Witness(source) for source in SourceName}
_NO_SOURCE: frozenset[SourceName] = frozenset()
NOT_JUDGED = "This version does not judge this evidence."
_NO_POD = Missing(UnknownReason.SOURCE_MISSING, "No pod has been Ready for long enough to be judged.")

# Names of members: to look one up at its Enum takes ten times as long, and this is asked of each control and agent.
_UNCLEAR, _BAD, _GOOD, _OBSERVING = Says.UNCLEAR, Says.BAD, Says.GOOD, UnknownReason.OBSERVING


class Weighed(NamedTuple):
    """What one source showed of one subject: a pod, or (with an empty name) the agent as a whole."""

    spec: EvidenceSpec
    witness: Witness
    found: Seen[object] | Missing
    statements: tuple[Statement, ...] = ()

    def says(self, what: Says) -> tuple[Statement, ...]:
        """The statements of this kind."""
        said = self.statements
        if len(said) < 2:  # of nearly all
            return said if said and said[0].says is what else ()
        return tuple([each for each in said if each.says is what])

    @property
    def clean(self) -> bool:
        """Seen, and nothing in it is bad or unclear."""
        return isinstance(self.found, Seen) and len(self.says(_GOOD)) == len(self.statements)

    @property
    def observing(self) -> bool:
        """Nothing but that it has not been watched for long enough."""
        unclear = self.says(_UNCLEAR)
        if not unclear or len(unclear) < len(self.statements):
            return False
        return all(each.reason is _OBSERVING for each in unclear)


@dataclass(frozen=True, slots=True)
class Scales:
    """All that was weighed of one control."""

    parts: tuple[Weighed, ...]  # those that have a vote
    error: str = ""  # a judge raised: what it was
    raised: frozenset[SourceName] = frozenset()  # of which sources the judges speak that did
    voting: frozenset[str] = frozenset()
    judged_sources: frozenset[SourceName] = field(default_factory=frozenset)  # that some judge speaks of

    def of(self, source: SourceName) -> tuple[Weighed, ...]:
        """What this source showed."""
        return tuple(each for each in self.parts if each.spec.source is source)


class SettledPods(NamedTuple):
    """The pods that have a vote; the same for all controls of an agent."""

    voting: frozenset[str]
    given: frozenset[SourceName]  # by some pod, whether it has a vote or not
    sources: Mapping[SourceName, tuple[tuple[Witness, Seen[object] | Missing], ...]]  # of these: each pod with a vote


def settled_pods(evidence: EvidenceSet, now: float) -> SettledPods:
    """Those of this evidence; `now`: Unix seconds."""
    voting = voters(evidence.pods, now)
    given = frozenset[SourceName]().union(*(pod.sources for pod in evidence.pods.values()))
    pods = [evidence.pods[name] for name in sorted(voting)]
    return SettledPods(
        voting,
        given,
        {each: tuple([(Witness(each, pod.name), pod.sources.get(each, NOT_GIVEN)) for pod in pods]) for each in given},
    )


def weigh(
    control: Control,
    evidence: EvidenceSet,
    facts: Facts,
    judges: Sequence[RegisteredJudge],
    pods: SettledPods | None = None,
) -> Scales:
    """Ask the judges of this control; one that raises, or says what it cannot say, is an error and nothing else.

    `pods`: those of this evidence that have a vote, where they are known already.
    """
    said: list[Statement] = []
    error, raised = "", _NO_SOURCE
    for registered in judges:
        if _is_seen(evidence, registered.sources):
            answer = asked(partial(_statements, registered, control, evidence, facts))
            if isinstance(answer, Raised):
                error, raised = answer.what, raised | registered.sources
            else:
                said += answer
    spoken = judges[0].sources if len(judges) == 1 else _NO_SOURCE.union(*[each.sources for each in judges])
    if not evidence.pods:
        whole = [_whole(spec, evidence, facts.now, said) for spec in control.evidence if spec.source is not _RECORD]
        return Scales(tuple(whole), error, raised, judged_sources=spoken)
    pods = settled_pods(evidence, facts.now) if pods is None else pods
    parts = [part for spec in control.evidence for part in _parts(spec, evidence, facts.now, pods, said)]
    return Scales(tuple(_with_a_vote(parts) if said else parts), error, raised, pods.voting, spoken)


def by_the_record(scales: Scales) -> Scales:
    """Of a release: what the record of its rollout has decided is frozen; until then all evidence counts.

    What the record is not made of, such as what Prometheus says, counts after that too.
    """
    if not any(part.says(_GOOD) or part.says(_BAD) for part in scales.of(_ROLLOUT)):
        return scales
    others = tuple([part for part in scales.parts if part.spec.source not in _IN_THE_RECORD])
    return replace(scales, parts=others, error=scales.error if scales.raised - _IN_THE_RECORD else "")


def _is_seen(evidence: EvidenceSet, sources: frozenset[SourceName]) -> bool:
    for source in sources:
        if isinstance(evidence.sources.get(source), Seen):
            return True
        if evidence.pods and any(isinstance(pod.sources.get(source), Seen) for pod in evidence.pods.values()):
            return True
    return False


def _whole(spec: EvidenceSpec, evidence: EvidenceSet, now: float, said: list[Statement]) -> Weighed:
    """Of an agent without pods."""
    found = evidence.sources.get(spec.source, NOT_GIVEN)
    if found is NOT_GIVEN:
        return Weighed(spec, _WITNESSES[spec.source], NOT_GIVEN)
    mine = tuple([each for each in said if each.source is spec.source and not each.pod])
    return _weighed(spec, _WITNESSES[spec.source], found, mine, now)


def _statements(
    registered: RegisteredJudge, control: Control, evidence: EvidenceSet, facts: Facts
) -> tuple[Statement, ...]:
    said = tuple(registered.judge(control, evidence, facts))
    for each in said:
        spec = control.spec(each.source)
        if spec is None or each.source not in registered.sources:
            raise ValueError(f"{control.id} is not judged from {each.source} by this judge")
        if each.says is _BAD and "fail" not in spec.proves:
            raise ValueError(f"{each.source} cannot refute {control.id}")
    return said


def _parts(
    spec: EvidenceSpec, evidence: EvidenceSet, now: float, pods: SettledPods, said: list[Statement]
) -> Iterator[Weighed]:
    """Of the agent as a whole where the source was gathered so, else of each pod that has a vote."""
    if spec.source is _RECORD:
        return
    whole, by_pod = evidence.sources.get(spec.source), spec.source in pods.given
    mine = [each for each in said if each.source is spec.source] if said else []
    general = tuple([each for each in mine if not each.pod])
    if whole is not None or not by_pod or general:
        yield _weighed(spec, _WITNESSES[spec.source], whole or _newest(spec.source, evidence), general, now)
    for witness, found in pods.sources.get(spec.source, ()):
        own = tuple([each for each in mine if each.pod == witness.pod]) if mine else ()
        yield _weighed(spec, witness, found, own, now)
    if by_pod and not pods.voting and whole is None and not general:
        yield Weighed(spec, _WITNESSES[spec.source], _nobody(spec, evidence))


def _newest(source: SourceName, evidence: EvidenceSet) -> Seen[object] | Missing:
    """For a statement on the agent as a whole that rests on what was seen of its pods."""
    seen = [found for pod in evidence.pods.values() if isinstance(found := pod.sources.get(source), Seen)]
    return max(seen, key=lambda each: each.observed_at, default=NOT_GIVEN)


def _nobody(spec: EvidenceSpec, evidence: EvidenceSet) -> Missing:
    if spec.absent is Absent.UNKNOWN:
        by_pod = [pod for pod in evidence.pods.values() if spec.source in pod.sources]
        return Missing(_OBSERVING, _NO_POD.message, next_voter_at(by_pod))
    return _NO_POD


def _weighed(
    spec: EvidenceSpec, witness: Witness, found: Seen[object] | Missing, said: tuple[Statement, ...], now: float
) -> Weighed:
    if isinstance(found, Missing):
        return Weighed(spec, witness, found)
    if spec.max_age is not None and now - found.observed_at > spec.max_age:
        return Weighed(spec, witness, Missing(UnknownReason.STALE, "The newest evidence is too old.", found.next_at))
    if not said:
        return Weighed(spec, witness, found)
    fresh = tuple(each for each in said if spec.max_age is None or now - _at(each, found) <= spec.max_age)
    if not fresh:
        return Weighed(spec, witness, Missing(UnknownReason.STALE, "What was seen is too old.", found.next_at))
    return Weighed(spec, witness, found, fresh)


def _at(statement: Statement, found: Seen[object]) -> float:
    return found.observed_at if statement.observed_at is None else statement.observed_at


def _with_a_vote(parts: list[Weighed]) -> Iterator[Weighed]:
    """Pods that were not watched for long enough leave it to those that were."""
    if not any(part.witness.pod for part in parts):
        return iter(parts)
    judged = {
        part.spec.source for part in parts if part.witness.pod and isinstance(part.found, Seen) and not part.observing
    }
    return (part for part in parts if not (part.witness.pod and part.observing and part.spec.source in judged))
