"""Changes in an embedded database: one connection, used by one thread at a time."""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from watcher.changes.change import EXPLAINED, FAILING, Change, Period, Selection
from watcher.runtime.sqlite_file import open_database, used_bytes

VERSION = 1
"""Of the tables; it grows with each change of them."""

FILE_NAME = "changes.db"

TOGETHER = 120.0
"""Seconds without a beat that are no gap: as long as it takes to start anew, or to miss three looks."""

_TABLES = """
CREATE TABLE change (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, namespace TEXT NOT NULL, agent TEXT NOT NULL, pod TEXT NOT NULL,
    kind TEXT NOT NULL, name TEXT NOT NULL, subject TEXT NOT NULL, "before" TEXT NOT NULL, "after" TEXT NOT NULL,
    reason TEXT NOT NULL, message TEXT NOT NULL, lasted REAL NOT NULL, reason_before TEXT NOT NULL);
CREATE INDEX change_at ON change (at);
CREATE INDEX change_agent ON change (namespace, agent, at);
CREATE INDEX change_explained ON change (at) WHERE reason = 'SourceFailed' OR reason_before = 'SourceFailed';
CREATE TABLE watched (id INTEGER PRIMARY KEY, began REAL NOT NULL, ended REAL NOT NULL);
"""
_READS = ("SELECT at FROM change ORDER BY at DESC LIMIT 1", "SELECT max(ended) FROM watched")
_INSERT = "INSERT INTO change VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_COUNT, _SELECT, _EVERY = "SELECT count(*) FROM change WHERE", "SELECT * FROM change WHERE", "SELECT * FROM change"
_NEWEST = "ORDER BY at DESC, id DESC LIMIT :limit OFFSET :offset"
_GROUPS = 'SELECT name, "after", count(DISTINCT namespace || char(0) || pod) FROM change WHERE'
_FAILING = f'"after" IN {FAILING}'
_PLAIN = "reason <> :explained AND reason_before <> :explained"
_COUNTED = "kind = 'condition' AND reason <> 'WarmingUp' AND namespace NOT IN (SELECT value FROM json_each(:others))"
_GROUPED = 'GROUP BY name, "after"'
_FORGET_EXPLAINED = """DELETE FROM change WHERE id IN (
    SELECT id FROM change WHERE reason = 'SourceFailed' OR reason_before = 'SourceFailed' ORDER BY at LIMIT ?)"""
_AT_ONCE = 2000  # changes that are deleted together
_PERIODS = 500
_FULL = 0.95  # of the room, after some were deleted for want of it


