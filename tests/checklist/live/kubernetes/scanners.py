"""Reports of Trivy-operator and Kyverno as their CRDs have them, made for a test."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

RUNNING, OTHER, IMAGE_ID = (f"sha256:{each * 64}" for each in "abc")
TRIVY = "aquasecurity.github.io/v1alpha1"
NAMESPACE = "agentweave"


def report(
    kind: str,
    name: str = "one",
    digest: str = RUNNING,
    repository: str = "agentweave/example-agent",
    *,
    at: float,
    **of_report: object,
) -> dict[str, Any]:
    """A report of Trivy-operator of this time (Unix seconds); counts are 0 unless given."""
    counts = dict.fromkeys(("criticalCount", "highCount", "mediumCount", "lowCount", "unknownCount"), 0)
    given = {
        "updateTimestamp": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "artifact": {"repository": repository, "digest": digest, "tag": "1.0.0"},
        "registry": {"server": "index.docker.io"},
        "scanner": {"name": "Trivy", "vendor": "Aqua Security", "version": "0.57.1"},
        "summary": counts,
        **of_report,
    }
    labels = {"trivy-operator.container.name": "agent"}
    named = {"name": f"replicaset-{name}", "namespace": NAMESPACE, "labels": labels}
    return {"apiVersion": TRIVY, "kind": kind, "metadata": named, "report": given}


def vulnerabilities(*found: Mapping[str, object], at: float, **more: Any) -> dict[str, Any]:
    """A VulnerabilityReport of these."""
    severities = [each["severity"] for each in found]
    summary = {f"{name.lower()}Count": severities.count(name) for name in ("CRITICAL", "HIGH", "UNKNOWN")}
    listed = [{"resource": "openssl", **each} for each in found]
    return report("VulnerabilityReport", at=at, summary=summary, vulnerabilities=listed, **more)


def bill(*purls: str, at: float, repo_digests: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """An SbomReport that lists these."""
    own = [{"name": "aquasecurity:trivy:RepoDigest", "value": each} for each in repo_digests]
    components = {
        "bomFormat": "CycloneDX",
        "metadata": {"component": {"name": "agent", "type": "container", "properties": own}},
        "components": [{"name": each, "purl": each} for each in purls],
    }
    return report("SbomReport", at=at, components=components, summary={"componentsCount": len(purls)}, **more)


def verified(*results: Mapping[str, object], pod: str, uid: str, name: str = "of-pod") -> dict[str, Any]:
    """A PolicyReport of Kyverno about this pod."""
    return {
        "apiVersion": "wgpolicyk8s.io/v1alpha2",
        "kind": "PolicyReport",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "scope": {"apiVersion": "v1", "kind": "Pod", "name": pod, "namespace": NAMESPACE, "uid": uid},
        "results": [{"source": "kyverno", "policy": "verify-image", "rule": "signed", **each} for each in results],
    }


def definition(kind: str, plural: str, group: str, version: str) -> dict[str, Any]:
    """A CRD, without the schema of its fields."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
        },
    }
