"""Agents of every kind of workload in a real Kubernetes with its controllers; the kubelet's part is done by hand."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.discovery.pods.test_cluster import GROUP, ROLE
from tests.discovery.pods.test_discoverer import LIMITS, until
from tests.discovery.pods.test_storms import AUDIT
from tests.discovery.pods.test_target import CONFIG, POD
from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.kube import Kubernetes, run_kubernetes
from tests.servers.kube_api import KubeApi
from tests.servers.kube_controllers import Kubelet, run_controllers
from tests.servers.process import eventually
from watcher.config.kubernetes import KubernetesSettings
from watcher.discovery.pods.discoverer import Discoverer

pytestmark = pytest.mark.xdist_group("controllers")  # the last test reads what all before it had the watcher ask


WATCHER = "system:serviceaccount:watching:watcher"
LABELS = {"app.kubernetes.io/component": "agent"}
MI = 2**20
REFUSED = {("get", "configmaps"), ("get", "services")}
"""What the watcher may not do while the test of rights has taken it away."""


@dataclass(frozen=True)
class Cluster:
    """A Kubernetes that acts, and what was asked of it."""

    kubernetes: Kubernetes
    kubelet: Kubelet
    audit_log: Path

    def namespace(self, name: str, *rules: object) -> None:
        """A namespace with the agents' ConfigMap, where the watcher may do this."""
        self.kubernetes.admin.namespace(name)
        data = {"config.yaml": CONFIG}
        self.kubernetes.admin.apply(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "search-config"}, "data": data},
            namespace=name,
        )
        self.allow(name, *rules)

    def allow(self, namespace: str, *rules: object) -> None:
        """The watcher may do this there, and nothing else."""
        account = {"kind": "ServiceAccount", "name": "watcher", "namespace": "watching"}
        rbac, plain = {"apiVersion": f"{GROUP}/v1"}, {"metadata": {"name": "watcher"}}
        reference = {"apiGroup": GROUP, "kind": "Role", "name": "watcher"}
        self.kubernetes.admin.apply(
            {**rbac, "kind": "Role", **plain, "rules": list(rules)},
            {**rbac, "kind": "RoleBinding", **plain, "roleRef": reference, "subjects": [account]},
            namespace=namespace,
        )

    def make(self, namespace: str, kind: str, name: str, **spec: object) -> None:
        """A workload of agents."""
        version = "batch/v1" if kind in ("Job", "CronJob") else "apps/v1"
        document = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
        self.kubernetes.admin.apply(document, namespace=namespace)

    def run(self, namespace: str, pods: int) -> None:
        """Be the kubelet until so many pods run."""
        eventually(lambda: self.kubelet.act(namespace) == pods and self.kubelet.act(namespace) == pods, within=60)

    def config(self, *namespaces: str) -> dict[str, Any]:
        kubeconfig = self.kubernetes.kubeconfig(self.kubernetes.admin.token("watching", "watcher"))
        found: dict[str, Any] = {
            "kubeconfig": str(kubeconfig),
            "allow_cidrs": ["127.8.0.0/16"],
            "namespaces": list(namespaces),
        }
        found["events"] = {"enabled": False}  # those have tests of their own
        sources = {name: {"interval": "1s", "timeout": "500ms"} for name in ("handshake", "agent_metrics", "opa")}
        objects = {"workloads": False, "network": False}  # of those too
        return {"discovery": {"kubernetes": found}, "sources": sources, "checklist": {"kubernetes": objects}}

    def asked(self) -> Counter[tuple[str, str, int]]:
        """Verb, resource and answer of all that the watcher asked."""
        lines = [json.loads(line) for line in self.audit_log.read_text().splitlines()]
        return Counter(
            (each["verb"], each["objectRef"]["resource"], each.get("responseStatus", {}).get("code", 0))
            for each in lines
            if "objectRef" in each
        )

    def refused(self) -> set[tuple[str, str]]:
        """Verb and resource of all that the watcher asked and may not."""
        return {(verb, resource) for verb, resource, code in self.asked() if code == 403}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    home = tmp_path_factory.mktemp("audit")
    policy, log = home / "policy.json", home / "audit.log"
    policy.write_text(AUDIT % f'{{"level": "Metadata", "users": ["{WATCHER}"]}}, {{"level": "None"}}')
    audit = (f"--audit-policy-file={policy}", f"--audit-log-path={log}", "--audit-log-mode=blocking-strict")
    with run_kubernetes(*audit) as kubernetes, run_controllers(kubernetes):
        kubernetes.admin.namespace("watching")
        _add_node(kubernetes.admin)
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "watcher"}}
        kubernetes.admin.apply(account, namespace="watching")
        yield Cluster(kubernetes, Kubelet(kubernetes.admin, "127.8"), log)


