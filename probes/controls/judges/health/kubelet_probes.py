"""Whether a kubelet's liveness probe can succeed at all: it has no client certificate.

A readiness probe needs no such question: a pod that has a vote is Ready, so its kubelet has seen it succeed.
"""

from collections.abc import Iterator

from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, LivePod, Pod, Seen
from probes.controls.judges.health.case import HEALTH, HealthCase, cases
from probes.controls.judges.kubernetes_object.container_probes import agent_of, liveness_budget
from probes.controls.judging import Facts, Statement, judge
from probes.readings.health.answer import KubeletAnswer, Outcome

_CANNOT = {
    Outcome.NEEDS_CERTIFICATE: "a port that requires a client certificate, which a kubelet does not have",
    Outcome.NEEDS_TLS: "a port that speaks TLS, by plain HTTP",
    Outcome.SPEAKS_NO_TLS: "a port that speaks no TLS, by HTTPS",
}
_NOT_FOUND = 404
_KILLED_BY_THEN = 60.0
"""Seconds after the last probe that may fail in which a kubelet has killed the container, and told so."""


@judge("reliability.health.liveness-configured", of=[HEALTH])
def can_succeed(_: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
    """What a kubelet would be answered, pod by pod; that a probe is there and works is for others to see."""
    for case in cases(evidence):
        if _has_succeeded(evidence, evidence.pods[case.pod], facts.now):
            continue
        for asked in case.answer.kubelet:
            if asked.probe.kind == "liveness":
                yield from _said(case, asked)


def _has_succeeded(evidence: EvidenceSet, pod: Pod, now: float) -> bool:
    """Whether the container has run for longer than its kubelet would let it, did its livenessProbe never succeed."""
    found = evidence.of_pod(SourceName.KUBERNETES_POD, pod)
    if not isinstance(found, Seen) or not isinstance(found.value, LivePod):
        return False
    container, own = agent_of(found.value.template), found.value.agent
    budget = liveness_budget(container) if container is not None else None
    if budget is None or own is None or own.running_since is None or pod.ready_since is None:
        return False
    began = max(own.running_since, pod.ready_since)  # a startupProbe has succeeded by then
    return min(now, found.observed_at) - began > budget + _KILLED_BY_THEN


def _said(case: HealthCase, asked: KubeletAnswer) -> Iterator[Statement]:
    name = f"The {asked.probe.kind}Probe"
    if asked.outcome in _CANNOT:
        yield case.bad(f"{name} cannot succeed: it asks {_CANNOT[asked.outcome]} (port {asked.probe.port}).")
    elif asked.outcome is Outcome.UNREACHABLE:
        yield case.unclear(UnknownReason.UNREACHABLE, f"{name} cannot be asked from here: {asked.trouble}")
    elif asked.status == _NOT_FOUND:
        path = asked.probe.path.partition("?")[0]
        yield case.bad(f"{name} cannot succeed: {path} answers 404 at port {asked.probe.port}.")
