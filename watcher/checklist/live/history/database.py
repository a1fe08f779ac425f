"""Snapshots in an embedded database: one connection, used by one thread at a time."""

from collections.abc import Sequence
from pathlib import Path

from probes.controls.evidence import AgentRef
from watcher.checklist.live.history.past_days import Kept
from watcher.checklist.live.history.snapshot import Snapshot
from watcher.runtime.sqlite_file import open_database, used_bytes

VERSION = 1
"""Of the tables; it grows with each change of them."""

FILE_NAME = "history.db"

_TABLES = """
CREATE TABLE body (digest TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE day (
    day TEXT NOT NULL, namespace TEXT NOT NULL, agent TEXT NOT NULL, at REAL NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (day, namespace, agent)) WITHOUT ROWID;
"""
_READS = ("SELECT 1 FROM day JOIN body USING (digest) LIMIT 1",)
_FIND = "SELECT at, body FROM day JOIN body USING (digest) WHERE day = ? AND namespace = ? AND agent = ?"
_ORPHANS = "DELETE FROM body WHERE digest NOT IN (SELECT digest FROM day)"
_FULL = 0.95  # of the room, after some were deleted for want of it


class HistoryDatabase:
    """The tables; every call may raise sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        """Open or make it; NewerError, sqlite3.Error."""
        self._connection = open_database(path, _TABLES, VERSION, _READS)

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
        return used_bytes(self._connection)

    def close(self) -> None:
        """Use it no more."""
        self._connection.close()
