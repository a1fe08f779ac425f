"""The objects of one agent in the cluster: those of its manifests, its pod as it runs, what a scanner says of it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

Document = Mapping[str, Any]

NODE = "demo-node"
_DAY = 86400.0
_TRIVY = "aquasecurity.github.io/v1alpha1"


def digest_of(image: str) -> str:
    """The digest that this image has in the demo's registry, which does not exist."""
    return f"sha256:{sha256(image.encode()).hexdigest()}"


def deployed(documents: Sequence[Document], now: float) -> Iterator[Document]:
    """The objects as the API server has them: they were made two days ago by one who deploys from Git."""
    at = moment(now - 2 * _DAY)
    manager = {"manager": "argocd-controller", "operation": "Apply", "time": at, "fieldsV1": {"f:data": {}}}
    for each in documents:
        metadata = {**each["metadata"], "creationTimestamp": at}
        if each["kind"] == "ConfigMap":
            metadata["managedFields"] = [manager]
        yield {**each, "metadata": metadata}


def identity_entry(namespace: str) -> Document:
    """What gives the agents of a namespace their SPIFFE IDs."""
    return {
        "apiVersion": "spire.spiffe.io/v1alpha1",
        "kind": "ClusterSPIFFEID",
        "metadata": {"name": "agents"},
        "spec": {
            "spiffeIDTemplate": "spiffe://{{ .TrustDomain }}/agent/{{ .PodSpec.ServiceAccountName }}",
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "podSelector": {"matchLabels": {"app.kubernetes.io/component": "agent"}},
        },
    }


def running_pod(deployment: Document, name: str, images: Mapping[str, str], now: float) -> Document:
    """The pod of a Deployment of one, Ready for a day; `images`: what each container runs, `name@sha256:...`."""
    template, metadata = deployment["spec"]["template"], deployment["metadata"]
    revision = sha256(repr(sorted(images.items())).encode()).hexdigest()[:10]
    since = moment(now - _DAY)
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{metadata['name']}-{revision}", "uid": revision}
    containers = [{**each, "image": images[each["name"]]} for each in template["spec"]["containers"]]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "uid": f"{name}-{revision}",
            "creationTimestamp": since,
            "labels": {**template["metadata"]["labels"], "pod-template-hash": revision},
            "ownerReferences": [owner | {"controller": True}],
        },
        "spec": {**template["spec"], "containers": containers, "nodeName": NODE},
        "status": {
            "phase": "Running",
            "podIP": "127.0.0.1",
            "podIPs": [{"ip": "127.0.0.1"}],
            "startTime": since,
            "qosClass": "Guaranteed",
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": since}
                for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
            ],
            "containerStatuses": [_container(each["name"], each["image"], since) for each in containers],
        },
    }


def spire_agent(now: float) -> Document:
    """The pod of SPIRE's agent on the node."""
    since = moment(now - 2 * _DAY)
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": since}
    metadata = {"name": "spire-agent", "namespace": "spire", "labels": {"app": "spire-agent"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata | {"creationTimestamp": since},
        "spec": {"nodeName": NODE, "containers": [{"name": "spire-agent", "image": "spire-agent:1"}]},
        "status": {"phase": "Running", "conditions": [ready]},
    }


def scan(namespace: str, container: str, image: str, now: float, critical: Sequence[str] = ()) -> Document:
    """Trivy-operator's report on the image of a container; `critical`: vulnerabilities that it found."""
    repository, _, digest = image.partition("@")
    found = [{"vulnerabilityID": each, "severity": "CRITICAL", "class": "os-pkgs"} for each in critical]
    counts = {"criticalCount": len(found), "highCount": 0, "mediumCount": 2, "lowCount": 7, "unknownCount": 0}
    return {
        "apiVersion": _TRIVY,
        "kind": "VulnerabilityReport",
        "metadata": {"name": f"replicaset-{container}", "namespace": namespace},
        "report": {
            "updateTimestamp": moment(now - 3600),
            "artifact": {"repository": repository.partition("/")[2], "digest": digest},
            "os": {"family": "debian", "name": "13"},
            "summary": counts,
            "vulnerabilities": found,
        },
    }


def moment(seconds: float) -> str:
    """Unix seconds as Kubernetes writes them."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _container(name: str, image: str, since: str) -> Document:
    return {
        "name": name,
        "image": image.partition("@")[0],
        "imageID": image,
        "restartCount": 0,
        "ready": True,
        "started": True,
        "state": {"running": {"startedAt": since}},
    }
