"""The verdict on one control of one agent, of evidence, records and the verdict before.

1. The fact without which the control does not apply is proven false: not_applicable.
2. Fresh evidence against it, confirmed where it was probed, or a failed pipeline's result: fail, whatever else says.
3. It failed before, and whose evidence that was has not since shown the contrary: still fail.
4. Automatic, all evidence there, none unclear, enough of it good: pass.
5. It needs a record, or its evidence cannot be had for a reason that attestable_when lists: attested, or expired.
6. Else unknown, for the first reason of the list that holds.
7. A waiver in force turns fail, unknown and expired into waived, and keeps what is under it.

Nothing is read here: time, evidence and records are arguments.
"""

from collections.abc import Sequence

from probes.controls.catalogue.control import Assurance, Control, SourceName, UnknownReason
from probes.controls.catalogue.terms import Automation, Scope
from probes.controls.evidence import EvidenceSet, Missing, RolloutRecord, Seen
from probes.controls.evidence.gathered import NOT_GIVEN
from probes.controls.finding import Finding, RecordRef, State, Witness
from probes.controls.judging import Facts, Judges, Statement
from probes.controls.records import Record
from probes.controls.steps import STEP, Steps, finished
from probes.controls.verdict.applying import Answers, applies_to
from probes.controls.verdict.attesting import attested
from probes.controls.verdict.case import Case
from probes.controls.verdict.failing import failed, lost, still_failed, suspects
from probes.controls.verdict.not_applicable import not_applicable
from probes.controls.verdict.passing import Doubt, doubts, proofs
from probes.controls.verdict.record_verdict import judge_records, waiver_of
from probes.controls.verdict.scales import Weighed, by_the_record
from probes.controls.verdict.showing import message_of
from probes.controls.verdict.unknown import unknown
from probes.controls.verdict.weighing import SettledPods, settled_pods, weigh_in_steps

_WAIVABLE = (State.FAIL, State.UNKNOWN, State.EXPIRED)

# Names of members: to look one up at its Enum takes ten times as long, and this is asked of each control and agent.
_RELEASE, _ROLLOUT, _AUTO = Scope.RELEASE, SourceName.ROLLOUT, Automation.AUTO


def judge_control(
    control: Control,
    evidence: EvidenceSet,
    facts: Facts,
    judges: Judges,
    records: Sequence[Record] = (),
    previous: Finding | None = None,
    answers: Answers | None = None,
    pods: SettledPods | None = None,
) -> Finding:
    """One finding of a control that is no roll-up. `records` are valid ones; `previous` is of the same subject;
    `answers` keeps which facts hold of this evidence, for its other controls, and `pods` are those that have a vote.
    """
    voting = settled_pods(evidence, facts.now) if pods is None else pods
    known: Answers = {} if answers is None else answers
    return finished(judge_control_in_steps(control, evidence, facts, judges, records, previous, known, voting))


def judge_control_in_steps(
    control: Control,
    evidence: EvidenceSet,
    facts: Facts,
    judges: Judges,
    records: Sequence[Record],
    previous: Finding | None,
    answers: Answers,
    pods: SettledPods,
) -> Steps[Finding]:
    """The same in steps that are short whatever the number of pods.

    Records of another environment than that of `facts` do not count. For scope release the subject is one rollout: the
    finding of another one is no previous finding.
    """
    rollout = evidence.sources.get(_ROLLOUT, NOT_GIVEN)
    if control.scope is _RELEASE:
        if isinstance(rollout, Missing):
            return before_any_rollout(control, rollout, facts.now, previous)
        previous = of_this_rollout(rollout, previous)
    applies = applies_to(control, evidence, facts, judges, answers)
    if applies is False:
        return _since(not_applicable(control, facts.now), previous)
    if len(evidence.pods) > STEP:
        yield
    records = [each for each in records if each.environment == facts.environment]
    recorded = judge_records(control, evidence, records, facts.now)
    judging = judges.controls.get(control.id, ())
    scales = yield from weigh_in_steps(control, evidence, facts, judging, pods, recorded.in_force)
    case = Case(
        control,
        evidence,
        facts,
        by_the_record(scales) if control.scope is _RELEASE else scales,
        previous,
        recorded,
        applies if isinstance(applies, Missing) else None,
    )
    formed = yield from _formed(case)
    finding = _since(_remembering(case, formed), previous)
    waiver = waiver_of(control, evidence, records, facts.now)
    return _waived(finding, waiver) if waiver and finding.state in _WAIVABLE else finding


