"""Objects of a cluster full of agents, as the public AgentWeave chart makes them and a kubelet fills them in."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import uuid4

from tests.bench.daemon import key_of
from tests.bench.fleet import Fleet

PODS_A_WORKLOAD = 10
_HASH = "6d5b9c7f8b"
_CONFIG = """\
agent: {{name: {name}, trust_domain: bench.test, description: An agent of the benchmark}}
identity: {{provider: spiffe, spiffe_endpoint: "unix:///run/spire/sockets/agent.sock"}}
authorization:
  {{provider: opa, opa_endpoint: "http://localhost:{opa}", policy_path: agentweave/authz, default_action: deny}}
transport:
  connection_pool: {{max_connections: 100, idle_timeout_seconds: 60}}
  circuit_breaker: {{failure_threshold: 5, recovery_timeout_seconds: 30}}
server: {{host: 0.0.0.0, port: 8443, protocol: a2a}}
observability: {{metrics: {{enabled: true, port: 9090}}, logging: {{level: INFO, format: json}}}}
"""
_LOCKED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "runAsUser": 1000,
    "capabilities": {"drop": ["ALL"]},
}
_SETTINGS = 30  # environment variables; with what the server adds, a pod is as long as that of a real chart: 13 kB


class Request(NamedTuple):
    """One call of the API server."""

    method: str
    path: str
    body: bytes = b""
    kind: str = "application/json"


def namespaces(pods: int) -> list[str]:
    """All that the agents live in."""
    return sorted({key_of(pod).namespace for pod in range(pods)})


def workload_objects(pods: int, fleet: Fleet) -> Iterator[Request]:
    """The ConfigMap and the Service of each workload."""
    for pod in range(0, pods, PODS_A_WORKLOAD):
        namespace, name, _ = key_of(pod)
        text = _CONFIG.format(name=name, opa=fleet.ports["opa"])
        config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"{name}-config"}}
        yield _create(f"{_in(namespace)}/configmaps", {**config_map, "data": {"config.yaml": text}})
        ports = [{"name": "https", "port": 8443}, {"name": "metrics", "port": 9090}]
        spec = {"clusterIP": "None", "selector": {"app.kubernetes.io/name": name}, "ports": ports}
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}
        yield _create(f"{_in(namespace)}/services", service)


def created(number: int, place: int, fleet: Fleet) -> Request:
    """A new pod of the workload of pod `place`."""
    namespace, name, _ = key_of(place)
    return _create(f"{_in(namespace)}/pods", _pod(name, pod_name(number, place), fleet))


def started(number: int, place: int, fleet: Fleet) -> Request:
    """Pod `number` runs and is ready, at the address of that agent of the fleet."""
    return reported(number, place, address(number, fleet))


def reported(number: int, place: int, ip: str, *, ready: bool = True) -> Request:
    """What a kubelet says of pod `number`, whose containers have started just now."""
    body = json.dumps({"status": _status(ip, ready=ready)}).encode()
    return Request("PATCH", f"{pod_path(number, place)}/status", body, "application/merge-patch+json")


def like(stored: bytes, number: int, fleet: Fleet) -> bytes:
    """Pod `number` in its own place, otherwise as the API server stores pod 0: `stored`."""
    (_, first, _), (namespace, name, _) = key_of(0), key_of(number)
    swaps = {
        pod_name(0, 0): pod_name(number, number),
        first: name,
        f'"{key_of(0).namespace}"': f'"{namespace}"',
        json.loads(stored)["metadata"]["uid"]: str(uuid4()),
        f'"{address(0, fleet)}"': f'"{address(number, fleet)}"',
    }
    text = stored.decode()
    for before, after in swaps.items():
        text = text.replace(before, after)
    return text.encode()


def address(number: int, fleet: Fleet) -> str:
    """Of pod `number`: that of an agent of the fleet, which a new pod shares with an old one."""
    return fleet.at(number % fleet.agents, "tls").partition(":")[0]


def deleted(number: int, place: int) -> Request:
    """Pod `number` is gone at once."""
    return Request("DELETE", f"{pod_path(number, place)}?gracePeriodSeconds=0")


def pod_name(number: int, place: int) -> str:
    """Of pod `number` of the workload of pod `place`."""
    return f"{key_of(place).agent}-{_HASH}-{number:05d}"


def pod_path(number: int, place: int) -> str:
    """Where the API server keeps it."""
    return f"{_in(key_of(place).namespace)}/pods/{pod_name(number, place)}"


def _in(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}"


def _create(path: str, body: Mapping[str, Any]) -> Request:
    return Request("POST", path, json.dumps(body).encode())


def template(workload: str, fleet: Fleet) -> dict[str, Any]:
    """Of the pods of a workload."""
    labels = {"name": workload, "instance": workload, "component": "agent", "part-of": "agentweave", "version": "1.0.0"}
    metadata = {
        "labels": {f"app.kubernetes.io/{key}": value for key, value in labels.items()},
        "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "9090", "checksum/config": "f" * 64},
    }
    return {"metadata": metadata, "spec": _spec(workload, fleet)}


def _pod(workload: str, name: str, fleet: Fleet) -> dict[str, Any]:
    made_of = template(workload, fleet)
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{workload}-{_HASH}", "controller": True}
    metadata = {
        **made_of["metadata"],
        "name": name,
        "labels": made_of["metadata"]["labels"] | {"pod-template-hash": _HASH},
        "ownerReferences": [{**owner, "uid": "0c5d1a52-52c8-4c5e-9d4b-1c6a4f1d2e3f", "blockOwnerDeletion": True}],
    }
    spec = {"nodeName": "node-a", **made_of["spec"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _spec(workload: str, fleet: Fleet) -> dict[str, Any]:
    volumes = [{"name": "agent-config", "configMap": {"name": f"{workload}-config"}}]
    volumes += [{"name": "opa-config", "configMap": {"name": "opa-default-policies"}}]
    volumes += [{"name": name, "emptyDir": {}} for name in ("spire-agent-socket", "tmp")]
    return {
        "terminationGracePeriodSeconds": 30,
        "securityContext": {"runAsNonRoot": True, "fsGroup": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_agent(fleet), _opa(fleet)],
        "volumes": volumes,
    }


def _agent(fleet: Fleet) -> dict[str, Any]:
    ports = [{"name": "https", "containerPort": fleet.ports["tls"]}]
    ports += [{"name": "metrics", "containerPort": fleet.ports["metrics"]}]
    settings = [
        {"name": f"AGENTWEAVE_SETTING_{at:02d}", "value": f"a value of the chart {at}"} for at in range(_SETTINGS)
    ]
    probe = {"httpGet": {"path": "/healthz", "port": "metrics"}, "initialDelaySeconds": 5, "periodSeconds": 10}
    mounts = {"agent-config": "/etc/agentweave", "spire-agent-socket": "/run/spire/sockets", "tmp": "/tmp"}  # noqa: S108  an agent's own
    return {
        "name": "agent",
        "image": "agentweave/example-agent:1.0.0",
        "ports": ports,
        "env": [{"name": "AGENTWEAVE_CONFIG_PATH", "value": "/etc/agentweave/config.yaml"}, *settings],
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in mounts.items()],
        "resources": {"requests": {"memory": "256Mi", "cpu": "100m"}, "limits": {"memory": "512Mi", "cpu": "500m"}},
        "livenessProbe": probe,
        "readinessProbe": probe,
        "securityContext": _LOCKED,
    }


def _opa(fleet: Fleet) -> dict[str, Any]:
    port = fleet.ports["opa"]
    return {
        "name": "opa",
        "image": "openpolicyagent/opa:0.62.0",
        "args": [
            "run",
            "--server",
            f"--addr=0.0.0.0:{port}",
            "--config-file=/etc/opa/config.yaml",
            "/etc/opa/policies",
        ],
        "ports": [{"name": "http", "containerPort": port}],
        "volumeMounts": [{"name": "opa-config", "mountPath": "/etc/opa"}],
        "resources": {"limits": {"memory": "256Mi", "cpu": "250m"}},
        "securityContext": _LOCKED,
    }


def _status(ip: str, *, ready: bool) -> dict[str, Any]:
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    kinds = ("Initialized", "Ready", "ContainersReady", "PodScheduled")
    containers = [("agent", "agentweave/example-agent:1.0.0"), ("opa", "openpolicyagent/opa:0.62.0")]
    facts = {"restartCount": 0, "started": True, "ready": ready, "state": {"running": {"startedAt": now}}}
    names = [
        {"name": name, "image": image, "imageID": f"docker.io/{image}@sha256:{'0' * 64}"} for name, image in containers
    ]
    return {
        "phase": "Running",
        "qosClass": "Burstable",
        "hostIP": "192.0.2.10",
        "podIP": ip,
        "podIPs": [{"ip": ip}],
        "startTime": now,
        "conditions": [
            {"type": kind, "status": str(ready or "Ready" not in kind), "lastTransitionTime": now} for kind in kinds
        ],
        "containerStatuses": [{**name, **facts, "containerID": f"containerd://{'1' * 64}"} for name in names],
    }
