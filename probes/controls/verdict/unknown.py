"""Why a control is unknown."""

from collections.abc import Sequence

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import Missing
from probes.controls.evidence.gathered import NOT_GIVEN
from probes.controls.finding import Finding, Memory, State, Witness
from probes.controls.verdict.case import Case
from probes.controls.verdict.failing import suspects
from probes.controls.verdict.passing import NONE_OF, Doubt, doubts
from probes.controls.verdict.record_verdict import Outcome
from probes.controls.verdict.showing import cut

_ROLLOUT = SourceName.ROLLOUT  # to look one up at its Enum takes ten times as long, and this is asked of each control


def unknown(case: Case, found: Sequence[Doubt] | None = None) -> Finding:
    """Unknown, for the reason that is told, and when it can be decided. `found`: its doubts, where they are known."""
    if case.recorded and not case.scales.error and not suspects(case):
        return _no_record(case)
    doubt = _told(case, found)
    made = case.finding(State.UNKNOWN, doubt.message, case.scales.parts, doubt.reason)
    since = nothing_since(case, doubt)
    shown = sorted(made.evidence, key=lambda each: (each.source, each.pod) != doubt.witness)  # what is open, first
    return made._replace(evidence=tuple(shown), next_decided_at=doubt.next_at, memory=Memory(nothing_since=since))


def _no_record(case: Case) -> Finding:
    if case.records.outcome is Outcome.UNKNOWN:
        made = case.finding(State.UNKNOWN, case.records.message, reason=str(case.records.reason))
        return made._replace(record=case.records.record)
    kinds = " or ".join(case.control.record.kinds) if case.control.record else ""
    return case.finding(
        State.UNKNOWN, f"There is no valid {kinds} record.", case.scales.parts, UnknownReason.ATTESTATION_MISSING
    )


def _told(case: Case, found: Sequence[Doubt] | None) -> Doubt:
    """The first one; where other evidence is simply not there, what the operator must say comes before that.

    For what people may attest only the first one counts: else to take evidence away would open that.
    """
    doubted = doubts(case.control, case.scales) if found is None else found
    first = first_doubt(case, doubted)
    open_to_policy = (each for each in doubted if each.reason is UnknownReason.NO_POLICY)
    return next(open_to_policy, first) if first.absent else first


def first_doubt(case: Case, doubted: Sequence[Doubt] | None = None) -> Doubt:
    """The reason that is told: a fault of ours before all, then what the record of a rollout leaves open, else the
    first of the list that holds."""
    found = _doubts(case, doubts(case.control, case.scales) if doubted is None else doubted)
    ours = [each for each in found if each.reason is UnknownReason.EVALUATOR_ERROR]
    declared = [each for each in found if each.reason is UnknownReason.DECLARED_ONLY]
    if ours or (declared and all(each.absent for each in found if each not in declared)):
        return (ours or declared)[0]
    of_record = [each for each in found if each.witness is not None and each.witness.source is _ROLLOUT]
    first = min(of_record or found, key=lambda each: each.reason.rank)
    return first._replace(message=cut(f"{first.message} {why}")) if (why := _why_not_given(case, first)) else first


def _why_not_given(case: Case, doubt: Doubt) -> str:
    """Of evidence that was not given, what is known of other evidence that lacks too; empty where there is no more."""
    if doubt.witness is None or doubt.message != NONE_OF[doubt.witness.source]:
        return ""
    lacking = (part.found for part in case.scales.parts if isinstance(part.found, Missing))
    return next((each.message for each in lacking if each.reason is doubt.reason and each != NOT_GIVEN), "")


def _doubts(case: Case, doubted: Sequence[Doubt]) -> list[Doubt]:
    found = list(doubted)
    if case.unsure:
        found.append(Doubt(case.unsure.reason, case.unsure.message, case.unsure.next_at))
    return found + [_suspected(case, witness) for witness in suspects(case)]


def _suspected(case: Case, witness: Witness) -> Doubt:
    for part, said in case.bad():
        if part.witness == witness:
            next_at = None if isinstance(part.found, Missing) else part.found.next_at
            return Doubt(
                UnknownReason.OBSERVING, f"One bad look, a second one decides: {said.message}", next_at, witness
            )
    return Doubt(UnknownReason.OBSERVING, f"One bad look, and since then none at {witness.source}.", None, witness)


def nothing_since(case: Case, doubt: Doubt) -> float | None:
    """Unix seconds since when this has been NoData or Observing on end; None where it is neither."""
    if doubt.reason not in (UnknownReason.NO_DATA, UnknownReason.OBSERVING):
        return None
    return case.facts.now if case.memory.nothing_since is None else case.memory.nothing_since
