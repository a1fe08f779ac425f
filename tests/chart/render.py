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


def rendered_text(values: Values, version: str = "helm4") -> str:
    """All manifests as text, of a release named `w` in the namespace `watch`."""
    return _rendered_text(json.dumps(values), version)


@cache
def _rendered_text(values: str, version: str) -> str:
    told = helm(version, "template", "w", CHART, "--namespace", "watch", values=json.loads(values))
    assert told.returncode == 0, told.stderr
    return told.stdout


def rendered(values: Values | None = None) -> Documents:
    """All manifests, by kind and name; AssertionError where two have the same."""
    documents = [each for each in yaml.load_all(rendered_text(values or {}), Loader=yaml.CSafeLoader) if each]
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


def _name(document: Document) -> str:
    metadata = document["metadata"]
    place = f"{metadata['namespace']}/" if metadata.get("namespace", "watch") != "watch" else ""
    return f"{document['kind']}/{place}{metadata['name']}"
