"""The controllers of a real Kubernetes beside its API server, and by hand what scheduler and kubelet would do."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from tests.servers.kube import Kubernetes
from tests.servers.kube_api import KubeApi, running_status, unless_gone
from tests.servers.process import running
from tests.servers.tools import tool

CONTROLLERS = ("deployment", "replicaset", "statefulset", "job", "cronjob", "garbage-collector")


@contextmanager
def run_controllers(kubernetes: Kubernetes) -> Iterator["subprocess.Popen[bytes]"]:
    """The real controller manager with those controllers that make pods; no nodes, no service accounts."""
    command: list[str | Path] = [
        *(tool("kube-controller-manager"), f"--kubeconfig={kubernetes.kubeconfig()}", "--leader-elect=false"),
        f"--controllers={','.join(f'{name}-controller' for name in CONTROLLERS)}",
        *("--secure-port=0", "--kube-api-qps=500", "--kube-api-burst=500"),
    ]
    with running(command, lambda process: process) as process:
        yield process
        os.kill(process.pid, signal.SIGTERM)


class Kubelet:
    """Binds pods, runs them at once and takes those away that are deleted; only when it is told to."""

    def __init__(self, admin: KubeApi, network: str) -> None:
        """`network`: the first two parts of the addresses that pods get, such as `127.8`."""
        self._admin, self._network, self._numbers = admin, network, count(1)

    def act(self, namespace: str) -> int:
        """Do what there is to do; how many pods run there afterwards."""
        pods = self._admin.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
        for pod in pods:
            with unless_gone():
                if pod["metadata"].get("deletionTimestamp"):
                    self._admin.delete_pod(pod["metadata"]["name"], namespace=namespace)
                elif not pod.get("status", {}).get("podIP"):
                    self._run(pod, namespace)
        return sum("deletionTimestamp" not in pod["metadata"] for pod in pods)

    def _run(self, pod: Mapping[str, Any], namespace: str) -> None:
        name, number = pod["metadata"]["name"], next(self._numbers)
        if not pod["spec"].get("nodeName"):
            target = {"apiVersion": "v1", "kind": "Node", "name": "node-1"}
            binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
            self._admin.ask("POST", f"/api/v1/namespaces/{namespace}/pods/{name}/binding", binding)
        containers = pod["spec"]["containers"]
        status = running_status(f"{self._network}.{number // 250}.{number % 250 + 1}", *(c["name"] for c in containers))
        for reported, container in zip(status["containerStatuses"], containers, strict=True):
            reported |= {"resources": container.get("resources", {})}
        self._admin.set_pod_status(name, status, namespace=namespace)
