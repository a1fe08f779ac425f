"""A kubelet that has logs and nothing else: the API server asks it for the lines of pods on its node."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.servers.answering import Answer, Answering, Asked, run_answering
from tests.servers.kube import Kubernetes
from tests.servers.pki import Leaf, PlainAuthority

NODE = "node-1"


@contextmanager
def run_kubelet(kubernetes: Kubernetes, directory: Path, logs: Mapping[str, bytes]) -> Iterator[Answering]:
    """Serve these logs, by pod and container (`search-0/agent`), at the address of the node that pods are bound to."""

    def answer(asked: Asked) -> Answer:
        _, kind, _, pod, container = asked.path.split("/")
        text = logs.get(f"{pod}/{container}") if kind == "containerLogs" else None
        if text is None:
            return 404, b"not found"
        lines = text.splitlines(keepends=True)[-int(asked.query["tailLines"]) :]
        return 200, b"".join(lines)[: int(asked.query["limitBytes"])]

    now = time.time()
    served = Leaf(not_before=now - 60, not_after=now + 3600).signed_by(PlainAuthority(now))
    with run_answering(answer, served.write(directory)) as kubelet:
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}
        kubernetes.admin.apply(node)
        status = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet.port}},
        }
        kubernetes.admin.ask("PATCH", f"/api/v1/nodes/{NODE}/status", {"status": status}, patch="merge-patch+json")
        try:
            yield kubelet
        finally:
            kubernetes.admin.delete(node)
