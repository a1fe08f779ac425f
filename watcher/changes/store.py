"""Keeps changes, in the state directory or in memory. What the disk does not take waits in memory, and is told."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from watcher.changes.change import Change, Found, Period, Selection
from watcher.changes.database import FILE_NAME, ChangeDatabase
from watcher.config.changes import ChangesSettings
from watcher.metrics.families import CHANGES
from watcher.metrics.own import OwnMetrics
from watcher.runtime.sqlite_file import NewerError, set_aside

log = logging.getLogger(__name__)

IN_MEMORY = 4 << 20
"""Bytes of what is kept in memory: about ten thousand changes."""

_LOGGED_AGAIN = 1000
T = TypeVar("T")


class ChangeStore:
    """One thread uses the databases, one call after the other: a disk that is slow holds up no look."""

    BEAT_EVERY = 30.0
    """Seconds from one note that the fleet is watched to the next."""

    PATIENCE = 5.0
    """Seconds that a reader waits for the database."""

    def __init__(
        self, settings: ChangesSettings, state_dir: Path | None, own_metrics: OwnMetrics, date: Callable[[], float]
    ) -> None:
        """`date`: Unix seconds. Nothing is opened yet."""
        self.settings, self.trouble = settings, ""  # why they cannot be kept on disk
        self._path = state_dir / FILE_NAME if state_dir is not None else None
        self._own_metrics, self._date = own_metrics, date
        self._thread = ThreadPoolExecutor(1, "changes")
        self._memory = ChangeDatabase(None, IN_MEMORY)
        self._disk: ChangeDatabase | None = None
        self._dropped = 0
        for result in ("kept", "dropped"):
            own_metrics.add(CHANGES, 0, result)

    @property
    def survives(self) -> bool:
        """Whether what is kept survives a restart."""
        return self._path is not None

    async def add(self, changes: Sequence[Change]) -> None:
        """Keep these, in the order of their time."""
        if changes:
            await self._run(self._add, changes)
            self._own_metrics.add(CHANGES, len(changes), "kept")

    def drop(self, count: int, whose: str) -> None:
        """So many of a target are not kept, for it has too many."""
        self._own_metrics.add(CHANGES, count, "dropped")
        if self._dropped % _LOGGED_AGAIN == 0:
            log.warning("changes of a target not kept, it has too many", extra={"target": whose, "changes": count})
        self._dropped += 1

    def adopt(self, settings: ChangesSettings) -> None:
        """Keep as much as these say, from the next beat on."""
        self.settings = settings

    async def beat(self) -> None:
        """Note that the fleet is watched, and forget what is too old or too much."""
        await self._run(self._beat)

    async def find(self, wanted: Selection, limit: int, offset: int = 0) -> Found:
        """Some of the changes that are meant, the newest first."""
        try:
            return await asyncio.wait_for(self._run(self._find, wanted, limit, offset), self.PATIENCE)
        except TimeoutError:
            return Found(0, [], [], "the database does not answer")

    async def counted(self, wanted: Selection, without_namespaces: Sequence[str]) -> list[tuple[str, str, int]]:
        """As the database has it; nothing where it does not answer."""
        try:
            return await asyncio.wait_for(self._run(self._counted, wanted, without_namespaces), self.PATIENCE)
        except TimeoutError:
            return []

    async def close(self) -> None:
        """Write what waits, and end."""
        await self._run(self._close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[..., T], *given: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *given))

    # What follows runs in the thread.

    def _on_disk(self) -> ChangeDatabase | None:
        if self._disk is None and self._path is not None:
            self._disk = self._opened(self._path)
        return self._disk

    def _opened(self, path: Path) -> ChangeDatabase | None:
        try:
            return ChangeDatabase(path, self.settings.max_bytes)
        except (NewerError, sqlite3.Error) as error:
            if not isinstance(error, NewerError) and not _is_unreadable(error, opening=True):
                self._tell(error)
                return None
            self._set_aside(path, error)
        try:
            return ChangeDatabase(path, self.settings.max_bytes)
        except (NewerError, sqlite3.Error) as error:
            self._tell(error)
            return None

    def _set_aside(self, path: Path, error: Exception) -> None:
        extra = {"file": str(path), "why": str(error)[:200]}
        try:
            extra["set_aside_as"] = str(set_aside(path))
        except OSError as refused:
            extra["not_set_aside"] = str(refused)
        log.warning("cannot read the database of changes, starting a new one", extra=extra)

    def _tell(self, error: Exception) -> None:
        self.trouble = f"{self._path}: {error}"

    def _broken(self, error: sqlite3.Error) -> None:
        """What was opened cannot be used: a disk may recover, a file that is malformed is set aside."""
        self._tell(error)
        if self._disk is not None:
            self._disk.close()
            self._disk = None
        if self._path is not None and _is_unreadable(error):
            self._set_aside(self._path, error)

    def _add(self, given: Sequence[Change]) -> None:
        changes = sorted(given)
        disk = self._on_disk() if not self.trouble else None  # until a beat finds that it is well again
        if disk is None or not self._did(disk.insert, changes):
            self._memory.insert(changes)
            self._memory.prune(self._date() - self.settings.keep)
        else:
            self._did(self._make_room, disk)

    def _did(self, work: Callable[[T], object], given: T) -> bool:
        """Whether that could be done on the disk."""
        try:
            work(given)
        except sqlite3.Error as error:
            self._broken(error)
            return False
        return True

    def _make_room(self, disk: ChangeDatabase) -> None:
        if disk.size > disk.most_bytes:
            disk.prune(self._date() - self.settings.keep)

    def _beat(self) -> None:
        now = self._date()
        self._memory.beat(now)
        disk = self._on_disk()
        if disk is None:
            self._memory.prune(now - self.settings.keep)
            return
        disk.most_bytes = self.settings.max_bytes
        if self._did(self._see_to, disk):
            self.trouble = ""

    def _see_to(self, disk: ChangeDatabase) -> None:
        now = self._date()
        if not self._memory.is_empty:
            self._memory.move_to(disk)
        disk.beat(now)
        disk.prune(now - self.settings.keep)

    def _databases(self) -> list[ChangeDatabase]:
        disk = self._on_disk()
        return [self._memory] if disk is None else [disk] if self._memory.is_empty else [disk, self._memory]

    def _find(self, wanted: Selection, limit: int, offset: int) -> Found:
        total, found, watched = 0, list[Change](), list[Period]()
        databases = self._databases()
        for database in databases:
            try:
                alone = len(databases) == 1
                count, some = database.select(wanted, limit + (0 if alone else offset), offset if alone else 0)
                watched = watched or database.watched()
            except sqlite3.Error as error:
                self._broken(error)
                continue
            total, found = total + count, found + some
        if len(databases) > 1:
            found = sorted(found, key=lambda each: each.at, reverse=True)[offset : offset + limit]
        return Found(total, found, watched, self.trouble)

    def _counted(self, wanted: Selection, without_namespaces: Sequence[str]) -> list[tuple[str, str, int]]:
        try:
            return [each for database in self._databases() for each in database.counted(wanted, without_namespaces)]
        except sqlite3.Error as error:
            self._broken(error)
            return []

    def _close(self) -> None:
        self._beat()
        if self._disk is not None:
            self._disk.close()
        self._memory.close()


def _is_unreadable(error: sqlite3.Error, *, opening: bool = False) -> bool:
    """Whether it is what is in the file; else it is the disk, which may recover. `opening`: tables may be missing."""
    codes = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, *((sqlite3.SQLITE_ERROR,) if opening else ()))
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR) & 0xFF in codes
