"""When records decide: always where only they can, else while the evidence cannot be had for a listed reason."""

from probes.controls.catalogue.control import UnknownReason
from probes.controls.catalogue.terms import AttestableWhen
from probes.controls.evidence import Missing
from probes.controls.finding import Finding, State
from probes.controls.verdict.case import Case
from probes.controls.verdict.record_verdict import Outcome
from probes.controls.verdict.unknown import first_doubt, nothing_since
from probes.controls.verdict.weighing import Weighed

NOTHING_SEEN_FOR = 7 * 86400.0
"""Seconds of NoData or Observing on end after which `nothing_seen_yet` holds."""


def attested(case: Case) -> Finding | None:
    found = case.records
    if found.outcome not in (Outcome.ATTESTED, Outcome.LAPSED) or not _record_counts(case):
        return None
    if case.recorded and (case.scales.error or case.bad()):
        return None  # a judge that might have refuted it failed, or one bad look of two
    state = State.ATTESTED if found.outcome is Outcome.ATTESTED else State.EXPIRED
    made = case.finding(state, found.message, reason=str(found.reason or ""))
    return made._replace(record=found.record)


def _record_counts(case: Case) -> bool:
    if case.recorded:
        return True
    doubt = first_doubt(case)
    since = nothing_since(case, doubt)
    holds = {
        AttestableWhen.NO_POLICY: doubt.reason is UnknownReason.NO_POLICY,
        AttestableWhen.KEY_NOT_EFFECTIVE: doubt.reason is UnknownReason.KEY_NOT_EFFECTIVE,
        AttestableWhen.NOTHING_SEEN_YET: since is not None and case.facts.now - since >= NOTHING_SEEN_FOR,
        AttestableWhen.OPT_IN_OFF: any(_absent_for(part, AttestableWhen.OPT_IN_OFF) for part in case.scales.parts),
        AttestableWhen.OPA_ON_LOOPBACK: any(
            _absent_for(part, AttestableWhen.OPA_ON_LOOPBACK) for part in case.scales.parts
        ),
    }
    return any(holds.get(each, False) for each in case.control.attestable_when)


def _absent_for(part: Weighed, why: AttestableWhen) -> bool:
    if not isinstance(part.found, Missing):
        return False
    off = why is AttestableWhen.OPT_IN_OFF and part.found.reason is UnknownReason.NOT_ENABLED
    return off or part.found.attestable is why
