"""Do manifests fit a version of Kubernetes? kubeconform tells, by schemas in which no unknown field is allowed."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.servers.tools import need, tool
from tests.tools import build

VERSIONS = tuple(f"1.{minor}" for minor in range(28, 38))
_PINS = Path(__file__).with_name("kubernetes-validate.txt")
_ELSEWHERE, _HERE = "/api/_definitions.json#/$defs/", "#/$defs/"


def mistakes(documents: Sequence[Mapping[str, Any]], version: str) -> dict[str, str]:
    """What this version of Kubernetes would refuse and why, by kind and name; a kind that it does not know too."""
    with TemporaryDirectory() as folder:
        for name in {_schema_name(document) for document in documents}:
            if (_folder(version) / name).exists():
                Path(folder, name).write_text(_standing_alone(version, name))
        location = f"{folder}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
        given = ("-kubernetes-version", f"{version}.0", "-schema-location", location)
        command: list[str | Path] = [tool("kubeconform"), "-strict", "-summary", "-output", "json", *given]
        text = "\n---\n".join(map(json.dumps, documents))
        said = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=False)
    told = json.loads(said.stdout)
    assert told["summary"]["skipped"] == 0
    assert sum(told["summary"].values()) == len(documents), "each is judged"
    return {f"{each['kind']} {each['name']}": each["msg"] for each in told["resources"] or ()}


def _schema_name(document: Mapping[str, Any]) -> str:
    group, _, api_version = document["apiVersion"].rpartition("/")
    parts = (document["kind"], group.partition(".")[0], api_version)
    return "-".join(filter(None, parts)).lower() + ".json"


@cache
def _standing_alone(version: str, name: str) -> str:
    """The schema with all that it refers to: kubeconform looks into no other file."""
    schema, definitions = json.loads((_folder(version) / name).read_text()), _definitions(version)
    needed: dict[str, Any] = {}
    wanted = list(_references(schema))
    while wanted:
        each = wanted.pop()
        if each not in needed:
            needed[each] = definitions[each]
            wanted += _references(definitions[each])
    alone = {key: value for key, value in schema.items() if key != "$id"} | {"$defs": needed}
    return json.dumps(alone).replace(_ELSEWHERE, _HERE)


def _references(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].rpartition("/")[2]
        for each in schema.values():
            yield from _references(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from _references(each)


@cache
def _definitions(version: str) -> Mapping[str, Any]:
    definitions: Mapping[str, Any] = json.loads((_folder(version) / "_definitions.json").read_text())["$defs"]
    return definitions


def _folder(version: str) -> Path:
    return _schemas() / f"v{version}.0-local-strict"


@cache
def _schemas() -> Path:
    need("kubernetes-validate")
    digest = hashlib.sha256(_PINS.read_bytes()).hexdigest()[:16]
    unpacked = build.once(build.CACHE / f"kubernetes-validate-{digest}", _install)
    return unpacked / "kubernetes_validate" / "kubernetes-json-schema"


def _install(out: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--no-compile", "--require-hashes", "--target", out, "-r", _PINS], check=True)