class ChangeDatabase:
    """The tables; every call may raise sqlite3.Error."""

    def __init__(self, path: Path | None, most_bytes: int) -> None:
        """Open or make it, in memory where there is no `path`; NewerError, sqlite3.Error."""
        self.most_bytes = most_bytes
        self._connection = open_database(path, _TABLES, VERSION, _READS)

    def insert(self, changes: Sequence[Change]) -> None:
        """Keep these: all or none."""
        # One by one: the database gives the interpreter back at each, so a thousand hold up nobody.
        rows = (tuple([_text(each) if isinstance(each, str) else each for each in change]) for change in changes)
        with self._transaction():
            self._connection.executemany(_INSERT, rows)

    def beat(self, now: float) -> None:
        """The fleet is watched at `now` (Unix seconds)."""
        execute = self._connection.execute
        last = execute("SELECT id, ended FROM watched ORDER BY id DESC LIMIT 1").fetchone()
        if last is not None and 0 <= now - last[1] <= TOGETHER:
            execute("UPDATE watched SET ended = ? WHERE id = ?", (now, last[0]))
        else:
            execute("INSERT INTO watched (began, ended) VALUES (?, ?)", (now, now))

    def select(self, wanted: Selection, limit: int, offset: int = 0) -> tuple[int, list[Change]]:
        """How many changes are meant, and some of them, the newest first."""
        meant, values = _meant(wanted)
        (total,) = self._connection.execute(f"{_COUNT} {meant}", values).fetchone()
        rows = self._connection.execute(f"{_SELECT} {meant} {_NEWEST}", {**values, "limit": limit, "offset": offset})
        return total, [Change(*row[1:]) for row in rows]

    def counted(self, wanted: Selection, without_namespaces: Sequence[str]) -> list[tuple[str, str, int]]:
        """Of conditions in other namespaces, but for those that learn: name, what it turned to, on how many targets."""
        meant, values = _meant(wanted)
        given = {**values, "others": json.dumps([_text(each) for each in without_namespaces])}
        return self._connection.execute(f"{_GROUPS} {meant} AND {_COUNTED} {_GROUPED}", given).fetchall()

    def watched(self) -> list[Period]:
        """When the fleet was watched, the last first; of very many times the last."""
        rows = self._connection.execute("SELECT began, ended FROM watched ORDER BY id DESC LIMIT ?", (_PERIODS,))
        return [Period(*row) for row in rows]

    def prune(self, oldest: float) -> int:
        """Forget what is older (Unix seconds); gives how many changes.

        Where there is no room the oldest go, and before all others those that another change explains: a fleet that
        fails as a whole has six of these for each that is news.
        """
        forgotten = self._connection.execute("DELETE FROM change WHERE at < ?", (oldest,)).rowcount
        self._forget_watched(oldest)
        room = self.most_bytes
        while self.size > room:
            room = int(self.most_bytes * _FULL)
            if not (some := self._forget_explained() or self._forget_oldest()):
                break
            forgotten += some
        if forgotten:
            self._connection.execute("PRAGMA incremental_vacuum").fetchall()
        return forgotten

    def _forget_explained(self) -> int:
        return self._connection.execute(_FORGET_EXPLAINED, (_AT_ONCE,)).rowcount

    def _forget_oldest(self) -> int:
        execute = self._connection.execute
        row = execute("SELECT at FROM change ORDER BY at LIMIT 1 OFFSET ?", (_AT_ONCE,)).fetchone()
        row = row or execute("SELECT max(at) FROM change").fetchone()
        if row[0] is None:
            return 0
        self._forget_watched(row[0])
        return execute("DELETE FROM change WHERE at <= ?", row).rowcount

    def _forget_watched(self, oldest: float) -> None:
        """Of a time whose changes are forgotten nothing is known."""
        self._connection.execute("DELETE FROM watched WHERE ended < ?", (oldest,))
        self._connection.execute("UPDATE watched SET began = ? WHERE began < ?", (oldest, oldest))

    def move_to(self, other: "ChangeDatabase") -> None:
        """Let the other have all changes of this one."""
        rows = [Change(*row[1:]) for row in self._connection.execute(f"{_EVERY} ORDER BY id")]
        other.insert(rows)
        self._connection.execute("DELETE FROM change")

    @property
    def size(self) -> int:
        """Bytes in use; the write-ahead log comes on top, some megabytes."""
        return used_bytes(self._connection)

    @property
    def is_empty(self) -> bool:
        """Whether there is no change at all."""
        return self._connection.execute("SELECT 1 FROM change LIMIT 1").fetchone() is None

    def close(self) -> None:
        """Use it no more."""
        self._connection.close()

    def _transaction(self) -> sqlite3.Connection:
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection  # which commits at the end of a block, or takes all back


def _meant(wanted: Selection) -> tuple[str, dict[str, object]]:
    """The condition of a query, by no more columns than are asked for, and its values."""
    values = {name: _text(each) if isinstance(each, str) else each for name, each in wanted._asdict().items()}
    named = [f"{column} = :{column}" for column in ("namespace", "agent", "pod", "name") if values[column]]
    parts = ["at BETWEEN :since AND :until", *named, *([_PLAIN] if wanted.plain else [])]
    parts += [_FAILING] if wanted.failing else []
    return " AND ".join(parts), {**values, "explained": EXPLAINED}


def _text(text: str) -> str:
    """Of strangers' texts half a character cannot be stored."""
    return text if text.isascii() else text.encode(errors="replace").decode()
