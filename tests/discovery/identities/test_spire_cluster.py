"""ClusterSPIFFEID objects in a real API server, read with the rights that the chart gives for it."""

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.chart.render import rendered
from tests.discovery.pods.test_discoverer import until
from tests.discovery.pods.test_target import CONFIG, LIMITS, POD
from tests.repository import ROOT
from tests.servers.agents import agents
from tests.servers.daemon import run_daemon
from tests.servers.kube import Kubernetes, run_kubernetes
from tests.servers.kube_api import Document
from tests.servers.process import eventually
from watcher.config.kubernetes import KubernetesSettings
from watcher.demo.authority import Authority
from watcher.discovery.pods.discoverer import Discoverer
from watcher.kube.list_watch import Patience

CHART = {"rbac": {"spire": True}, "discovery": {"kubernetes": {"clusterSpiffeIds": {"trustDomain": "example.org"}}}}
BY_NAMESPACE = "spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}"
READ = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["configmaps", "services"], "verbs": ["get"]},
]
SPIRE = {"apiGroups": ["spire.spiffe.io"], "resources": ["clusterspiffeids"], "verbs": ["list", "watch"]}
IDS = {"trust_domain": "example.org"}
PROMPT = 10.0
PATIENCE = Patience(backoff=(0.02, 0.2))  # no watch ends by itself: nothing is listed anew without a reason


@pytest.fixture(scope="module")
def server() -> Iterator[Kubernetes]:
    with run_kubernetes() as kubernetes:
        admin = kubernetes.admin
        admin.namespace("watch")
        admin.namespace("agentweave", team="search")
        admin.apply((ROOT / "tests" / "servers" / "cluster_spiffe_id.yaml").read_text())
        roles = [document for name, document in rendered(CHART).items() if "Role" in name]
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "w-agentweave-watcher"}}
        admin.apply(account, *roles, namespace="watch")
        admin.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "nobody", "namespace": "watch"}}
        )
        yield kubernetes


@pytest.fixture
def kubernetes(server: Kubernetes) -> Iterator[Kubernetes]:
    """Without objects and pods of other tests."""
    admin = server.admin
    write_config_map(server, CONFIG)
    yield server
    for each in admin.get("/apis/spire.spiffe.io/v1alpha1/clusterspiffeids")["items"]:
        admin.delete(cluster_spiffe_id(each["metadata"]["name"], ""))
    for each in admin.get("/api/v1/namespaces/agentweave/pods")["items"]:
        admin.delete_pod(each["metadata"]["name"], namespace="agentweave")


def cluster_spiffe_id(name: str, template: str, **spec: object) -> dict[str, Any]:
    return {
        "apiVersion": "spire.spiffe.io/v1alpha1",
        "kind": "ClusterSPIFFEID",
        "metadata": {"name": name},
        "spec": {"spiffeIDTemplate": template, **spec},
    }


def write_config_map(kubernetes: Kubernetes, text: str) -> None:
    kubernetes.admin.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "agentweave-example-config", "namespace": "agentweave"},
            "data": {"config.yaml": text},
        }
    )


def status(ip: str = "127.8.2.1", *, restarts: int = 0, ready: bool = True) -> dict[str, Any]:
    """What a kubelet tells of the example pod."""
    found: dict[str, Any] = deepcopy(POD["status"])
    for each, container in zip(found["containerStatuses"], POD["spec"]["containers"], strict=True):
        each |= {"ready": ready, "image": container["image"], "imageID": "x", "restartCount": restarts}
    return {**found, "podIP": ip, "podIPs": [{"ip": ip}]}


def run_pod(
    kubernetes: Kubernetes, *, ip: str = "127.8.2.1", port: int = 8443, annotations: Document | None = None
) -> None:
    raw = deepcopy(POD)
    metadata = {"name": "pod-1", "labels": raw["metadata"]["labels"], "annotations": annotations or {}}
    del raw["spec"]["nodeName"]
    raw["spec"]["volumes"] += [{"name": name, "emptyDir": {}} for name in ("spire-agent-socket", "tmp")]
    raw["spec"]["containers"][0]["ports"][0]["containerPort"] = port
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": raw["spec"]}
    kubernetes.admin.run_pod(pod, status(ip), namespace="agentweave")


Script = Callable[[Discoverer], Coroutine[Any, Any, None]]


def watching(
    kubernetes: Kubernetes, directory: Path, script: Script, *, account: str = "w-agentweave-watcher", url: str = ""
) -> None:
    """Run a script beside a watch that asks as this service account does; `url`: another API server."""
    kubeconfig = directory / "kubeconfig"
    written = kubernetes.kubeconfig(kubernetes.admin.token("watch", account)).read_text()
    kubeconfig.write_text(written.replace(kubernetes.url, url or kubernetes.url))

    async def run() -> None:
        settings = {"kubeconfig": kubeconfig, "allow_cidrs": ["127.8.0.0/16"], "cluster_spiffe_ids": IDS}
        wanted = KubernetesSettings.model_validate(settings)
        engine = Discoverer(wanted, LIMITS, directory, time.time, lambda low, _: low, PATIENCE)
        try:
            await engine.start(10)
            await script(engine)
            await engine.remember()
        finally:
            await engine.close()

    asyncio.run(run())