def before_any_rollout(control: Control, rollout: Missing, now: float, previous: Finding | None) -> Finding:
    """Of scope release, where no rollout was seen. What failed stays so where that is not known any more."""
    if previous and previous.underlying is State.FAIL and rollout.reason is not UnknownReason.NO_DATA:
        return lost(previous, now)
    finding = Finding(
        control=control.id,
        state=State.UNKNOWN,
        underlying=State.UNKNOWN,
        reason=rollout.reason,
        message=rollout.message,
        since=now,
    )
    return _since(finding, previous)


def of_this_rollout(rollout: Seen[object], previous: Finding | None) -> Finding | None:
    """The finding before, where it was about the same rollout."""
    record = rollout.value
    if previous is None or not isinstance(record, RolloutRecord) or previous.since >= record.subject_since:
        return previous
    return None


def _formed(case: Case) -> Steps[Finding]:
    of_many = len(case.scales.parts) > STEP
    if made := failed(case) or still_failed(case):
        return made
    if of_many:
        yield
    found = doubts(case.control, case.scales) if case.control.automation is _AUTO else None
    if of_many:
        yield
    if found is not None and (passed := _passed(case, found)):
        return passed
    if of_many:
        yield
    return attested(case) or unknown(case, found)


def _passed(case: Case, found: Sequence[Doubt]) -> Finding | None:
    if case.unsure or found or suspects(case):
        return _kept_pass(case, found)
    proven = proofs(case.control, case.scales)
    made = case.finding(State.PASS, message_of(proven), [part for part, _ in proven])
    return made._replace(assurance=max((_assurance(*each) for each in proven), key=lambda each: each.rank))


def _assurance(part: Weighed, said: Statement) -> Assurance:
    return max(part.spec.assurance, said.assurance or part.spec.assurance, key=lambda each: each.rank)


def _kept_pass(case: Case, found: Sequence[Doubt]) -> Finding | None:
    """What was seen holds for its time where nobody can say otherwise yet."""
    before = case.previous
    if before is None or before.underlying is not State.PASS or suspects(case):
        return None
    for each in before.evidence:
        spec = case.control.spec(each.source)
        if spec is None or (spec.max_age is not None and case.facts.now - each.observed_at > spec.max_age):
            return None
    return before if _not_seen_yet(case, found, before) or _no_pod_to_look_at(case, found, before) else None


def _not_seen_yet(case: Case, found: Sequence[Doubt], before: Finding) -> bool:
    """The watcher began anew and has not looked yet at what the pass rests on, pod by pod."""
    shown = {Witness(each.source, each.pod) for each in before.evidence}
    waiting = {part.witness for part in case.scales.parts if isinstance(part.found, Missing) and _waits(part.found)}
    return not case.unsure and {each.witness for each in found} <= shown & waiting


def _waits(missing: Missing) -> bool:
    return missing.reason is UnknownReason.OBSERVING


def _no_pod_to_look_at(case: Case, found: Sequence[Doubt], before: Finding) -> bool:
    """No pod is settled, and what was seen was seen of pods."""
    of_pods = {each.source for each in before.evidence if each.pod}
    return (
        bool(of_pods) and not case.scales.voting and {each.witness and each.witness.source for each in found} <= of_pods
    )


def _remembering(case: Case, finding: Finding) -> Finding:
    """With what the next verdict must know: who was bad once."""
    if case.control.confirmations == 1 and not finding.memory.suspects:
        return finding
    bad_once = suspects(case)
    if not (bad_once or finding.memory.suspects):
        return finding
    return finding._replace(memory=finding.memory._replace(suspects=bad_once))


def _since(finding: Finding, previous: Finding | None) -> Finding:
    before = previous.since if previous and previous.underlying is finding.underlying else finding.since
    return finding if before == finding.since else finding._replace(since=before)


def _waived(finding: Finding, waiver: RecordRef) -> Finding:
    return finding._replace(state=State.WAIVED, record=waiver)
