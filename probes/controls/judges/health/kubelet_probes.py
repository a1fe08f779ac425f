"""Whether a kubelet's liveness and readiness probes can succeed at all: they have no client certificate."""

from collections.abc import Iterator

from probes.controls.catalogue.control import Control, UnknownReason
from probes.controls.evidence import EvidenceSet
from probes.controls.judges.health.case import HEALTH, HealthCase, cases
from probes.controls.judging import Facts, Statement, judge
from probes.readings.health.answer import KubeletAnswer, Outcome

_KINDS = {
    "reliability.health.liveness-configured": "liveness",
    "reliability.health.readiness-configured": "readiness",
}
_CANNOT = {
    Outcome.NEEDS_CERTIFICATE: "a port that requires a client certificate, which a kubelet does not have",
    Outcome.NEEDS_TLS: "a port that speaks TLS, by plain HTTP",
    Outcome.SPEAKS_NO_TLS: "a port that speaks no TLS, by HTTPS",
}
_NOT_FOUND = 404


@judge(*_KINDS, of=[HEALTH])
def can_succeed(control: Control, evidence: EvidenceSet, _: Facts) -> Iterator[Statement]:
    """What a kubelet would be answered, pod by pod; that a probe is there and works is for others to see."""
    for case in cases(evidence):
        for asked in case.answer.kubelet:
            if asked.probe.kind == _KINDS[control.id]:
                yield from _said(case, asked)


def _said(case: HealthCase, asked: KubeletAnswer) -> Iterator[Statement]:
    name = f"The {asked.probe.kind}Probe"
    if asked.outcome in _CANNOT:
        yield case.bad(f"{name} cannot succeed: it asks {_CANNOT[asked.outcome]} (port {asked.probe.port}).")
    elif asked.outcome is Outcome.UNREACHABLE:
        yield case.unclear(UnknownReason.UNREACHABLE, f"{name} cannot be asked from here: {asked.trouble}")
    elif asked.status == _NOT_FOUND:
        path = asked.probe.path.partition("?")[0]
        yield case.bad(f"{name} cannot succeed: {path} answers 404 at port {asked.probe.port}.")