def _add_node(admin: KubeApi) -> None:
    """A node that is large by what it says: the API server asks it before it takes a resize."""
    admin.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}})
    size = {"cpu": "512", "memory": "4Ti", "pods": "1000"}
    status = {"capacity": size, "allocatable": size}
    admin.ask("PATCH", "/api/v1/nodes/node-1/status", {"status": status}, patch="merge-patch+json")


def template(image: str = "agentweave/example-agent:1.0.0", **spec: object) -> dict[str, Any]:
    """Of an agent's pods."""
    raw: dict[str, Any] = deepcopy(POD["spec"])
    del raw["nodeName"]
    raw["volumes"][0]["configMap"]["name"] = "search-config"
    raw["volumes"] += [{"name": name, "emptyDir": {}} for name in ("spire-agent-socket", "tmp")]
    raw["containers"][0]["image"] = image
    return {"metadata": {"labels": {**LABELS, "app": "search"}}, "spec": {**raw, **spec}}


def selected(**spec: object) -> dict[str, Any]:
    return {"selector": {"matchLabels": {"app": "search"}}, **spec}


def info(daemon: DaemonProcess) -> dict[str, tuple[str, str]]:
    """Agent and workload by pod, as exported."""
    told = map(dict, daemon.page().all("target_info"))
    return {each["pod"]: (each["agent"], each["workload"]) for each in told}


def test_a_rollout_has_one_name_and_one_workload_before_and_after(cluster: Cluster, tmp_path: Path) -> None:
    cluster.namespace("rollout", *ROLE)
    cluster.make("rollout", "Deployment", "search", **selected(replicas=3, template=template()))
    cluster.run("rollout", 3)
    with run_daemon(tmp_path, cluster.config("rollout")) as daemon:
        before = info(daemon)
        assert set(before.values()) == {("example-agent", "search")}
        assert len(before) == 3
        cluster.make("rollout", "Deployment", "search", **selected(replicas=3, template=template("agent:2")))

        def replaced() -> bool:
            cluster.kubelet.act("rollout")
            now = info(daemon)
            return len(now) == 3 and not now.keys() & before.keys()

        eventually(replaced, within=60)
        assert set(info(daemon).values()) == {("example-agent", "search")}


def test_a_missing_right_fixes_no_name_and_the_state_moves_along_when_it_is_given(
    cluster: Cluster, tmp_path: Path
) -> None:
    pods, details = ROLE
    cluster.namespace("rights", pods)
    cluster.make("rights", "StatefulSet", "search", **selected(serviceName="search", template=template()))
    cluster.run("rights", 1)
    with run_daemon(tmp_path, cluster.config("rights")) as daemon:
        daemon.says("AgentUnreachable", "true ConnectionRefused", pod="search-0", agent="search")
        daemon.says("PoolExhausted", "unknown FactUnknown", pod="search-0", agent="search")
        daemon.says("SVIDWrongIdentity", "unknown SourceFailed", pod="search-0")
        page = daemon.page()
        assert page.value("target_problems", namespace="rights", agent="search", pod="search-0") == 2
        [was] = daemon.targets("?problems=true")
        since = _since(was, "AgentUnreachable")
        # On a slow machine the first question may end without an answer; the next comes after a minute.
        eventually(lambda: cluster.refused() == REFUSED, within=70)
        cluster.allow("rights", pods, details)
        daemon.says("AgentUnreachable", "true ConnectionRefused", within=70, pod="search-0", agent="example-agent")
        eventually(lambda: 'agent="search"' not in daemon.page().text, within=40)  # the checklist drops it next
        [now] = daemon.targets()
        assert _since(now, "AgentUnreachable") == since
        assert daemon.page().verdict("PoolExhausted", pod="search-0") != "unknown FactUnknown"
        cluster.allow("rights", pods)
        cluster.kubernetes.admin.delete_pod("search-0", namespace="rights")
        cluster.run("rights", 1)
        eventually(lambda: info(daemon) == {"search-0": ("example-agent", "search")}, within=20)


def _since(target: dict[str, Any], condition: str) -> str:
    [found] = [each["since"] for each in target["conditions"] if each["condition"] == condition]
    return str(found)


