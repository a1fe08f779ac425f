"""When records decide: always where only they can, else while the evidence cannot be had for a listed reason."""

from collections.abc import Iterator, Mapping

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.catalogue.terms import AttestableWhen, OptIn
from probes.controls.evidence import Missing
from probes.controls.finding import NOTHING_REMEMBERED, Finding, State
from probes.controls.verdict.case import Case
from probes.controls.verdict.failing import suspects
from probes.controls.verdict.record_verdict import Outcome
from probes.controls.verdict.unknown import first_doubt, nothing_since

NOTHING_SEEN_FOR = 7 * 86400.0
"""Seconds of NoData or Observing on end after which `nothing_seen_yet` holds."""

_TURNED_ON_BY: Mapping[OptIn, tuple[SourceName, ...]] = {
    OptIn.HOSTILE_HANDSHAKES: (SourceName.TLS_POSTURE,),
    OptIn.LOGS: (SourceName.LOGS, SourceName.ROLLOUT),  # whose record has what logs show of it
    OptIn.TRACES: (SourceName.TRACES,),
    OptIn.PROMETHEUS: (SourceName.PROMETHEUS,),
    OptIn.ALERTMANAGER: (SourceName.ALERTMANAGER,),
    OptIn.REPORTS: (SourceName.SCANNER_REPORT,),
    OptIn.RBAC: (SourceName.CLUSTER_SPIFFE_ID, SourceName.KUBERNETES_OBJECT),
    OptIn.DOCUMENT_LINKS: (SourceName.DOCUMENT_LINK,),
}


def attested(case: Case) -> Finding | None:
    """Attested or expired, where a record counts; None where none does."""
    found = case.records
    if found.outcome not in (Outcome.ATTESTED, Outcome.LAPSED):
        return None
    if case.scales.error or suspects(case):
        return None  # a judge that might have refuted it failed, or one bad look of two
    memory = NOTHING_REMEMBERED
    if not case.recorded:
        since = nothing_since(case, first_doubt(case))
        if not _may_be_attested(case, since):
            return None
        memory = memory._replace(nothing_since=since)
    state = State.ATTESTED if found.outcome is Outcome.ATTESTED else State.EXPIRED
    made = case.finding(state, found.message, reason=str(found.reason or ""))
    return made._replace(record=found.record, memory=memory)


def _may_be_attested(case: Case, since: float | None) -> bool:
    """Of an automatic control; `since`: Unix seconds since when there is nothing to see."""
    reason = first_doubt(case).reason
    holds = {
        AttestableWhen.NO_POLICY: reason is UnknownReason.NO_POLICY,
        AttestableWhen.KEY_NOT_EFFECTIVE: reason is UnknownReason.KEY_NOT_EFFECTIVE,
        AttestableWhen.NOTHING_SEEN_YET: since is not None and case.facts.now - since >= NOTHING_SEEN_FOR,
        AttestableWhen.OPT_IN_OFF: UnknownReason.NOT_ENABLED in _reasons_of_the_opt_in(case),
        AttestableWhen.OPA_ON_LOOPBACK: any(
            isinstance(part.found, Missing) and part.found.attestable is AttestableWhen.OPA_ON_LOOPBACK
            for part in case.scales.parts
        ),
    }
    return any(holds.get(each, False) for each in case.control.attestable_when)


def _reasons_of_the_opt_in(case: Case) -> Iterator[UnknownReason | None]:
    """Why the evidence that the control's opt-in would turn on says nothing."""
    sources = _TURNED_ON_BY[case.control.opt_in] if case.control.opt_in else ()
    for part in case.scales.parts:
        if part.spec.source in sources:
            yield from [each.reason for each in part.statements]
            if isinstance(part.found, Missing):
                yield part.found.reason
