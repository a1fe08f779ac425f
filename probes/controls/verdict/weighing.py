"""What each source shows of one control: the statements of its judges, pod by pod, and what is missing or too old."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
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
from probes.controls.records import Record
from probes.controls.steps import STEP, Steps, finished, in_steps
from probes.controls.verdict.scales import Scales, Weighed
from probes.controls.verdict.voting import next_voter_at, voters

_RECORD = SourceName.RECORD
_WITNESSES = {source: Witness(source) for source in SourceName}
_NOBODY_SAID: Mapping[str, Sequence[Statement]] = {}
_NO_SOURCE: frozenset[SourceName] = frozenset()
NOT_JUDGED = "This version does not judge this evidence."
_NO_POD = Missing(UnknownReason.SOURCE_MISSING, "No pod has been Ready for long enough to be judged.")

# Names of members: to look one up at its Enum takes ten times as long, and this is asked of each control and agent.
_BAD, _OBSERVING = Says.BAD, UnknownReason.OBSERVING


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


def weigh(control: Control, evidence: EvidenceSet, facts: Facts, judges: Sequence[RegisteredJudge]) -> Scales:
    """Ask the judges of this control; one that raises, or says what it cannot say, is an error and nothing else."""
    return finished(weigh_in_steps(control, evidence, facts, judges, settled_pods(evidence, facts.now)))


def weigh_in_steps(
    control: Control,
    evidence: EvidenceSet,
    facts: Facts,
    judges: Sequence[RegisteredJudge],
    pods: SettledPods,
    record: Record | None = None,
) -> Steps[Scales]:
    """The same in short steps; `pods`: those of this evidence that have a vote; `record`: the one in force."""
    said: list[Statement] = []
    error, raised = "", _NO_SOURCE
    for registered in judges:
        if _is_seen(evidence, registered.sources):
            handed = _beside(record, evidence) if record is not None and registered.reads_record else evidence
            answer = yield from _asked(registered, control, handed, facts)
            if isinstance(answer, Raised):
                error, raised = answer.what, raised | registered.sources
            else:
                said += answer
    spoken = judges[0].sources if len(judges) == 1 else _NO_SOURCE.union(*[each.sources for each in judges])
    if not evidence.pods:
        whole = [_whole(spec, evidence, facts.now, said) for spec in control.evidence if spec.source is not _RECORD]
        return Scales(tuple(whole), error, raised, judged_sources=spoken)
    every = (part for spec in control.evidence for part in _parts(spec, evidence, facts.now, pods, said))
    parts = yield from in_steps(every)
    return Scales(tuple(_with_a_vote(parts) if said else parts), error, raised, pods.voting, spoken)


def _beside(record: Record, evidence: EvidenceSet) -> EvidenceSet:
    """What a judge is handed that compares what the record lists with what is seen."""
    return replace(evidence, sources={**evidence.sources, _RECORD: Seen(record, record.at, record.id)})


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


def _asked(
    registered: RegisteredJudge, control: Control, evidence: EvidenceSet, facts: Facts
) -> Steps[Sequence[Statement] | Raised]:
    """What a judge says, or that it raised; STEP statements in each step."""
    every, said = _statements(registered, control, evidence, facts), list[Statement]()
    while True:
        some = asked(lambda: list(islice(every, STEP)))
        if isinstance(some, Raised):
            return some
        said += some
        if len(some) < STEP:
            return said
        yield


def _statements(
    registered: RegisteredJudge, control: Control, evidence: EvidenceSet, facts: Facts
) -> Iterator[Statement]:
    for each in registered.judge(control, evidence, facts):
        spec = control.spec(each.source)
        if spec is None or each.source not in registered.sources:
            raise ValueError(f"{control.id} is not judged from {each.source} by this judge")
        if each.says is _BAD and "fail" not in spec.proves:
            raise ValueError(f"{each.source} cannot refute {control.id}")
        yield each


def _parts(
    spec: EvidenceSpec, evidence: EvidenceSet, now: float, pods: SettledPods, said: list[Statement]
) -> Iterator[Weighed]:
    """Of the agent as a whole where the source was gathered so, else of each pod that has a vote."""
    if spec.source is _RECORD:
        return
    whole, by_pod = evidence.sources.get(spec.source), spec.source in pods.given
    mine = _by_pod(spec.source, said) if said else _NOBODY_SAID
    general = tuple(mine.get("", ()))
    if whole is not None or not by_pod or general:
        yield _weighed(spec, _WITNESSES[spec.source], whole or _newest(spec.source, evidence), general, now)
    for witness, found in pods.sources.get(spec.source, ()):
        yield _weighed(spec, witness, found, tuple(mine.get(witness.pod, ())), now)
    if by_pod and not pods.voting and whole is None and not general:
        yield Weighed(spec, _WITNESSES[spec.source], _nobody(spec, evidence))


def _by_pod(source: SourceName, said: Iterable[Statement]) -> Mapping[str, Sequence[Statement]]:
    """What was said of this source, by pod; of the agent as a whole under an empty name."""
    found: dict[str, list[Statement]] = {}
    for each in said:
        if each.source is source:
            found.setdefault(each.pod, []).append(each)
    return found


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
