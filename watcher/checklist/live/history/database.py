"""Snapshots in an embedded database: one connection, used by one thread at a time."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from probes.controls.evidence import AgentRef
from watcher.checklist.live.history.past_days import Kept
from watcher.checklist.live.history.snapshot import Snapshot

VERSION = 1
"""Of the tables; it grows with each change of them."""

FILE_NAME = "history.db"

_TABLES = """
CREATE TABLE body (digest TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE day (
    day TEXT NOT NULL, namespace TEXT NOT NULL, agent TEXT NOT NULL, at REAL NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (day, namespace, agent)) WITHOUT ROWID;
"""
_FIND = "SELECT at, body FROM day JOIN body USING (digest) WHERE day = ? AND namespace = ? AND agent = ?"
_ORPHANS = "DELETE FROM body WHERE digest NOT IN (SELECT digest FROM day)"
_FULL = 0.95  # of the room, after some were deleted for want of it


class NewerError(Exception):
    """The tables are those of a newer release."""


class HistoryDatabase:
    """The tables; every call may raise sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        """Open or make it; NewerError, sqlite3.Error."""
        # Whoever calls sees to it that one thread uses it at a time; it is not always the same.
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=1.0)
        try:
            self._open()
        except BaseException:
            self._connection.close()
            raise

    def _open(self) -> None:
        execute = self._connection.execute
        for pragma in ("cache_size=-1024", "temp_store=MEMORY", "journal_size_limit=4194304"):
            execute(f"PRAGMA {pragma}")
        (version,) = execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise NewerError(f"its version is {version}, this release knows {VERSION}")
        if version == 0:
            execute("PRAGMA auto_vacuum=INCREMENTAL")
            execute("PRAGMA journal_mode=WAL")
            self._connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version={VERSION}; COMMIT;")
        execute("PRAGMA synchronous=NORMAL")
        execute("SELECT 1 FROM day JOIN body USING (digest) LIMIT 1").fetchone()

    def insert(self, snapshots: Sequence[Snapshot]) -> None:
        """Keep these: all or none. One that is there of that day stays."""
        days = [(each.day, each.ref.namespace, each.ref.agent, each.at, each.digest) for each in snapshots]
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection:
            bodies = [(each.digest, each.body) for each in snapshots]
            self._connection.executemany("INSERT OR IGNORE INTO body VALUES (?, ?)", bodies)
            self._connection.executemany("INSERT OR IGNORE INTO day VALUES (?, ?, ?, ?, ?)", days)

    def agents(self, day: str) -> set[AgentRef]:
        """Those that have a snapshot of this day."""
        rows = self._connection.execute("SELECT namespace, agent FROM day WHERE day = ?", (day,))
        return {AgentRef(*row) for row in rows}

    def find(self, day: str, ref: AgentRef) -> tuple[float, bytes] | None:
        """When it was taken, in Unix seconds, and its body."""
        found: tuple[float, bytes] | None = self._connection.execute(_FIND, (day, *ref)).fetchone()
        return found

    def kept(self, ref: AgentRef) -> Kept:
        """The first and the last day of an agent."""
        ask = "SELECT min(day), max(day) FROM day WHERE namespace = ? AND agent = ?"
        return Kept(*(each or "" for each in self._connection.execute(ask, tuple(ref)).fetchone()))

    def prune(self, oldest: str, most_bytes: int) -> int:
        """Forget what is older than this day; where there is no room, the oldest days too: how many those were."""
        execute = self._connection.execute
        execute("DELETE FROM day WHERE day < ?", (oldest,))
        execute(_ORPHANS)
        room, lost = most_bytes, 0
        while self.size > room:
            room = int(most_bytes * _FULL)
            if not execute("DELETE FROM day WHERE day = (SELECT min(day) FROM day)").rowcount:
                break
            lost += 1
            execute(_ORPHANS)
        execute("PRAGMA incremental_vacuum").fetchall()
        return lost

    @property
    def size(self) -> int:
        """Bytes in use; the write-ahead log comes on top, some megabytes."""
        names = ("page_count", "freelist_count", "page_size")
        pages, free, size = (self._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
        return int((pages - free) * size)

    def close(self) -> None:
        """Use it no more."""
        self._connection.close()