def ids(engine: Discoverer) -> tuple[str, ...]:
    """Of the one target; empty where there is none."""
    return next((target.spiffe_ids for target in engine.targets()), ())


def problems(engine: Discoverer) -> str:
    return " ".join(problem for target in engine.targets() for problem in target.problems)


def test_an_agent_must_serve_what_a_cluster_spiffe_id_gives_it(kubernetes: Kubernetes, tmp_path: Path) -> None:
    authority = Authority("example.org", time.time())
    right = f"{BY_NAMESPACE}/sa/{{{{ .PodSpec.ServiceAccountName }}}}"
    with agents(authority, tmp_path, "search") as [agent]:
        kubernetes.admin.apply(cluster_spiffe_id("agents", "spiffe://example.org/agent/another"))
        run_pod(kubernetes, ip="127.0.0.1", port=agent.port)
        agent.issue(identity="spiffe://example.org/ns/agentweave/sa/agentweave-example")
        with run_daemon(tmp_path, daemon_config(kubernetes)) as daemon:
            daemon.says("SVIDWrongIdentity", "true UnexpectedID", pod="pod-1")
            kubernetes.admin.apply(cluster_spiffe_id("agents", right))
            daemon.says("SVIDWrongIdentity", "false", within=PROMPT, pod="pod-1")
            [info] = daemon.page().all("target_info")
            assert dict(info)["spiffe_id"] == "spiffe://example.org/ns/agentweave/sa/agentweave-example"
            kubernetes.admin.apply(cluster_spiffe_id("agents", "spiffe://{{ .NodeMeta.Name }}/x"))
            eventually(lambda: "ClusterSPIFFEID agents" in str(daemon.targets()[0]["problems"]), within=PROMPT)
            assert "{{ .NodeMeta.Name }}" in str(daemon.targets()[0]["problems"])
            daemon.says("SVIDWrongIdentity", "unknown FactUnknown", within=PROMPT, pod="pod-1")


def daemon_config(kubernetes: Kubernetes) -> Mapping[str, object]:
    found = {
        "kubeconfig": str(kubernetes.kubeconfig(kubernetes.admin.token("watch", "w-agentweave-watcher"))),
        "allow_cidrs": ["127.0.0.0/8"],
        "cluster_spiffe_ids": IDS,
        "events": {"enabled": False},
    }
    sources = {name: {"interval": "1s", "timeout": "500ms"} for name in ("handshake", "agent_metrics", "opa")}
    return {"discovery": {"kubernetes": found}, "sources": sources}


def test_objects_that_come_change_and_go_are_followed(kubernetes: Kubernetes, tmp_path: Path) -> None:
    run_pod(kubernetes)

    async def script(engine: Discoverer) -> None:
        assert [target.key.pod for target in engine.targets()] == ["pod-1"]
        assert ids(engine) == ()
        kubernetes.admin.apply(cluster_spiffe_id("a", f"{BY_NAMESPACE}/a"))
        await until(lambda: ids(engine) == ("spiffe://example.org/ns/agentweave/a",))
        kubernetes.admin.apply(cluster_spiffe_id("b", f"{BY_NAMESPACE}/b"))
        await until(lambda: len(ids(engine)) == 2)
        kubernetes.admin.apply(cluster_spiffe_id("a", BY_NAMESPACE, podSelector={"matchLabels": {"app": "other"}}))
        await until(lambda: ids(engine) == ("spiffe://example.org/ns/agentweave/b",))
        kubernetes.admin.delete(cluster_spiffe_id("b", ""))
        await until(lambda: ids(engine) == ())
        assert not engine.trouble
        assert "ClusterSPIFFEID" not in problems(engine)

    watching(kubernetes, tmp_path, script)


def test_an_object_that_is_being_deleted_counts_no_more(kubernetes: Kubernetes, tmp_path: Path) -> None:
    held = cluster_spiffe_id("held", BY_NAMESPACE)
    held["metadata"]["finalizers"] = ["example.org/hold"]
    kubernetes.admin.apply(held)
    run_pod(kubernetes)

    async def script(engine: Discoverer) -> None:
        assert ids(engine) == ("spiffe://example.org/ns/agentweave",)
        kubernetes.admin.delete(held)
        await until(lambda: ids(engine) == ())

    try:
        watching(kubernetes, tmp_path, script)
    finally:
        path = kubernetes.admin.path_of(held)
        kubernetes.admin.ask("PATCH", path, {"metadata": {"finalizers": None}}, patch="merge-patch+json")


