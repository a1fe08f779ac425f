"""The daemon in a real Kubernetes: an API server with RBAC, asked as the chart's service account would."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.discovery.pods.test_target import CONFIG, POD
from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.kube import Kubernetes, run_kubernetes
from tests.servers.process import eventually

PROMPT = 5.0
NO_LABELS: Mapping[str, str] = {}
ROLE = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["configmaps", "services"], "verbs": ["get"]},
]
GROUP = "rbac.authorization.k8s.io"


@pytest.fixture(scope="module")
def kubernetes() -> Iterator[Kubernetes]:
    with run_kubernetes() as server:
        for namespace in ("agentweave", "other", "watching"):
            server.admin.namespace(namespace)
        account = {"kind": "ServiceAccount", "name": "watcher", "namespace": "watching"}
        server.admin.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "watcher", "namespace": "watching"}},
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "agentweave-example-config", "namespace": "agentweave"},
                "data": {"config.yaml": CONFIG},
            },
            {
                "apiVersion": f"{GROUP}/v1",
                "kind": "Role",
                "metadata": {"name": "watcher", "namespace": "agentweave"},
                "rules": ROLE,
            },
            {
                "apiVersion": f"{GROUP}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "watcher", "namespace": "agentweave"},
                "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": "watcher"},
                "subjects": [account],
            },
        )
        yield server


def run_pod(kubernetes: Kubernetes, number: int, labels: Mapping[str, str] = NO_LABELS) -> None:
    """As scheduler and kubelet would; nobody listens at its address. `labels`: beside its own."""
    raw: dict[str, Any] = deepcopy(POD)
    meta = raw["metadata"]
    named = {"name": f"pod-{number}", "labels": {**meta["labels"], **labels}, "annotations": meta["annotations"]}
    del raw["spec"]["nodeName"]
    raw["spec"]["volumes"] += [{"name": name, "emptyDir": {}} for name in ("spire-agent-socket", "tmp")]
    for status, container in zip(raw["status"]["containerStatuses"], raw["spec"]["containers"], strict=True):
        status |= {"ready": True, "image": container["image"], "imageID": "x"}
    address = f"127.8.1.{number}"
    status = {**raw["status"], "podIP": address, "podIPs": [{"ip": address}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": named, "spec": raw["spec"]}
    kubernetes.admin.run_pod(pod, status, namespace="agentweave")


def config(kubernetes: Kubernetes, *namespaces: str) -> dict[str, Any]:
    found = {
        "kubeconfig": str(kubernetes.kubeconfig(kubernetes.admin.token("watching", "watcher"))),
        "allow_cidrs": ["127.8.0.0/16"],
        "namespaces": list(namespaces),
    }
    sources = {name: {"interval": "1s", "timeout": "500ms"} for name in ("handshake", "agent_metrics", "opa")}
    return {"discovery": {"kubernetes": found}, "sources": sources}


def pods(daemon: DaemonProcess) -> set[str]:
    return {dict(labels)["pod"] for labels in daemon.page().all("target_info")}


def test_pods_are_followed_by_a_role_that_may_do_nothing_else(kubernetes: Kubernetes, tmp_path: Path) -> None:
    run_pod(kubernetes, 1)
    # It is not ready: it may not see all that it was told to watch. What it may see is watched all the same.
    with run_daemon(tmp_path, config(kubernetes, "agentweave", "other"), wait_for="/livez") as daemon:
        eventually(lambda: pods(daemon) == {"pod-1"})
        assert daemon.get("/readyz").status_code == 503
        page = daemon.page()
        assert page.value("impaired", reason="DiscoveryStale") == 1
        assert page.value("discovery_last_success_timestamp_seconds", namespace="agentweave")
        assert page.value("discovery_last_success_timestamp_seconds", namespace="other") is None
        daemon.logged(lambda line: "other: 403" in str(line.get("why")))
        run_pod(kubernetes, 2)
        daemon.says("AgentUnreachable", "true ConnectionRefused", within=PROMPT, pod="pod-2", agent="example-agent")
        kubernetes.admin.terminate_pod("pod-1", namespace="agentweave")
        eventually(lambda: 'pod="pod-1"' not in daemon.page().text, within=PROMPT)
        for number in (1, 2):
            kubernetes.admin.delete_pod(f"pod-{number}", namespace="agentweave")
        eventually(lambda: not pods(daemon), within=PROMPT)


def test_an_api_server_that_is_killed_or_hangs_costs_no_target(kubernetes: Kubernetes, tmp_path: Path) -> None:
    run_pod(kubernetes, 3)
    with run_daemon(tmp_path, config(kubernetes, "agentweave")) as daemon:
        kubernetes.stop()
        daemon.logged(lambda line: line["msg"] == "discovery failing")
        assert pods(daemon) == {"pod-3"}
        kubernetes.start()
        run_pod(kubernetes, 4)
        eventually(lambda: pods(daemon) == {"pod-3", "pod-4"})
        with kubernetes.hung():
            assert pods(daemon) == {"pod-3", "pod-4"}
        kubernetes.admin.delete_pod("pod-3", namespace="agentweave")
        eventually(lambda: pods(daemon) == {"pod-4"}, within=20)
        kubernetes.admin.delete_pod("pod-4", namespace="agentweave")
        eventually(lambda: not pods(daemon), within=PROMPT)
        assert daemon.end() == 0
