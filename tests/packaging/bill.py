"""The bill of materials of the lock, as CycloneDX 1.6 (ECMA-424): every package with its version and digests.

1. Read each entry of the lock: name, version, marker, digests.
2. What the package needs when it runs, with the extra `fast`, is `required`; the rest are tools of development.
3. Write both with their package URLs; nothing of the machine or the time is in it, so it is the same for the same lock.
"""

import json
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

NAME = "agentweave-watcher"
_ENTRY = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?: ; (?P<marker>[^\\\n]+?))? \\\n", re.MULTILINE
)
_NEEDED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def bill_of_materials(lock: Path, version: str) -> str:
    """The document, as text."""
    used, entries = needed(NAME), list(_entries(lock.read_text()))
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": NAME,
                "name": NAME,
                "version": version,
                "purl": f"pkg:pypi/{NAME}@{version}",
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": [_component(*each, required=each[0] in used) for each in entries],
        "dependencies": [{"ref": NAME, "dependsOn": sorted(_ref(*each[:2]) for each in entries if each[0] in used)}],
    }
    return json.dumps(document, indent=2) + "\n"


def needed(name: str) -> frozenset[str]:
    """Names of all that the package needs when it runs, of all platforms as far as they are installed here."""
    found, waiting = set[str](), [name]
    while waiting:
        for each in _requirements(waiting.pop(), fast=not found):
            if each not in found:
                found.add(each)
                waiting.append(each)
    return frozenset(found)


def _requirements(name: str, *, fast: bool) -> Iterator[str]:
    try:
        every = requires(name) or []
    except PackageNotFoundError:  # of another platform
        return
    for each in every:
        match = _NEEDED.match(each)
        if match is not None and ("extra ==" not in each or (fast and "fast" in each)):
            yield re.sub(r"[-_.]+", "-", match[0]).lower()


def _entries(text: str) -> Iterator[tuple[str, str, str, list[str]]]:
    matches = list(_ENTRY.finditer(text))
    ends = [match.start() for match in matches[1:]] + [len(text)]
    for match, end in zip(matches, ends, strict=True):
        digests = re.findall(r"--hash=sha256:([0-9a-f]{64})", text[match.end() : end])
        yield match["name"], match["version"], match["marker"] or "", digests


def _component(name: str, version: str, marker: str, digests: list[str], *, required: bool) -> Mapping[str, object]:
    properties = [{"name": "python:marker", "value": marker}] if marker else []
    files = [{"type": "distribution", "url": f"pkg:pypi/{name}@{version}", "hashes": [_hash(each)]} for each in digests]
    return {
        "type": "library",
        "bom-ref": _ref(name, version),
        "name": name,
        "version": version,
        "scope": "required" if required else "excluded",
        "purl": _ref(name, version),
        "externalReferences": files,
        **({"properties": properties} if properties else {}),
    }


def _ref(name: str, version: str) -> str:
    return f"pkg:pypi/{name}@{version}"


def _hash(digest: str) -> Mapping[str, str]:
    return {"alg": "SHA-256", "content": digest}
