"""Agents in a real API server as the public manifests make them, and what the live checklist has of them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probes.controls.evidence import AgentRef, EvidenceSet
from probes.controls.finding import Finding
from probes.controls.judging import Facts, load_judges
from probes.controls.sdk.loading import load_sdk_facts
from probes.controls.verdict.control import judge_control
from tests.discovery.pods.test_target import CONFIG, LIMITS, POD
from tests.probes.controls.made import CATALOGUE
from tests.servers.kube import Kubernetes
from watcher.checklist.live.gathering import Gathering
from watcher.checklist.live.kubernetes.evidence import KubernetesEvidence
from watcher.checklist.live.kubernetes.objects.kinds import Group
from watcher.config.kubernetes import KubernetesSettings
from watcher.config.replicas import Shard
from watcher.discovery.pods.discoverer import Discoverer
from watcher.kube.list_watch import Patience
from watcher.runtime.clock import Clock, since_boot

NAMESPACE, ACCOUNT, WATCH = "agentweave", "w-agentweave-watcher", "watch"
AGENT = AgentRef(NAMESPACE, "example-agent")
PATIENCE = Patience(backoff=(0.02, 0.2))  # no watch ends by itself: nothing is listed anew without a reason
ALL = tuple(Group)
WHOLE_FLEET = Shard()
PROMPT = 10.0
"""Seconds in which what changed must be judged."""


@dataclass
class Watched:
    """The discovery and the evidence of one process."""

    discoverer: Discoverer
    evidence: KubernetesEvidence
    shard: Shard

    def gathered(self, agent: AgentRef = AGENT) -> EvidenceSet:
        """All that is known of an agent now."""
        targets = [each for each in self.discoverer.targets() if each.key.agent == agent.agent]
        return Gathering([self.evidence], self.shard.owns).of(agent, {}, targets, time.time()).evidence

    def finding(self, control: str, agent: AgentRef = AGENT, after: float = 0.0) -> Finding:
        """The finding of one control, `after` so many seconds; roles are those of no operator."""
        facts = Facts(now=time.time() + after, sdk=load_sdk_facts())
        return judge_control(CATALOGUE.by_id[control], self.gathered(agent), facts, load_judges())

    def said(self, control: str, agent: AgentRef = AGENT) -> str:
        """Its state, and the reason where it has one."""
        found = self.finding(control, agent)
        return f"{found.state} {found.reason}".strip()

    async def until_said(self, control: str, expected: str, agent: AgentRef = AGENT) -> None:
        """Wait until the finding is this, and no longer than PROMPT."""
        await until(lambda: self.said(control, agent) == expected, lambda: str(self.finding(control, agent)))


async def until(holds: Callable[[], bool], told: Callable[[], str] = str, within: float = PROMPT) -> None:
    """Wait until it holds; AssertionError with what is told where it does not come to that."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, told()
        await asyncio.sleep(0.05)


Script = Callable[[Watched], Awaitable[None]]


def watching(
    kubernetes: Kubernetes,
    directory: Path,
    script: Script,
    groups: Sequence[Group] = ALL,
    *,
    account: str = ACCOUNT,
    every: float = 1.0,
    namespaces: object = "all",
    ids: Mapping[str, str] | None = None,
    shard: Shard = WHOLE_FLEET,
) -> None:
    """Run a script beside a watch that asks as this service account does."""
    kubeconfig = directory / "kubeconfig"
    kubeconfig.write_text(kubernetes.kubeconfig(kubernetes.admin.token(WATCH, account)).read_text())

    async def run() -> None:
        descriptors = _descriptors()
        given = {"kubeconfig": kubeconfig, "allow_cidrs": ["127.8.0.0/16"], "namespaces": namespaces}
        wanted = KubernetesSettings.model_validate({**given, "cluster_spiffe_ids": ids})
        clock = Clock(time.time, since_boot)
        discoverer = Discoverer(
            wanted, LIMITS, None, clock.steady, lambda low, _: low, PATIENCE, shard, date_of=clock.date_of
        )
        evidence = KubernetesEvidence(discoverer, clock, groups, every, "1.0.0", lambda low, _: low, PATIENCE)
        try:
            await discoverer.start(10)
            evidence.start()
            await script(Watched(discoverer, evidence, shard))
        finally:
            await evidence.close()
            await discoverer.close()
            await until(lambda: _descriptors() <= descriptors)  # a connection is closed when both sides said so

    asyncio.run(run())


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def run_pod(kubernetes: Kubernetes, number: int = 1, **spec: object) -> None:
    """A pod of the example agent, as scheduler and kubelet would run it; `spec`: other parts of its spec."""
    raw = deepcopy(POD)
    meta = raw["metadata"]
    named = {"name": f"pod-{number}", "labels": meta["labels"], "annotations": meta["annotations"]}
    named["ownerReferences"] = [
        {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "agentweave-example-6d5b9c7f8b", "uid": "1"}
        | {"controller": True}
    ]
    del raw["spec"]["nodeName"]
    raw["spec"]["volumes"] += [{"name": name, "emptyDir": {}} for name in ("spire-agent-socket", "tmp")]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": named, "spec": raw["spec"] | spec}
    kubernetes.admin.run_pod(pod, status(number), namespace=NAMESPACE)


def status(number: int = 1, *, restarts: int = 0, ready: bool = True, waiting: str = "") -> dict[str, Any]:
    """What a kubelet tells of the example pod."""
    found: dict[str, Any] = deepcopy(POD["status"])
    for each, container in zip(found["containerStatuses"], POD["spec"]["containers"], strict=True):
        each |= {"ready": ready, "started": True, "image": container["image"], "restartCount": restarts}
        each["imageID"] = f"docker.io/{container['image'].partition(':')[0]}@sha256:{'a' * 64}"
    if waiting:
        found["containerStatuses"][0]["state"] = {"waiting": {"reason": waiting}}
    address = f"127.8.3.{number}"
    return {**found, "podIP": address, "podIPs": [{"ip": address}]}


def config_map(text: str = CONFIG, name: str = "agentweave-example-config", **data: str) -> dict[str, Any]:
    """A ConfigMap of the example agent."""
    named = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "data": {"config.yaml": text, **data}}


def deployment(replicas: int = 1, **spec: object) -> dict[str, Any]:
    """The workload of the example agent."""
    raw = deepcopy(POD)
    del raw["spec"]["nodeName"]
    raw["spec"]["volumes"] += [{"name": name, "emptyDir": {}} for name in ("spire-agent-socket", "tmp")]
    labels = {key: value for key, value in raw["metadata"]["labels"].items() if key != "pod-template-hash"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "agentweave-example", "namespace": NAMESPACE, "labels": {"team": "search"}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": raw["spec"]},
            **spec,
        },
    }


def policy(name: str, selector: Mapping[str, object] | None = None, **spec: object) -> dict[str, Any]:
    """A NetworkPolicy; it selects all pods and lets nothing in and out unless it says so."""
    named = {"name": name, "namespace": NAMESPACE}
    given = {"podSelector": selector or {}, "policyTypes": ["Ingress", "Egress"], **spec}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": named, "spec": given}
