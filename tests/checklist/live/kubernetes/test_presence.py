"""What a real API server tells of an agent of which no pod is watched: gone, or only between two pods."""

from pathlib import Path

from probes.controls.evidence import AgentRef
from tests.checklist.live.kubernetes.cluster import (
    AGENT,
    NAMESPACE,
    Watched,
    config_map,
    deployment,
    run_pod,
    status,
    until,
    watching,
)
from tests.checklist.live.kubernetes.test_in_a_cluster import WORKLOADS, kubernetes, rights, server
from tests.servers.kube import Kubernetes
from watcher.checklist.live.kubernetes.objects.report_owners import owners_of
from watcher.checklist.live.kubernetes.pods.pod_owners import PodOwners
from watcher.checklist.live.provider import Presence
from watcher.checklist.live.report_objects.report_object import Owner
from watcher.discovery.pod.pod import read_pod

__all__ = ["kubernetes", "server"]

NOT_STARTED = status(ready=False, waiting="ImagePullBackOff") | {"podIP": "", "podIPs": [], "phase": "Pending"}


async def _comes_to(watched: Watched, presence: Presence, agent: AgentRef = AGENT) -> None:
    def said() -> Presence:
        watched.evidence.take_changed()
        return watched.evidence.presence(agent)

    await until(lambda: said() is presence, lambda: str(said()))


def test_an_agent_stays_while_its_pod_ends_and_the_next_one_has_not_started_and_goes_with_its_workload(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    admin = kubernetes.admin
    admin.apply(deployment())
    run_pod(kubernetes)

    async def script(watched: Watched) -> None:
        await until(lambda: bool(watched.discoverer.targets()))
        admin.terminate_pod("pod-1", namespace=NAMESPACE)
        await until(lambda: not watched.discoverer.targets())
        await _comes_to(watched, Presence.PODS)
        admin.delete_pod("pod-1", namespace=NAMESPACE)
        await _comes_to(watched, Presence.WORKLOAD)
        [owner] = watched.evidence.owners_of(AGENT)
        assert (owner.version, owner.kind, owner.name) == ("apps/v1", "Deployment", "agentweave-example")
        run_pod(kubernetes, 2)
        admin.set_pod_status("pod-2", NOT_STARTED, namespace=NAMESPACE)
        await _comes_to(watched, Presence.PODS)
        admin.delete_pod("pod-2", namespace=NAMESPACE)
        await _comes_to(watched, Presence.WORKLOAD)
        admin.delete(deployment(), namespace=NAMESPACE)
        await _comes_to(watched, Presence.GONE)

    watching(kubernetes, tmp_path, script)


def test_a_bare_pod_owns_what_is_written_of_its_agent(kubernetes: Kubernetes, tmp_path: Path) -> None:
    async def script(watched: Watched) -> None:
        owners, agent = PodOwners(), AgentRef("prod", "search")
        owners.put(read_pod({"metadata": {"uid": "u-1", "namespace": "prod", "name": "bare"}, "spec": {}}))
        owners.name("u-1", "search")
        assert owners_of(agent, owners, None, watched.evidence.followed) == [Owner("v1", "Pod", "bare", "u-1")]

    watching(kubernetes, tmp_path, script)


def test_where_workloads_may_not_be_listed_nobody_can_tell_whether_an_agent_without_pods_is_gone(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    kubernetes.admin.apply(rights())

    async def script(watched: Watched) -> None:
        run_pod(kubernetes)
        await _comes_to(watched, Presence.PODS)
        assert watched.evidence.owners_of(AGENT) == []
        kubernetes.admin.delete_pod("pod-1", namespace=NAMESPACE)
        await _comes_to(watched, Presence.UNTOLD)
        assert watched.evidence.presence(AgentRef(NAMESPACE, "never-there")) is Presence.GONE

    watching(kubernetes, tmp_path, script)
    watching(kubernetes, tmp_path, script, groups=())


def test_an_agent_whose_only_pod_never_started_is_told_by_its_workload(kubernetes: Kubernetes, tmp_path: Path) -> None:
    kubernetes.admin.apply(rights(*WORKLOADS), config_map(), deployment())

    async def script(watched: Watched) -> None:
        run_pod(kubernetes)
        kubernetes.admin.set_pod_status("pod-1", NOT_STARTED, namespace=NAMESPACE)

        def beside() -> set[AgentRef]:
            watched.evidence.take_changed()
            for agent in watched.evidence.agents():
                watched.evidence.evidence_of(agent, ())
            return set(watched.evidence.agents())

        await until(lambda: beside() == {AGENT} and bool(watched.evidence.pods.not_started), lambda: str(beside()))
        assert watched.said("deployment.resources.memory-limits") == "fail Violated"

    watching(kubernetes, tmp_path, script)
