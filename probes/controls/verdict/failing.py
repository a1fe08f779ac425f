"""What makes a control fail, and what it takes to leave that."""

from collections.abc import Sequence

from probes.controls.catalogue.control import PROBED, Assurance, SourceName
from probes.controls.catalogue.terms import FailReason
from probes.controls.evidence import Missing
from probes.controls.finding import Finding, Memory, State, Witness
from probes.controls.judging import Says, Statement
from probes.controls.verdict.case import Case
from probes.controls.verdict.record_verdict import Outcome
from probes.controls.verdict.scales import Weighed
from probes.controls.verdict.showing import message_of

# Names of members: to look one up at its Enum takes ten times as long, and this is asked of each control and agent.
_FAILED, _FAIL = Outcome.FAILED, State.FAIL


def failed(case: Case) -> Finding | None:
    """Fail, where confirmed evidence or a pipeline's result speaks against it; else None."""
    confirmed = [(part, said) for part, said in case.bad() if _confirmed(case, part, said)]
    if confirmed:
        blamed = frozenset(part.witness for part, _ in confirmed)
        made = case.finding(
            _FAIL, message_of(confirmed), [part for part, _ in confirmed], _fail_reason(case, confirmed)
        )
        return made._replace(memory=Memory(blamed=blamed))
    if case.records.outcome is _FAILED:
        made = case.finding(_FAIL, case.records.message, reason=FailReason.VIOLATED)
        blamed = frozenset({Witness(SourceName.RECORD)})
        return made._replace(
            record=case.records.record,
            memory=Memory(blamed=blamed),
            evidence_lost_since=_lost(case) if case.records.lost else None,
        )
    return None


def _confirmed(case: Case, part: Weighed, said: Statement) -> bool:
    """One bad look is enough, or it is the second in a row."""
    if case.control.confirmations == 1 or said.at_once or part.spec.source not in PROBED:
        return True
    first = case.memory.suspects.get(part.witness)
    return part.witness in case.memory.blamed or (first is not None and first < look_of(part, said))


def look_of(part: Weighed, said: Statement) -> float:
    """Unix seconds of the look that a statement rests on."""
    if said.observed_at is not None:
        return said.observed_at
    return 0.0 if isinstance(part.found, Missing) else part.found.observed_at


def _fail_reason(case: Case, confirmed: Sequence[tuple[Weighed, Statement]]) -> FailReason:
    """DeclaredNotObserved: a config says yes, and what is not a config says no."""
    allowed = case.control.fail_reasons
    declared_yes = any(
        said.assurance or part.spec.assurance is Assurance.DECLARED
        for part in case.scales.parts
        if part.spec.assurance is Assurance.DECLARED
        for said in part.says(Says.GOOD)
    )
    observed_no = any(part.spec.assurance is not Assurance.DECLARED for part, _ in confirmed)
    if declared_yes and observed_no and FailReason.DECLARED_NOT_OBSERVED in allowed:
        return FailReason.DECLARED_NOT_OBSERVED
    if case.recorded and FailReason.REFUTED in allowed:
        return FailReason.REFUTED
    return FailReason.VIOLATED


def still_failed(case: Case) -> Finding | None:
    """A fail is left only by contrary evidence: blocking the watcher helps nobody."""
    before = case.previous
    if before is None or before.underlying is not _FAIL:
        return None
    sources = {witness.source for witness in before.memory.blamed} & {spec.source for spec in case.control.evidence}
    if all(_cleared(case, source) for source in sources) and case.are_heard(before.memory.blamed):
        return None
    return lost(before, case.facts.now)


def lost(before: Finding, now: float) -> Finding:
    """Still fail, as it was `before`, although what it rests on cannot be seen any more; `now`: Unix seconds."""
    since = now if before.evidence_lost_since is None else before.evidence_lost_since
    return before._replace(state=_FAIL, record=None, evidence_lost_since=since, next_decided_at=None)


def _lost(case: Case) -> float:
    since = case.previous.evidence_lost_since if case.previous else None
    return case.facts.now if since is None else since


def _cleared(case: Case, source: SourceName) -> bool:
    """Whether this source shows the contrary now: good where it can say so, else seen without anything bad."""
    if source is SourceName.RECORD:
        return True  # one that was taken away is among the records
    parts = case.scales.of(source)
    good = all(part.clean and ("pass" not in part.spec.proves or part.statements) for part in parts)
    return good and not case.scales.error


def suspects(case: Case) -> dict[Witness, float]:
    """Who was bad once and has not been seen to be good since: Unix seconds of the first bad look."""
    if case.control.confirmations == 1:
        return {}
    judged = {spec.source for spec in case.control.evidence}
    before = {each: at for each, at in case.memory.suspects.items() if each.source in judged}
    left = {each: at for each, at in before.items() if not _cleared(case, each.source)}
    probed = [each for each in case.bad() if each[0].spec.source in PROBED]
    return left | {part.witness: left.get(part.witness, look_of(part, said)) for part, said in probed}