def test_a_resize_that_a_kubelet_refuses_changes_no_limit_and_is_said(cluster: Cluster, tmp_path: Path) -> None:
    admin = cluster.kubernetes.admin
    cluster.namespace("resize", *ROLE)
    cluster.make("resize", "StatefulSet", "search", **selected(serviceName="search", template=template()))
    cluster.run("resize", 1)
    with run_daemon(tmp_path, cluster.config("resize")) as daemon:
        wanted = {"requests": {"memory": "256Mi"}, "limits": {"memory": "4Gi", "cpu": "4"}}
        path = "/api/v1/namespaces/resize/pods/search-0"
        body = {"spec": {"containers": [{"name": "agent", "resources": wanted}]}}
        resized = admin.ask("PATCH", f"{path}/resize", body, patch="strategic-merge-patch+json")
        [agent, _] = resized["spec"]["containers"]
        assert agent["resources"]["limits"]["memory"] == "4Gi"
        conditions = [
            *(each for each in resized["status"]["conditions"] if each["type"] != "PodResizePending"),
            {"type": "PodResizePending", "status": "True", "reason": "Infeasible", "message": "Node has 2Gi."},
        ]
        admin.set_pod_status("search-0", {"conditions": conditions}, namespace="resize")
        said = "its resize is pending (Infeasible: Node has 2Gi.): its previous value counts"
        eventually(lambda: said in daemon.targets()[0].get("problems", ()))
        [found] = asyncio.run(_targets(cluster, "resize"))
        assert (found.memory_limit, found.cpu_limit) == (512 * MI, 0.5)


async def _targets(cluster: Cluster, *namespaces: str, pods: int = 1) -> list[Any]:
    settings = cluster.config(*namespaces)["discovery"]["kubernetes"]
    engine = Discoverer(KubernetesSettings.model_validate(settings), LIMITS, None, time.time, lambda low, _: low)
    await engine.start(60)
    try:
        await until(lambda: len(engine.targets()) == pods, within=30)
        return engine.targets()
    finally:
        await engine.close()


def test_three_hundred_pods_of_all_workload_kinds_are_targets_by_names_that_last(cluster: Cluster) -> None:
    cluster.namespace("kinds", *ROLE)
    many = template(restartPolicy="Never")
    cluster.make("kinds", "Deployment", "deployed", **selected(replicas=100, template=template()))
    parallel = {"podManagementPolicy": "Parallel", "serviceName": "set"}
    stateful = {"metadata": {"labels": {**LABELS, "app": "set"}}, "spec": template()["spec"]}
    selector = {"matchLabels": {"app": "set"}}
    cluster.make("kinds", "StatefulSet", "set", replicas=100, selector=selector, template=stateful, **parallel)
    cluster.make("kinds", "ReplicaSet", "bare", replicas=20, selector={"matchLabels": {"app": "bare"}},
                 template={"metadata": {"labels": {**LABELS, "app": "bare"}}, "spec": template()["spec"]})  # fmt: skip
    cluster.make("kinds", "Job", "import", parallelism=40, completions=40, template=many)
    cluster.make("kinds", "CronJob", "nightly", schedule="0 3 * * *", startingDeadlineSeconds=200_000,
                 jobTemplate={"spec": {"parallelism": 40, "completions": 40, "template": many}})  # fmt: skip
    _was_due(cluster, "kinds", "nightly")
    cluster.run("kinds", 300)
    found = asyncio.run(_targets(cluster, "kinds", pods=300))
    assert Counter(target.workload for target in found) == {
        "deployed": 100, "set": 100, "bare": 20, "import": 40, "nightly": 40
    }  # fmt: skip
    assert {target.key.agent for target in found} == {"example-agent"}
    clashing = [target for target in found if any("the agent's name example-agent, too" in p for p in target.problems)]
    assert not clashing, "they share a service account of their own"
    jobs = {
        each["metadata"]["name"]
        for each in cluster.kubernetes.admin.get("/apis/batch/v1/namespaces/kinds/jobs")["items"]
    }
    assert any(name.startswith("nightly-") for name in jobs)


def _was_due(cluster: Cluster, namespace: str, name: str) -> None:
    """Its last run was two days ago, so that one is due now."""
    last = f"{datetime.now(UTC) - timedelta(days=2):%Y-%m-%dT%H:%M:%SZ}"
    path = f"/apis/batch/v1/namespaces/{namespace}/cronjobs/{name}/status"
    cluster.kubernetes.admin.ask("PATCH", path, {"status": {"lastScheduleTime": last}}, patch="merge-patch+json")


def test_the_watcher_uses_each_right_that_it_is_given_and_is_refused_only_what_was_taken_away(
    cluster: Cluster,
) -> None:
    asked = cluster.asked()
    granted = {(verb, resource) for rule in ROLE for resource in rule["resources"] for verb in rule["verbs"]}
    assert {(verb, resource) for verb, resource, _ in asked} == granted
    assert cluster.refused() <= REFUSED
