"""Labels of pods and namespaces for the alerts, from a real API server with the rights that the chart gives."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chart.render import rendered
from tests.discovery.pods.test_cluster import run_pod
from tests.discovery.pods.test_target import CONFIG
from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.kube import Kubernetes, run_kubernetes
from tests.servers.process import eventually

KEYS = ["team", "example.org/cost-center"]
ACCOUNT = "w-agentweave-watcher"


def roles(*keys: str) -> list[dict[str, Any]]:
    """What the chart gives, as far as it is about pods."""
    documents = rendered({"discovery": {"kubernetes": {"labelsToAlerts": list(keys)}}})
    return [document for name, document in documents.items() if name.startswith("ClusterRole")]


@pytest.fixture(scope="module")
def kubernetes() -> Iterator[Kubernetes]:
    with run_kubernetes() as server:
        server.admin.namespace("watch")
        server.admin.namespace("agentweave", team="search")
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT}}
        named = {"name": "agentweave-example-config", "namespace": "agentweave"}
        config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "data": {"config.yaml": CONFIG}}
        server.admin.apply(account, namespace="watch")
        server.admin.apply(config)
        run_pod(server, 1)
        run_pod(server, 2, {"team": "vision", "example.org/cost-center": "c1"})
        yield server


def config(kubernetes: Kubernetes) -> dict[str, Any]:
    token = kubernetes.admin.token("watch", ACCOUNT)
    found = {"kubeconfig": str(kubernetes.kubeconfig(token)), "allow_cidrs": ["127.8.0.0/16"]}
    sources = {name: {"interval": "1s", "timeout": "500ms"} for name in ("handshake", "agent_metrics", "opa")}
    return {"discovery": {"kubernetes": found | {"labels_to_alerts": KEYS}}, "sources": sources}


def carried(daemon: DaemonProcess) -> dict[str, dict[str, str]]:
    """By pod."""
    told = [dict(labels) for labels in daemon.page().all("target_info")]
    return {each["pod"]: {name: text for name, text in each.items() if name.startswith("label_")} for each in told}


def problems(daemon: DaemonProcess, pod: str) -> list[str]:
    [target] = daemon.get(f"/api/v1/targets/agentweave/{pod}").json()["targets"]
    return [each for each in target["problems"] if "labels of" in each]


def test_a_pods_own_label_counts_and_else_that_of_its_namespace(kubernetes: Kubernetes, tmp_path: Path) -> None:
    kubernetes.admin.apply(*roles(*KEYS))
    with run_daemon(tmp_path, config(kubernetes)) as daemon:
        expected = {"pod-1": {"label_team": "search"}, "pod-2": {"label_team": "vision", "label_cost_center": "c1"}}
        assert eventually(lambda: carried(daemon)) == expected
        assert [problems(daemon, pod) for pod in expected] == [[], []]


def test_a_namespace_that_may_not_be_read_is_a_problem_of_those_that_lack_a_label(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    kubernetes.admin.apply(*roles())
    with run_daemon(tmp_path, config(kubernetes)) as daemon:
        expected = {"pod-1": {}, "pod-2": {"label_team": "vision", "label_cost_center": "c1"}}
        assert eventually(lambda: carried(daemon)) == expected
        [said] = problems(daemon, "pod-1")
        assert said.startswith("labels of namespace agentweave cannot be read: 403")
        assert problems(daemon, "pod-2") == []
