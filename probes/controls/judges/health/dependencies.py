"""Whether an agent's health tells of what it depends on: what it names, and what it said when that was down."""

from collections.abc import Iterator, Sequence

from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, LivePod, Seen
from probes.controls.judges.health.case import HEALTH, HealthCase, cases
from probes.controls.judging import Facts, Says, Statement, judge
from probes.readings.health.answer import OUTAGE, Outage
from probes.readings.health.document import HealthDocument, Kind

CONDITIONS = SourceName.CONDITIONS
_CONTROL = "reliability.health.dependency-checks"
_FROM_OUTSIDE = "OPAUnreachable"
"""The one condition of these that tells of the watcher's own path: a policy may cut that and not the agent's."""
_NEVER = "Nothing that it depends on was down for long enough while it was watched."


@judge(_CONTROL, of=[HEALTH, CONDITIONS])
def dependency_checks(control: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
    """Its body names identity and authorization, and it did not call itself healthy while one of them was down."""
    found = list(cases(evidence))
    for case in found:
        yield _named(case)
    spec = control.spec(CONDITIONS)
    longest = spec.max_age if spec is not None and spec.max_age is not None else float("inf")
    outages = {each for case in found for each in case.answer.outages if facts.now - each.looked_at <= longest}
    if found:
        next_at = min((case.seen.next_at for case in found if case.seen.next_at is not None), default=None)
        yield from _told(evidence, sorted(outages, key=lambda each: -each.looked_at), next_at)


def _named(case: HealthCase) -> Statement:
    health = case.health()
    if isinstance(health, Statement):
        return health
    said = health.document
    if said is None or not said.components:
        return case.bad("The body of /health names no components.")
    lacking = [kind for kind in (Kind.IDENTITY, Kind.AUTHORIZATION) if not said.states(kind)]
    if lacking:
        return case.unclear(UnknownReason.NO_DATA, f"No component that /health names is for {' or '.join(lacking)}.")
    return case.good(f"/health names {_names(said)}.")


def _names(said: HealthDocument) -> str:
    names = [each.name for each in said.components if each.kind in (Kind.IDENTITY, Kind.AUTHORIZATION)]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"


def _told(evidence: EvidenceSet, outages: Sequence[Outage], next_at: float | None) -> Iterator[Statement]:
    """What the outages tell, said of the conditions as they were gathered: of the agent, or of each pod."""
    told = _of_outages(outages, evidence, next_at)
    if isinstance(evidence.of(CONDITIONS, object), Seen):
        yield told
        return
    for pod in evidence.pods.values():
        if isinstance(evidence.of_pod(CONDITIONS, pod), Seen):
            yield Statement(
                CONDITIONS,
                told.says,
                told.message,
                observed_at=told.observed_at,
                pod=pod.name,
                reason=told.reason,
                next_at=told.next_at,
            )


def _of_outages(outages: Sequence[Outage], evidence: EvidenceSet, next_at: float | None) -> Statement:
    said_healthy = [each for each in outages if each.lied and not _contradicted(each, outages)]
    lies = [each for each in said_healthy if each.condition != _FROM_OUTSIDE or _opa_was_down(each, evidence)]
    if lies:
        what = f"called {lies[0].subject}" if lies[0].subject else "stayed"
        message = f"/health of {lies[0].pod} {what} healthy for {OUTAGE:.0f} s and longer while {lies[0].down}."
        return Statement(CONDITIONS, Says.BAD, message[:200], observed_at=lies[0].looked_at)
    honest = [each for each in outages if each.honest and not each.subject]  # a callee is not what the control names
    if honest:
        message = f"/health of {honest[0].pod} told of it while {honest[0].down}."
        return Statement(CONDITIONS, Says.GOOD, message[:200], observed_at=honest[0].looked_at)
    doubted = f"/health of {said_healthy[0].pod} {_DOUBTED}"[:200] if said_healthy else _NEVER
    return Statement(CONDITIONS, Says.UNCLEAR, doubted, reason=UnknownReason.OBSERVING, next_at=next_at)


_DOUBTED = "stayed healthy while the watcher could not reach its OPA; that the agent could not either is not known."


def _opa_was_down(outage: Outage, evidence: EvidenceSet) -> bool:
    """Whether by the kubelet the OPA in this pod did not run from the beginning of the outage to the last look."""
    pod = evidence.pods.get(outage.pod)
    found = evidence.of_pod(SourceName.KUBERNETES_POD, pod) if pod is not None else None
    if not isinstance(found, Seen) or not isinstance(found.value, LivePod) or found.observed_at < outage.looked_at:
        return False
    opa = found.value.run.container(found.value.opa)
    if opa is None or opa.ended is None or not 0 < opa.ended.finished_at <= outage.since:
        return False
    return opa.running_since is None or opa.running_since >= outage.looked_at


def _contradicted(lie: Outage, outages: Sequence[Outage]) -> bool:
    """Whether it told the truth in a later outage; another pod in the same one does not make it true."""
    later = (each for each in outages if each.honest and each.since > lie.looked_at)
    return any((each.condition, each.subject) == (lie.condition, lie.subject) for each in later)