def test_a_namespace_is_selected_by_its_labels(kubernetes: Kubernetes, tmp_path: Path) -> None:
    for team in ("search", "billing"):
        selector = {"matchLabels": {"team": team}}
        kubernetes.admin.apply(cluster_spiffe_id(team, f"{BY_NAMESPACE}/{team}", namespaceSelector=selector))
    run_pod(kubernetes)

    async def script(engine: Discoverer) -> None:
        assert ids(engine) == ("spiffe://example.org/ns/agentweave/search",)

    watching(kubernetes, tmp_path, script)


def test_an_annotation_that_a_template_newly_names_is_fetched(kubernetes: Kubernetes, tmp_path: Path) -> None:
    run_pod(kubernetes, annotations={"example.org/env": "live"})

    async def script(engine: Discoverer) -> None:
        template = f"{BY_NAMESPACE}/{{{{ index .PodMeta.Annotations `example.org/env` }}}}"
        kubernetes.admin.apply(cluster_spiffe_id("a", template))
        await until(lambda: ids(engine) == ("spiffe://example.org/ns/agentweave/live",))
        kubernetes.admin.delete_pod("pod-1", namespace="agentweave")
        await until(lambda: not engine.targets())

    watching(kubernetes, tmp_path, script)


def test_without_the_right_to_read_them_nothing_is_expected_and_it_is_said(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "pods"},
        "rules": READ,
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "pods"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "pods"},
        "subjects": [{"kind": "ServiceAccount", "name": "nobody", "namespace": "watch"}],
    }
    kubernetes.admin.apply(role, binding, cluster_spiffe_id("a", BY_NAMESPACE))
    run_pod(kubernetes)

    async def script(engine: Discoverer) -> None:
        assert ids(engine) == ()
        assert "ClusterSPIFFEID objects could not be read yet" in problems(engine)
        assert "ClusterSPIFFEID objects: 403" in engine.trouble
        kubernetes.admin.apply({**role, "rules": [*READ, SPIRE]})
        await until(lambda: ids(engine) == ("spiffe://example.org/ns/agentweave",))
        await until(lambda: not engine.trouble)
        selector = {"matchLabels": {"team": "search"}}
        kubernetes.admin.apply(cluster_spiffe_id("a", BY_NAMESPACE, namespaceSelector=selector))
        await until(lambda: "labels of the namespace agentweave: 403" in problems(engine))
        assert ids(engine) == ()
        assert "namespace agentweave: 403" in engine.trouble

    watching(kubernetes, tmp_path, script, account="nobody")


def test_what_was_read_holds_over_a_restart_while_the_api_server_is_away(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    selector = {"matchLabels": {"team": "search"}}
    kubernetes.admin.apply(cluster_spiffe_id("a", BY_NAMESPACE, namespaceSelector=selector, ttl="1h"))
    run_pod(kubernetes)
    expected = ("spiffe://example.org/ns/agentweave",)

    async def first(engine: Discoverer) -> None:
        assert ids(engine) == expected

    async def second(engine: Discoverer) -> None:
        assert ids(engine) == expected
        assert "ClusterSPIFFEID objects: " in engine.trouble

    watching(kubernetes, tmp_path, first)
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"https://127.0.0.1:{free.getsockname()[1]}"
    watching(kubernetes, tmp_path, second, url=nobody)


def test_an_agent_that_restarts_has_read_its_config_again(kubernetes: Kubernetes, tmp_path: Path) -> None:
    run_pod(kubernetes)

    async def script(engine: Discoverer) -> None:
        [target] = engine.targets()
        assert target.pool_capacity == 100
        write_config_map(kubernetes, CONFIG.replace("max_connections: 100", "max_connections: 7"))
        kubernetes.admin.set_pod_status("pod-1", status(ready=False), namespace="agentweave")
        await asyncio.sleep(0.5)
        assert engine.targets()[0].pool_capacity == 100
        kubernetes.admin.set_pod_status("pod-1", status(restarts=1), namespace="agentweave")
        await until(lambda: engine.targets()[0].pool_capacity == 7)
        assert engine.targets()[0].key == target.key

    watching(kubernetes, tmp_path, script)


def test_of_a_config_that_cannot_be_read_after_a_restart_only_the_name_of_the_agent_stays(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    """What stood there before is what another process was started with."""
    run_pod(kubernetes)

    async def script(engine: Discoverer) -> None:
        [before] = engine.targets()
        assert before.pool_capacity == 100
        assert before.limits["breaker"].open_for == 90  # type: ignore[attr-defined]  # the breaker's own limit
        path = "/api/v1/namespaces/agentweave/configmaps/agentweave-example-config"
        kubernetes.admin.ask("DELETE", path)
        kubernetes.admin.set_pod_status("pod-1", status(restarts=1), namespace="agentweave")
        await until(lambda: "its ConfigMap agentweave-example-config cannot be read: 404" in problems(engine))
        [target] = engine.targets()
        assert target.key == before.key
        assert target.pool_capacity is None
        assert target.limits["breaker"] == LIMITS["breaker"]

    watching(kubernetes, tmp_path, script)
