"""The records that were seen, for the next process: one file of JSON lines, replaced as a whole."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from pydantic import ConfigDict, TypeAdapter

from probes.controls.records import Record
from probes.controls.records.sharing import shared
from watcher.checklist.live.records.seen import Key, SeenRecords, key_of
from watcher.runtime.atomic_write import AtomicFile

log = logging.getLogger(__name__)

FILE_NAME = "records.jsonl"
FORMAT, VERSION = "agentweave-watcher-records", 1
_MOST = 64 * 2**20


class _Head(NamedTuple):
    format: str
    version: int
    began: float


_HEAD = TypeAdapter(_Head, config=ConfigDict(allow_inf_nan=False))
_RECORD: TypeAdapter[Record] = TypeAdapter(Record)


class KeptRecords:
    """Writes them soon after they change."""

    EVERY = 5.0
    """Seconds from one look whether they did to the next."""

    def __init__(self, seen: SeenRecords, state_dir: Path | None, now: Callable[[], float]) -> None:
        """`now`: Unix seconds."""
        self._seen, self._written = seen, -1
        self.began = now()  # when records were read for the first time, Unix seconds
        self._path = state_dir / FILE_NAME if state_dir is not None else None
        self._file = AtomicFile(self._path) if self._path is not None else None
        self.unwritable = ""  # why they cannot be kept

    async def restore(self) -> None:
        """Take up what the last process knew; what cannot be read is said, and is not known."""
        if self._path is None:
            return
        try:
            found = await asyncio.to_thread(_read, self._path)
        except (OSError, ValueError) as error:
            facts = {"path": str(self._path), "why": str(error)[:200]}
            log.warning("cannot read file of records that were seen", extra=facts)
        else:
            self.began = found.began if found.began is not None else self.began
            self._seen.restore(found.records)
            self._written = -1 if found.began is None else self._seen.changes

    async def write(self) -> None:
        """Write them, if they changed since."""
        changes = self._seen.changes
        if self._file is None or changes == self._written:
            return
        records = list(self._seen.all())
        try:
            content, left_out = await asyncio.to_thread(_lines, self.began, records)
            await self._file.write(content)
        except OSError as error:
            self.unwritable = f"{self._path}: {error.strerror or error}"
        else:
            too_many = f"{self._path}: {left_out} records are not kept, they are over {_MOST >> 20} MiB"
            self.unwritable, self._written = too_many if left_out else "", changes


class _Found(NamedTuple):
    began: float | None = None
    records: Mapping[Key, Record] = MappingProxyType({})


def _read(path: Path) -> _Found:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return _Found()
    with file:
        raw = file.read(_MOST + 1)
    if len(raw) > _MOST or not raw:
        raise ValueError("too large, or empty")
    first, *lines = raw.splitlines()
    head = _HEAD.validate_json(first)
    if (head.format, head.version) != (FORMAT, VERSION):
        raise ValueError("not a file of this release")
    records = (shared(_RECORD.validate_json(each)) for each in lines)
    return _Found(head.began, {key_of(each): each for each in records})


def _lines(began: float, records: Sequence[Record]) -> tuple[bytes, int]:
    """The content of the file, and how many records have no room in it; the newest go first."""
    made, left_out = BytesIO(), 0
    made.write(_HEAD.dump_json(_Head(FORMAT, VERSION, began)) + b"\n")
    for each in sorted(records, key=_at, reverse=True):
        line = _RECORD.dump_json(each, exclude_defaults=True)
        if made.tell() + len(line) >= _MOST:
            left_out += 1
        else:
            made.write(line + b"\n")
    return made.getvalue(), left_out


def _at(record: Record) -> float:
    return record.at
