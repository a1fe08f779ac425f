"""Why a control is unknown."""

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Missing
from probes.controls.finding import Finding, Memory, State
from probes.controls.verdict.case import Case
from probes.controls.verdict.passing import Doubt, doubts
from probes.controls.verdict.record_verdict import Outcome


def unknown(case: Case) -> Finding:
    if case.recorded and not case.scales.error and not case.bad():
        return _no_record(case)
    doubt = first_doubt(case)
    made = case.finding(State.UNKNOWN, doubt.message, case.scales.parts, doubt.reason)
    since = nothing_since(case, doubt)
    return made._replace(next_decided_at=doubt.next_at, memory=Memory(nothing_since=since))


def _no_record(case: Case) -> Finding:
    if case.records.outcome is Outcome.UNKNOWN:
        made = case.finding(State.UNKNOWN, case.records.message, reason=str(case.records.reason))
        return made._replace(record=case.records.record)
    kinds = " or ".join(case.control.record.kinds) if case.control.record else ""
    return case.finding(
        State.UNKNOWN, f"There is no valid {kinds} record.", case.scales.parts, UnknownReason.ATTESTATION_MISSING
    )


def first_doubt(case: Case) -> Doubt:
    """The reason that is told: a fault of ours before all, else the first of the list that holds."""
    found = _doubts(case)
    ours = [each for each in found if each.reason is UnknownReason.EVALUATOR_ERROR]
    declared = [each for each in found if each.reason is UnknownReason.DECLARED_ONLY]
    if ours or (declared and all(each.absent for each in found if each not in declared)):
        return (ours or declared)[0]
    return min(found, key=lambda each: each.reason.rank)


def _doubts(case: Case) -> list[Doubt]:
    found = doubts(case.control, case.scales)
    if case.unsure:
        found.append(Doubt(case.unsure.reason, case.unsure.message, case.unsure.next_at))
    for part, said in case.bad():
        next_at = None if isinstance(part.found, Missing) else part.found.next_at
        found.append(
            Doubt(UnknownReason.OBSERVING, f"One bad look, a second one decides: {said.message}", next_at, part.witness)
        )
    return found


def nothing_since(case: Case, doubt: Doubt) -> float | None:
    if doubt.reason not in (UnknownReason.NO_DATA, UnknownReason.OBSERVING):
        return None
    return case.facts.now if case.memory.nothing_since is None else case.memory.nothing_since
