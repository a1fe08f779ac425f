"""What Helm makes of the chart."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.repository import ROOT
from tests.servers.tools import tool

CHART = ROOT / "helm" / "agentweave-watcher"
HELMS = ("helm3", "helm4")
Values = Mapping[str, Any]
CUSTOM = frozenset(
    {
        "monitoring.coreos.com",
        "operator.victoriametrics.com",
        "grafana.integreatly.org",
        "gateway.networking.k8s.io",
        "autoscaling.k8s.io",
        "argoproj.io",
        "flagger.app",
    }
)
"""Groups of the API that a cluster has by CustomResourceDefinitions."""

Document = dict[str, Any]
Documents = dict[str, Document]  # by kind/name


def helm(version: str, *arguments: str | Path, values: Values | None = None) -> subprocess.CompletedProcess[str]:
    """A call of Helm with these values; its exit code is for the caller to judge."""
    return subprocess.run(
        [tool(version), *arguments, *(["--values", "-"] if values else [])],
        input=json.dumps(values) if values else "",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def rendered_text(values: Values, version: str = "helm4", release: str = "w", namespace: str = "watch") -> str:
    """All manifests as text, of a release with this name in this namespace."""
    return _rendered_text(json.dumps(values), version, release, namespace)


@cache
def _rendered_text(values: str, version: str, release: str, namespace: str) -> str:
    told = helm(version, "template", release, CHART, "--namespace", namespace, values=json.loads(values))
    assert told.returncode == 0, told.stderr
    return told.stdout


def rendered(values: Values | None = None, release: str = "w", namespace: str = "watch") -> Documents:
    """All manifests, by kind and name; AssertionError where two have the same."""
    text = rendered_text(values or {}, release=release, namespace=namespace)
    documents = [each for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if each]
    found = {_name(document): document for document in documents}
    assert len(found) == len(documents)
    return found


def notes(values: Values | None = None) -> str:
    """What is printed after an installation."""
    command = ("install", "w", CHART, "--namespace", "watch", "--dry-run=client")
    told = helm("helm4", *command, values=values)
    assert told.returncode == 0, told.stderr
    return told.stdout.partition("\nNOTES:\n")[2]


def pods(documents: Documents) -> Iterator[tuple[str, Document]]:
    """The name and the spec of every pod that these documents make."""
    for name, document in documents.items():
        if document["kind"] == "Pod":
            yield name, document["spec"]
        elif "template" in document.get("spec", {}):
            yield name, document["spec"]["template"]["spec"]


def is_custom(document: Document) -> bool:
    """Whether Kubernetes itself knows nothing of this kind."""
    return document["apiVersion"].partition("/")[0] in CUSTOM


def _name(document: Document) -> str:
    metadata = document["metadata"]
    place = f"{metadata['namespace']}/" if metadata.get("namespace", "watch") != "watch" else ""
    return f"{document['kind']}/{place}{metadata['name']}"
