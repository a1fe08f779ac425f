"""Which Kubernetes objects do files hold? Lists are opened, what is broken is told with its line."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from probes.controls.evidence import KubeObject, ReadText
from watcher.checklist.manifests.documents import MAX_BYTES, UNRENDERED, Budget, Document, read_documents
from watcher.checklist.manifests.refusing import name_of, unrendered, wrong
from watcher.text.key_path import key_path, kind_name
from watcher.text.printable import printable

MOST_FILES, MOST_OBJECTS = 5000, 50_000
STANDARD_INPUT = Path("-")
STANDARD_INPUT_NAME = "standard input"
_SUFFIXES = (".yaml", ".yml", ".json")


class ManifestsError(Exception):
    """What was given cannot be read at all; a sentence with its path."""


@dataclass(frozen=True, slots=True)
class Manifest(KubeObject):
    """An object with the lines of its keys."""

    file: str = ""
    document: Document = field(default_factory=lambda: Document(1), repr=False)

    @property
    def group(self) -> str:
        """Its API group, `networking.k8s.io`; empty for the core's."""
        return str(self.body.get("apiVersion")).rpartition("/")[0]

    @property
    def read_from(self) -> ReadText:
        """The text of its file."""
        return ReadText(self.file, self.document.offset, self.document.lines)

    def line_of(self, *place: str | int) -> int:
        """The line of the value at this place, or of the nearest above it that is there."""
        line, value = self.line or 1, self.body
        for part in place:
            lines = self.document.lines.get(id(value), {})
            if part not in lines:
                return line
            line, value = lines[part] + self.document.offset, value[part]  # type: ignore[index,assignment]
        return line

    def literal_of(self, key: str, name: str) -> int | None:
        """The line of the `|` where the value at `key`, `name` is a literal block: its lines are lines of the file."""
        line = self.document.literals.get((id(self.body.get(key)), name))
        return None if line is None else line + self.document.offset


@dataclass(slots=True)
class Objects:
    """All that was read."""

    found: list[Manifest] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)  # `file:line: sentence`
    files: int = 0

    def tell(self, place: str, why: str) -> None:
        """That what stands there is not read."""
        self.broken.append(printable(f"{place}: {why}"))


def read_objects(paths: Iterable[Path], stdin: IO[bytes], namespace: str, budget: Budget | None = None) -> Objects:
    """Objects of files, folders and (for `-`) standard input; `namespace` is that of objects that name none."""
    objects, budget = Objects(), budget or Budget()
    for path, is_named in _given(paths):
        if path != STANDARD_INPUT and not is_named and not path.is_file():
            # A pipe would be waited for without end; one that is named has somebody who writes.
            objects.tell(str(path), "a broken link, or no regular file")
            continue
        if path == STANDARD_INPUT:
            name, raw = STANDARD_INPUT_NAME, stdin.read(MAX_BYTES + 1)
        else:
            name, raw = str(path), _bytes(path)
        budget.bytes += len(raw)
        _read(objects, name, raw, namespace, budget, is_named=is_named)
        if budget.spent:
            break
    return objects


def _given(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """Each file, and whether it was named or found in a folder."""
    for path in paths:
        if path != STANDARD_INPUT and path.is_dir():
            yield from ((file, False) for file in _files(path))
        else:
            yield path, True


def _files(folder: Path) -> Iterator[Path]:
    if (folder / "Chart.yaml").is_file() and (folder / "templates").is_dir():
        raise ManifestsError(f"{folder}: a chart, not manifests: give what `helm template {folder}` prints")
    count = 0
    for root, folders, names in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(names):
            if name.endswith(_SUFFIXES) and not name.startswith("."):
                count += 1
                if count > MOST_FILES:
                    raise ManifestsError(f"{folder}: more than {MOST_FILES} files")
                yield Path(root) / name


def _unreadable(error: OSError) -> None:
    raise ManifestsError(f"{error.filename}: cannot be read: {error.strerror}")


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ManifestsError(f"{path}: cannot be read: {reason}") from error


def _read(objects: Objects, file: str, raw: bytes, namespace: str, budget: Budget, *, is_named: bool) -> None:
    objects.files += 1
    if len(raw) > MAX_BYTES:
        objects.tell(file, f"larger than {MAX_BYTES >> 20} MiB: nothing of it was read")
        return
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        objects.tell(f"{file}:{line}", f"not YAML: expected UTF-8, got byte 0x{raw[error.start]:02x}")
        return
    for document in read_documents(text, budget):
        if document.broken:
            objects.tell(f"{file}:{document.line}", document.broken)
        elif is_named or _says_its_kind(document.data):
            _take(objects, file, document, document.data, document.line, namespace)


def _says_its_kind(data: object) -> bool:
    """In a folder there are also values and the like, which are nobody's mistake."""
    return isinstance(data, Mapping) and "apiVersion" in data and "kind" in data


def _take(objects: Objects, file: str, document: Document, data: object, line: int, namespace: str) -> None:
    """One object, or those of a list."""
    kind = data.get("kind") if isinstance(data, Mapping) else None
    if isinstance(data, Mapping) and isinstance(kind, str) and kind.endswith("List") and "items" in data:
        items = data["items"]
        if not isinstance(items, list):
            objects.tell(f"{file}:{line}", f"items: expected a list, got {kind_name(items)}")
            return
        lines = document.lines.get(id(items), {})
        for number, item in enumerate(items):
            if number in document.doubled:
                doubled, why = document.doubled[number]
                objects.tell(f"{file}:{doubled}", why)
                continue
            at = lines[number] + document.offset if number in lines else line
            named = {"kind": kind.removesuffix("List"), **item} if isinstance(item, Mapping) else item
            if isinstance(item, Mapping) and kind != "List" and "kind" not in item:
                document.lines[id(named)] = document.lines.get(id(item), {})
                _add(objects, file, document, named, at, namespace)
            elif isinstance(item, Mapping) and str(item.get("kind")).endswith("List"):
                objects.tell(f"{file}:{at}", "a list in a list is not read: put its items into the outer one")
            else:
                _add(objects, file, document, item, at, namespace)
        return
    _add(objects, file, document, data, line, namespace)


def _add(objects: Objects, file: str, document: Document, data: object, line: int, namespace: str) -> None:
    if len(objects.found) >= MOST_OBJECTS:
        if not objects.broken or "are not read" not in objects.broken[-1]:
            objects.tell(f"{file}:{line}", f"more than {MOST_OBJECTS} objects: this and the rest are not read")
        return
    why = wrong(data)
    if why or not isinstance(data, Mapping):
        objects.tell(f"{file}:{line}", why)
        return
    meta = data["metadata"]
    own = str(meta.get("namespace") or namespace)
    ref = f"{printable(file)}:{line}"
    found = Manifest(data["kind"], own, str(name_of(meta)), data, ref, line, file=file, document=document)
    if document.templated and (place := unrendered(data)):
        objects.tell(f"{file}:{found.line_of(*place)}", f"{key_path(place)}: {UNRENDERED}")
        return
    objects.found.append(found)
