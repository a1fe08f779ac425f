"""What a cluster has around its agents: Deployments, NetworkPolicies, and the rights to read them."""

import json
from collections.abc import Iterator
from typing import Any

from tests.bench.daemon import key_of
from tests.bench.fleet import Fleet
from tests.bench.pods import PODS_A_WORKLOAD, Request, namespaces, template
from tests.servers.kube import Kubernetes

DEFAULT_DENY = "default-deny"
"""The NetworkPolicy of all pods of a namespace."""

_NETWORK, _RBAC = "networking.k8s.io", "rbac.authorization.k8s.io"
_RIGHTS = [
    {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets", "daemonsets"], "verbs": ["list", "watch"]},
    {"apiGroups": [""], "resources": ["limitranges"], "verbs": ["list", "watch"]},
    {"apiGroups": [_NETWORK], "resources": ["networkpolicies"], "verbs": ["list", "watch"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
]
_DNS = [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]


def give_rights(kubernetes: Kubernetes) -> None:
    """To the account of the benchmark, what the chart gives by default for the checklist."""
    named = {"metadata": {"name": "watcher-checklist"}}
    binding = {
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "watcher-checklist"},
        "subjects": [{"kind": "ServiceAccount", "name": "watcher", "namespace": "watching"}],
    }
    rbac = {"apiVersion": f"{_RBAC}/v1", **named}
    kubernetes.admin.apply(
        {**rbac, "kind": "ClusterRole", "rules": _RIGHTS}, {**rbac, "kind": "ClusterRoleBinding", **binding}
    )


def checklist_objects(pods: int, fleet: Fleet) -> Iterator[Request]:
    """A Deployment and a NetworkPolicy for each agent, and a default deny in each namespace."""
    for namespace in namespaces(pods):
        yield isolated(namespace)
    for pod in range(0, pods, PODS_A_WORKLOAD):
        namespace, name, _ = key_of(pod)
        yield _create(f"/apis/apps/v1/namespaces/{namespace}/deployments", _deployment(name, fleet))
        spec = {
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": name}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": fleet.ports["tls"]}]}],
            "egress": [{"to": [{"podSelector": {}}]}, {"to": [{"namespaceSelector": {}}], "ports": _DNS}],
        }
        yield _create(_policies(namespace), _policy(name, spec))


def isolated(namespace: str) -> Request:
    """All pods of the namespace are isolated."""
    return _create(
        _policies(namespace), _policy(DEFAULT_DENY, {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})
    )


def opened(namespace: str) -> Request:
    """They are not any more."""
    return Request("DELETE", f"{_policies(namespace)}/{DEFAULT_DENY}")


def _deployment(name: str, fleet: Fleet) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": PODS_A_WORKLOAD,
            "selector": {"matchLabels": labels},
            "template": template(name, fleet),
        },
    }


def _policies(namespace: str) -> str:
    return f"/apis/{_NETWORK}/v1/namespaces/{namespace}/networkpolicies"


def _policy(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": f"{_NETWORK}/v1", "kind": "NetworkPolicy", "metadata": {"name": name}, "spec": spec}


def _create(path: str, body: dict[str, Any]) -> Request:
    return Request("POST", path, json.dumps(body).encode())
