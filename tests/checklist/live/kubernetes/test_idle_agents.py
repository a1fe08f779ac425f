"""Agents without a pod: what is known of them lapses as all else does when the API server tells of it no more."""

from pathlib import Path

import pytest

from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import AgentObjects, AgentRef, Missing, Seen
from tests.checklist.live.kubernetes.cluster import deployment
from tests.discovery.pods.test_target import LIMITS
from watcher.checklist.live.kubernetes.evidence import KubernetesEvidence
from watcher.checklist.live.kubernetes.objects.collection import OLD
from watcher.checklist.live.kubernetes.objects.kinds import Group
from watcher.checklist.live.provider import Provided
from watcher.config.kubernetes import KubernetesSettings
from watcher.discovery.pods.discoverer import Discoverer
from watcher.kube.errors import RefusedError
from watcher.runtime.clock import Clock

BEGAN = 1_795_000_000.0
AGENT = AgentRef("agentweave", "agentweave-example")


class Idle:
    """The evidence of a process that was told of one Deployment without pods at second 0."""

    def __init__(self) -> None:
        self.now = 0.0
        clock = Clock(lambda: BEGAN + self.now, lambda: self.now)
        settings = KubernetesSettings.model_validate({"kubeconfig": Path("/nowhere")})
        discoverer = Discoverer(settings, LIMITS, None, clock.steady, lambda low, _: low, date_of=clock.date_of)
        self.evidence = KubernetesEvidence(discoverer, clock, tuple(Group), 300.0, "1.0.0", lambda low, _: low)
        for scope in discoverer.scopes:
            scope.answered()
        [self.workloads] = self.evidence.followed.every(["Deployment"])
        raw = deployment(0)
        raw["metadata"]["uid"] = "d"
        self.workloads.put(raw)
        self.workloads.listed({"d"})
        self.workloads.answered()
        assert set(self.evidence.agents()) == {AGENT}

    def provided(self) -> Provided:
        assert set(self.evidence.agents()) == {AGENT}  # what is not told of is not gone
        return self.evidence.evidence_of(AGENT, ())


@pytest.fixture
def idle() -> Idle:
    return Idle()


def test_what_an_agent_without_pods_has_is_as_old_as_what_was_told_of_it(idle: Idle) -> None:
    idle.now = OLD - 1
    found = idle.provided().sources[SourceName.KUBERNETES_OBJECT]
    assert isinstance(found, Seen)
    assert isinstance(found.value, AgentObjects)
    assert found.observed_at == BEGAN
    for inner in (found.value.workload, found.value.template, found.value.listings["ConfigMap"]):
        assert isinstance(inner, Seen)
        assert inner.observed_at == BEGAN


@pytest.mark.parametrize(("code", "seconds", "reason"), [(0, OLD + 1, "Stale"), (403, 1.0, "Forbidden")])
def test_an_agent_without_pods_is_unknown_once_its_workload_is_not_told_of(
    idle: Idle, code: int, seconds: float, reason: str
) -> None:
    idle.now = seconds
    if code:
        idle.workloads.failed("no", RefusedError(code, "no"))
    sources = idle.provided().sources
    for source in (SourceName.KUBERNETES_OBJECT, SourceName.AGENT_CONFIG):
        found = sources[source]
        assert isinstance(found, Missing)
        assert found.reason == reason
