"""YAML of the package as plain values; which line a value stands on is looked for only when somebody must know.

To read all YAML of the catalogue takes a tenth of a second, so `plain.json` has what it says, beside the digest of the
text that says it: `make checklist` writes it, and a text that was changed since is read itself.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files

import yaml

from probes.controls.catalogue.errors import CatalogueError

Path = Sequence[str | int]


def plain(name: str, text: bytes) -> object:
    """The same as `read`, without reading what was read before."""
    known = _known().get(name)
    return known["says"] if known and known["digest"] == sha256(text).hexdigest() else read(name, text)


@cache
def _known() -> Mapping[str, Mapping[str, object]]:
    found: Mapping[str, Mapping[str, object]] = json.loads((files(__package__) / "plain.json").read_bytes())
    return found


def as_json(texts: Mapping[str, bytes]) -> str:
    """What `plain.json` has of these files by name, a line a file."""
    lines = [
        f"{json.dumps(name)}: {json.dumps({'digest': sha256(text).hexdigest(), 'says': read(name, text)}, default=str)}"
        for name, text in texts.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read(name: str, text: bytes) -> object:
    """The one document of this file; CatalogueError with its line where it is no YAML."""
    try:
        return yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise CatalogueError([f"{name}:{line}: not YAML: {getattr(error, 'problem', None) or error}"]) from error


def line_of(text: bytes, path: Path) -> int:
    """The line of the value at this path, or of the nearest one above it that is there; counted from 1."""
    node = yaml.compose(text, Loader=yaml.CSafeLoader)
    line = 1
    for step in path:
        found = _child(node, step)
        if found is None:
            break
        line, node = found
    return line


def _child(node: yaml.Node | None, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item.start_mark.line + 1, item
    return None
