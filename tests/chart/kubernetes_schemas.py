"""Do manifests fit a version of Kubernetes? By its own schemas, in which no unknown field is allowed."""

import hashlib
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.tools import build

VERSIONS = tuple(f"1.{minor}" for minor in range(28, 38))
_PINS = Path(__file__).with_name("kubernetes-validate.txt")


def mistakes(document: dict[str, Any], version: str) -> list[str]:
    """What this version of Kubernetes would refuse, by its place; LookupError for a kind that it does not know."""
    group, _, api_version = document["apiVersion"].rpartition("/")
    parts = (document["kind"], group.partition(".")[0], api_version)
    file = _folder(version) / ("-".join(filter(None, parts)).lower() + ".json")
    if not file.exists():
        raise LookupError(f"Kubernetes {version} has no {document['kind']} of {document['apiVersion']}")
    validator = Draft202012Validator(json.loads(file.read_text()), registry=_definitions(version))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


@cache
def _definitions(version: str) -> Registry[Any]:
    contents = json.loads((_folder(version) / "_definitions.json").read_text())
    definitions = Resource.from_contents(contents, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("_definitions.json", definitions)
    return registry


def _folder(version: str) -> Path:
    return _schemas() / f"v{version}.0-local-strict"


@cache
def _schemas() -> Path:
    digest = hashlib.sha256(_PINS.read_bytes()).hexdigest()[:16]
    unpacked = build.once(build.CACHE / f"kubernetes-validate-{digest}", _install)
    return unpacked / "kubernetes_validate" / "kubernetes-json-schema"


def _install(out: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--no-compile", "--require-hashes", "--target", out, "-r", _PINS], check=True)
