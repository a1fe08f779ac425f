"""A real API server full of agents: quickly filled, and then kept off the measured core."""

import http.client
import json
import os
import ssl
import threading
import time
from base64 import b64encode
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tests.bench import pods as objects
from tests.bench.daemon import key_of
from tests.bench.fleet import Fleet
from tests.bench.machine import AROUND, MEASURED
from tests.bench.pods import Request
from tests.servers.kube import Kubernetes, run_kubernetes
from tests.servers.process import eventually

_AT_ONCE = 8
_A_TRANSACTION = 50
_IDLE = 30.0
"""Seconds after which a connection is not used again: the API server closes it at 90."""

_GROUP = "rbac.authorization.k8s.io"
_ROLE = [
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["configmaps", "services"], "verbs": ["get"]},
]


class Callers:
    """Calls the API server from several threads, each on a connection of its own."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        """Nothing is sent yet."""
        self._trust = ssl.create_default_context(cafile=kubernetes.ca)
        self._at, self._token = urlsplit(kubernetes.url), kubernetes.token
        self._own = threading.local()
        self._made: list[http.client.HTTPSConnection] = []
        self._pool = ThreadPoolExecutor(_AT_ONCE)

    def all(self, requests: Iterable[Request]) -> int:
        """Make these calls in any order; how many bytes were answered. HTTPException for the first that is refused."""
        return sum(self._pool.map(self.one, requests))

    def one(self, request: Request) -> int:
        """Make one call; how many bytes were answered."""
        connection = self._connection()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": request.kind}
        connection.request(request.method, request.path, request.body, headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status not in (200, 201):
            raise http.client.HTTPException(f"{request.method} {request.path}: {answer.status} {body[:300]!r}")
        return len(body)

    def close(self) -> None:
        """End the threads and their connections."""
        self._pool.shutdown()
        for connection in self._made:
            connection.close()

    def _connection(self) -> http.client.HTTPSConnection:
        now = time.monotonic()
        if now - getattr(self._own, "used_at", -_IDLE) >= _IDLE:
            host, port = self._at.hostname or "", self._at.port
            self._own.connection = http.client.HTTPSConnection(host, port, context=self._trust, timeout=60)
            self._made.append(self._own.connection)
        self._own.used_at = now
        found: http.client.HTTPSConnection = self._own.connection
        return found


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster with so many agents, and the kubeconfig of a service account that may do what the chart's may."""

    kubernetes: Kubernetes
    callers: Callers
    fleet: Fleet
    agents: int
    pod_bytes: int  # of one, as the API server gives it
    kubeconfig: Path


@contextmanager
def filled(agents: int, fleet: Fleet) -> Iterator[Cluster]:
    """A populated cluster; both cores fill it, the measured one is left alone afterwards."""
    os.sched_setaffinity(0, {MEASURED, AROUND})
    with populated(agents, fleet) as cluster:
        _leave_the_measured_core()
        yield cluster


@contextmanager
def populated(agents: int, fleet: Fleet, *arguments: str) -> Iterator[Cluster]:
    """An API server, with these more arguments, that has `agents` running pods."""
    with run_kubernetes(*arguments) as kubernetes:
        callers = Callers(kubernetes)
        try:
            account = _prepare(kubernetes, agents)
            callers.all(objects.workload_objects(agents, fleet))
            pod_bytes = _fill(kubernetes, callers, agents, fleet)
            yield Cluster(kubernetes, callers, fleet, agents, pod_bytes, account)
        finally:
            callers.close()


def _prepare(kubernetes: Kubernetes, agents: int) -> Path:
    admin = kubernetes.admin
    for namespace in ("watching", *objects.namespaces(agents)):
        admin.namespace(namespace)
    named = {"name": "watcher", "namespace": "watching"}
    binding = {
        "roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": "watcher"},
        "subjects": [{"kind": "ServiceAccount", **named}],
    }
    rbac, plain = {"apiVersion": f"{_GROUP}/v1"}, {"metadata": {"name": "watcher"}}
    admin.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": named},
        {**rbac, "kind": "ClusterRole", **plain, "rules": _ROLE},
        {**rbac, "kind": "ClusterRoleBinding", **plain, **binding},
    )
    return kubernetes.kubeconfig(admin.token("watching", "watcher"))


def _fill(kubernetes: Kubernetes, callers: Callers, agents: int, fleet: Fleet) -> int:
    """One pod is created as any other, the rest are put beside it in etcd: two calls each would take minutes."""
    callers.one(objects.created(0, 0, fleet))
    callers.one(objects.started(0, 0, fleet))
    pod = kubernetes.admin.get(objects.pod_path(0, 0))
    del pod["metadata"]["resourceVersion"]
    stored = json.dumps(pod, separators=(",", ":")).encode()
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(kubernetes.etcd)), base_url="http://etcd") as etcd:
        for start in range(1, agents, _A_TRANSACTION):
            numbers = range(start, min(start + _A_TRANSACTION, agents))
            puts = [_put(number, objects.like(stored, number, fleet)) for number in numbers]
            etcd.post("/v3/kv/txn", json={"success": puts}).raise_for_status()
    eventually(lambda: _count(kubernetes) == agents)
    return len(stored)


def _put(number: int, pod: bytes) -> dict[str, dict[str, str]]:
    key = f"/registry/pods/{key_of(number).namespace}/{objects.pod_name(number, number)}"
    return {"request_put": {"key": b64encode(key.encode()).decode(), "value": b64encode(pod).decode()}}


def _count(kubernetes: Kubernetes) -> int:
    page = kubernetes.admin.get("/api/v1/pods", limit=1)
    return 1 + int(page["metadata"].get("remainingItemCount", 0))


def _leave_the_measured_core() -> None:
    """All that this process is and has started goes to the other core."""
    for process in (os.getpid(), *_descendants(os.getpid())):
        for thread in Path(f"/proc/{process}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {AROUND})


def _descendants(process: int) -> Iterator[int]:
    for file in Path(f"/proc/{process}/task").glob("*/children"):
        for child in map(int, file.read_text().split()):
            yield child
            yield from _descendants(child)
