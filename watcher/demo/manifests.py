"""What the demo's agents declare: a config.yaml and manifests, as their teams would have them in a repository.

Two of them declare what is not so: `PLAINTEXT` says TLS 1.3 and answers plaintext HTTP too, and the network policy of
`UNSELECTED` selects pods by a label that its pods do not have.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

PLAINTEXT, UNSELECTED = "router", "summary"
_NO_LIMITS = "crawler"
"""Its team forgot the limits and the probes of its container."""

_MODULES = {"authz.rego": "package agentweave.authz\n\ndefault allow := false\n"}

Document = dict[str, Any]

_TLS, _METRICS, _DIAGNOSTICS = 8443, 9090, 8282
_INSTANCE, _COMPONENT = "app.kubernetes.io/instance", "app.kubernetes.io/component"


def write_manifests(home: Path, agent: str, namespace: str, trust_domain: str) -> tuple[Path, Path]:
    """The files of one agent: its config, and its manifests with this config in a ConfigMap."""
    config, manifests = home / "config.yaml", home / "manifests.yaml"
    documents = agent_documents(agent, namespace, trust_domain)
    config.write_text(next(each["data"]["config.yaml"] for each in documents if "config.yaml" in each.get("data", {})))
    manifests.write_text(yaml.safe_dump_all(documents, sort_keys=False))
    return config, manifests


def agent_documents(
    agent: str, namespace: str, trust_domain: str, modules: Mapping[str, str] = _MODULES
) -> list[Document]:
    """The manifests of one agent; `modules`: its policy, text by name of the file."""
    documents = _documents(agent, yaml.safe_dump(_config(agent, trust_domain), sort_keys=False), modules)
    return [{**each, "metadata": {"namespace": namespace, **each["metadata"]}} for each in documents]


def _config(agent: str, trust_domain: str) -> Document:
    return {
        "agent": {"name": agent, "trust_domain": trust_domain, "environment": "production"},
        "identity": {"provider": "spiffe", "spiffe_endpoint": "unix:///spiffe-workload-api/spire-agent.sock"},
        "authorization": {
            "provider": "opa",
            "opa_endpoint": "http://localhost:8181",
            "default_action": "deny",
            "audit": {"enabled": True, "destination": "stdout"},
        },
        "transport": {
            "tls_min_version": "1.3",
            "peer_verification": "strict",
            "circuit_breaker": {"failure_threshold": 5, "recovery_timeout_seconds": 30, "success_threshold": 2},
            "retry": {"max_attempts": 3, "backoff_base_seconds": 1.0, "backoff_max_seconds": 10.0},
        },
        "observability": {
            "metrics": {"enabled": True, "port": _METRICS},
            "logging": {"level": "INFO", "format": "json"},
        },
    }


def _documents(agent: str, config: str, modules: Mapping[str, str]) -> list[Document]:
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": agent}},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"{agent}-config"},
            "data": {"config.yaml": config},
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "policies"}, "data": dict(modules)},
        *_policies(agent),
        _deployment(agent),
    ]


def _policies(agent: str) -> list[Document]:
    if agent == UNSELECTED:
        return [_policy(agent, {"matchLabels": {"app": agent}}, _rules())]
    return [_policy("default-deny", {}, {}), _policy(agent, {"matchLabels": {_INSTANCE: agent}}, _rules())]


def _policy(name: str, selector: Document, rules: Document) -> Document:
    spec = {"podSelector": selector, "policyTypes": ["Ingress", "Egress"], **rules}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name}, "spec": spec}


def _rules() -> Document:
    agents = [{"podSelector": {"matchLabels": {_COMPONENT: "agent"}}}]
    dns = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    return {
        "ingress": [
            {"from": agents, "ports": [{"protocol": "TCP", "port": _TLS}]},
            {"from": [monitoring], "ports": [{"protocol": "TCP", "port": _METRICS}]},
        ],
        "egress": [
            {"to": [dns], "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]},
            {"to": agents, "ports": [{"protocol": "TCP", "port": _TLS}]},
        ],
    }


def _deployment(agent: str) -> Document:
    labels = {_INSTANCE: agent, _COMPONENT: "agent"}
    pod = {
        "serviceAccountName": agent,
        "terminationGracePeriodSeconds": 45,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001},
        "containers": [_agent(agent), _opa()],
        "volumes": [
            {"name": "config", "configMap": {"name": f"{agent}-config"}},
            {"name": "policies", "configMap": {"name": "policies"}},
            {"name": "spire", "csi": {"driver": "csi.spiffe.io", "readOnly": True}},
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": agent, "labels": {"app.kubernetes.io/name": "agentweave", _INSTANCE: agent}},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {_INSTANCE: agent}},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def _agent(name: str) -> Document:
    health = {"httpGet": {"path": "/health", "port": "metrics"}}
    careful: Document = {
        "startupProbe": {**health, "failureThreshold": 30, "periodSeconds": 2},
        "livenessProbe": {**health, "periodSeconds": 10},
        "readinessProbe": {**health, "periodSeconds": 5},
        "resources": _resources("250m", "128Mi"),
    }
    return {
        "name": "agent",
        "image": f"registry.example/{name}@sha256:{'0' * 63}1",
        "ports": [{"name": "https", "containerPort": _TLS}, {"name": "metrics", "containerPort": _METRICS}],
        "env": [{"name": "AGENTWEAVE_CONFIG_PATH", "value": "/etc/agentweave/config.yaml"}],
        **({} if name == _NO_LIMITS else careful),
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/agentweave", "readOnly": True},
            {"name": "spire", "mountPath": "/spiffe-workload-api", "readOnly": True},
        ],
    }


def _opa() -> Document:
    return {
        "name": "opa",
        "image": "openpolicyagent/opa:1.10.0",
        "args": ["run", "--server", "--addr=localhost:8181", f"--diagnostic-addr=:{_DIAGNOSTICS}", "/policies"],
        "readinessProbe": {"httpGet": {"path": "/health", "port": _DIAGNOSTICS}, "periodSeconds": 5},
        "resources": _resources("100m", "128Mi"),
        "volumeMounts": [{"name": "policies", "mountPath": "/policies", "readOnly": True}],
    }


def _resources(cpu: str, memory: str) -> Document:
    given = {"cpu": cpu, "memory": memory, "ephemeral-storage": "100Mi"}
    return {"requests": given, "limits": dict(given)}
