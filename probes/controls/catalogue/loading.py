"""From the files of a catalogue to typed controls; every mistake is named with its file and line."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from pydantic import TypeAdapter, ValidationError

from probes.controls.catalogue.consistency import Mistake, whole
from probes.controls.catalogue.control import Control
from probes.controls.catalogue.errors import CatalogueError
from probes.controls.catalogue.reading import as_json, line_of, plain

VERSION = "1"
SECTIONS = (
    "security",
    "reliability",
    "observability",
    "deployment",
    "testing",
    "documentation",
    "postdeploy",
    "criteria",
    "predeploy",
    "release",
    "metrics",
    "alerts",
    "loadtest",
    "logformat",
)
"""The files of the catalogue, in the order in which controls are shown."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Controls in the order of the files, and what tells one catalogue from another."""

    controls: tuple[Control, ...]
    by_id: Mapping[str, Control]
    version: str
    digest: str  # `sha256:` of all files, also where only some sections were read


@cache
def load_catalogue(sections: tuple[str, ...] = SECTIONS) -> Catalogue:
    """The package's own catalogue, or some sections of it."""
    return read_catalogue({name: _shipped(name) for name in SECTIONS}, sections)


def read_catalogue(texts: Mapping[str, bytes], sections: Iterable[str] | None = None) -> Catalogue:
    """The catalogue that these files are, by section; CatalogueError with all mistakes of those that are read.

    What only the whole can show, such as a roll-up that loops, is looked for where all sections are read.
    """
    wanted = tuple(sections if sections is not None else texts)
    controls: list[Control] = []
    mistakes: list[str] = []
    places: list[tuple[str, int]] = []
    for name in wanted:
        found, wrong = _section(name, texts[name])
        mistakes += wrong
        places += [(name, index) for index in range(len(found))]
        controls += found
    if not mistakes:
        checked = whole(controls, some=set(wanted) != set(texts))
        mistakes = [_place(texts, *places[each.index], each) for each in checked]
    if mistakes:
        raise CatalogueError(mistakes)
    return Catalogue(tuple(controls), {each.id: each for each in controls}, VERSION, _digest(texts))


def shipped_as_json() -> str:
    """What `plain.json` is to be."""
    return as_json({f"{name}.yaml": _shipped(name) for name in SECTIONS})


def _shipped(section: str) -> bytes:
    return (files(__package__) / f"{section}.yaml").read_bytes()


def _digest(texts: Mapping[str, bytes]) -> str:
    digest = sha256()
    for name in sorted(texts):
        digest.update(f"{name}\0{len(texts[name])}\0".encode() + texts[name])
    return f"sha256:{digest.hexdigest()}"


@cache
def _entries() -> TypeAdapter[Any]:
    return TypeAdapter(tuple[Control, ...])


def _section(name: str, text: bytes) -> tuple[tuple[Control, ...], list[str]]:
    file = f"{name}.yaml"
    document = plain(file, text)
    if not isinstance(document, dict) or set(document) != {"section", "controls"} or document["section"] != name:
        return (), [f"{file}:1: expected `section: {name}` and `controls`, and nothing else"]
    try:
        return _entries().validate_python(document["controls"]), []
    except ValidationError as error:
        return (), [_sentence(file, text, document["controls"], each) for each in error.errors()]


def _sentence(file: str, text: bytes, controls: object, error: Mapping[str, Any]) -> str:
    steps = tuple(error["loc"])
    first = steps[0] if steps else None
    entry = controls[first] if isinstance(controls, list) and isinstance(first, int) else None
    who = f"{entry['id']}: " if isinstance(entry, dict) and "id" in entry else ""
    line = line_of(text, ("controls", *steps))
    return f"{file}:{line}: {who}{'.'.join(map(str, steps[1:]))}: {error['msg']}"


def _place(texts: Mapping[str, bytes], name: str, index: int, mistake: Mistake) -> str:
    line = line_of(texts[name], ("controls", index, *mistake.path))
    return f"{name}.yaml:{line}: {mistake.control}: {mistake.what}"


def control_named(name: str, controls: Iterable[str]) -> str:
    """The control with this id, or the only one whose id begins so; empty where there is none."""
    found = list(controls)
    if name in found:
        return name
    near = [each for each in found if each.startswith(f"{name}-")]
    return near[0] if len(near) == 1 else ""
