"""Records in files: looked at every few seconds, and read where one is another than before."""

import asyncio
import errno
import fnmatch
import glob
import hashlib
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from probes.controls.catalogue.control import UnknownReason
from watcher.checklist.live.records.book import RecordBook
from watcher.checklist.live.records.checkout import commit_of
from watcher.checklist.live.records.reading import MOST_BYTES, ReadRecord, read_records, unreadable

BEGIN = "file:"
EVERY = 2.0
"""Seconds from one look at the files to the next."""

KEPT = 900.0
"""Seconds for which the records of a file that cannot be read are believed as they were read last."""

MOST_FILES = 1000

_Mark = tuple[int, int, int]


class _Look(NamedTuple):
    """What is to be seen of one file, without reading it."""

    mark: _Mark | None  # None: it cannot be read
    why: UnknownReason | None = None


class RecordFiles:
    """Puts what they hold into the book."""

    def __init__(self, book: RecordBook, patterns: Sequence[str], now: Callable[[], float]) -> None:
        """`now`: steady seconds."""
        self._book, self._now = book, now
        self._marks: dict[str, _Mark] = {}
        self._failing: dict[str, float] = {}  # since when, steady seconds
        self._down: UnknownReason | None = None
        self.patterns: Sequence[str] = ()
        self.tried = False
        self.adopt(patterns)

    def adopt(self, patterns: Sequence[str]) -> None:
        """Read these from now on."""
        if tuple(patterns) != self.patterns:
            self.patterns = tuple(patterns)
            self.tried = False
            if self.patterns:
                self._book.silence(BEGIN, UnknownReason.UNREACHABLE)  # until they are read

    @property
    def down(self) -> UnknownReason | None:
        """Why not all can be read."""
        return self._down

    async def look(self) -> None:
        """Read what is another than before."""
        patterns = self.patterns
        found = await asyncio.to_thread(_looked, patterns)
        unlisted = tuple(path for path in found if path.endswith("/"))
        for path in self._marks.keys() - found.keys():
            if not unlisted or not path.startswith(unlisted):
                self._forget(path)
        for path in self._failing.keys() - found.keys():
            self._mended(path)
        for number, (path, look) in enumerate(found.items()):
            if number >= MOST_FILES:
                self._book.put(BEGIN + path, (unreadable(BEGIN + path, f"more than {MOST_FILES} files"),))
            elif look.mark is None and look.why is UnknownReason.SOURCE_MISSING and path in self._marks:
                self._forget(path)  # the config names it, and it was deleted
            elif look.mark is None:
                self._note_failure(path, look.why or UnknownReason.UNREACHABLE)
            elif self._marks.get(path) != look.mark or path in self._failing:
                await self._read(path, look.mark)
        if patterns == self.patterns:
            self._book.silence(BEGIN, None)
            self.tried = True
        whys = [look.why for look in found.values() if look.why is not None]
        self._down = whys[0] if whys else None

    async def _read(self, path: str, mark: _Mark) -> None:
        try:
            raw = await asyncio.to_thread(_bytes, path)
        except OSError as error:
            self._note_failure(path, _why(error))
            return
        self._mended(path)
        source = BEGIN + path
        read = await _records(raw, source, self._book.read_of(source))
        self._book.put(source, read, await asyncio.to_thread(_origin, path, raw))
        self._marks[path] = mark

    def _note_failure(self, path: str, why: UnknownReason) -> None:
        since = self._failing.setdefault(path, self._now())
        known = path in self._marks or (path.endswith("/") and any(each.startswith(path) for each in self._marks))
        if not known or self._now() - since >= KEPT:
            self._book.silence(BEGIN + path, why)

    def _mended(self, path: str) -> None:
        self._failing.pop(path, None)
        self._book.silence(BEGIN + path, None)

    def _forget(self, path: str) -> None:
        del self._marks[path]
        self._mended(path)
        self._book.drop(BEGIN + path)


async def _records(raw: bytes, source: str, before: Sequence[ReadRecord]) -> Sequence[ReadRecord]:
    if len(raw) > MOST_BYTES:
        return (unreadable(source, f"it is over {MOST_BYTES >> 20} MiB"),)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return (unreadable(source, "it is not UTF-8"),)
    return await read_records([(source, text)], source, before)


def _origin(path: str, raw: bytes) -> Mapping[str, str]:
    """What was read, and which commit is checked out there, if any."""
    commit = commit_of(Path(path))
    return {"sha256": hashlib.sha256(raw).hexdigest()} | ({"commit": commit} if commit else {})


def _looked(patterns: Sequence[str]) -> dict[str, _Look]:
    """By path; a folder that cannot be listed stands for what is in it."""
    found: dict[str, _Look] = {}
    for pattern in map(Path, patterns):
        if not glob.has_magic(pattern.name):
            found[str(pattern)] = _look_at(pattern)
            continue
        try:
            with os.scandir(pattern.parent) as there:
                names = fnmatch.filter(sorted(each.name for each in there), pattern.name)
        except OSError as error:
            found[f"{pattern.parent}/"] = _Look(None, _why(error))
        else:
            found.update((str(pattern.parent / name), _look_at(pattern.parent / name)) for name in names)
    return found


def _look_at(path: Path) -> _Look:
    try:
        found = path.stat()
    except OSError as error:
        return _Look(None, _why(error))
    return _Look((found.st_mtime_ns, found.st_size, found.st_ino))


def _bytes(path: str) -> bytes:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # to open a pipe waits for its writer
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "no regular file")
        return file.read(MOST_BYTES + 1)


def _why(error: OSError) -> UnknownReason:
    if isinstance(error, FileNotFoundError):
        return UnknownReason.SOURCE_MISSING
    return UnknownReason.FORBIDDEN if isinstance(error, PermissionError) else UnknownReason.UNREACHABLE
