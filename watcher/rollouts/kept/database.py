"""Rollouts, what is followed of each agent, and the hours of its requests: one connection, one thread at a time."""

from collections.abc import Sequence
from pathlib import Path

from watcher.runtime.sqlite_file import open_database

FILE_NAME = "rollouts.db"
VERSION = 1
MOST_ON_DISK, MOST_IN_MEMORY = 50, 3
"""Rollouts that are kept of one agent."""

MOST_BYTES = 1 << 30
"""Of the file; a disk must not be filled by what it is to survive on."""

_TABLES = """
CREATE TABLE rollout (namespace TEXT NOT NULL, agent TEXT NOT NULL, began REAL NOT NULL, revision TEXT NOT NULL,
    packed BLOB NOT NULL, PRIMARY KEY (namespace, agent, began)) WITHOUT ROWID;
CREATE TABLE followed (namespace TEXT NOT NULL, agent TEXT NOT NULL, packed BLOB NOT NULL,
    PRIMARY KEY (namespace, agent)) WITHOUT ROWID;
CREATE TABLE hour (namespace TEXT NOT NULL, agent TEXT NOT NULL, number INTEGER NOT NULL, revision TEXT NOT NULL,
    cut INTEGER NOT NULL, bounds INTEGER NOT NULL, packed BLOB NOT NULL,
    PRIMARY KEY (namespace, agent, number)) WITHOUT ROWID;
"""
_PRUNE = """DELETE FROM rollout WHERE namespace = ? AND agent = ? AND began NOT IN
    (SELECT began FROM rollout WHERE namespace = ? AND agent = ? ORDER BY began DESC LIMIT ?)"""
_ROLLOUTS = "SELECT packed FROM rollout WHERE namespace = ? AND agent = ? ORDER BY began DESC"
_HOURS = "SELECT number, revision, cut, bounds, packed FROM hour WHERE namespace = ? AND agent = ?"

Agent = tuple[str, str]
HourRow = tuple[int, str, int, int, bytes]


class RolloutDatabase:
    """The tables; every call may raise sqlite3.Error."""

    def __init__(self, path: Path | None) -> None:
        """Open or make it, in memory where there is no `path`; NewerError where it is of a newer release."""
        self._most = MOST_ON_DISK if path is not None else MOST_IN_MEMORY
        self._connection = open_database(path, _TABLES, VERSION, ("SELECT count(*) FROM followed",))
        (size,) = self._connection.execute("PRAGMA page_size").fetchone()
        self._connection.execute(f"PRAGMA max_page_count={MOST_BYTES // size}")

    def put(
        self,
        rollouts: Sequence[tuple[Agent, float, str, bytes]],
        dropped: Sequence[tuple[Agent, float]],
        followed: Sequence[tuple[Agent, bytes]],
        hours: Sequence[tuple[Agent, HourRow]],
    ) -> None:
        """Keep these, and forget what was dropped: all or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        with self._connection as connection:
            forget = "DELETE FROM rollout WHERE namespace = ? AND agent = ? AND began = ?"
            connection.executemany(forget, [(*agent, began) for agent, began in dropped])
            rows = [(*agent, began, revision, packed) for agent, began, revision, packed in rollouts]
            connection.executemany("INSERT OR REPLACE INTO rollout VALUES (?, ?, ?, ?, ?)", rows)
            connection.executemany(_PRUNE, [(*each[0], *each[0], self._most) for each in rollouts])
            connection.executemany("INSERT OR REPLACE INTO followed VALUES (?, ?, ?)", [(*a, p) for a, p in followed])
            of_hours = [(*agent, *row) for agent, row in hours]
            connection.executemany("INSERT OR REPLACE INTO hour VALUES (?, ?, ?, ?, ?, ?, ?)", of_hours)

    def prune_hours(self, oldest: int) -> None:
        """Forget hours before this number."""
        self._connection.execute("DELETE FROM hour WHERE number < ?", (oldest,))

    def forget(self, agent: Agent) -> None:
        """This agent is there no more: its rollouts are kept, as the past."""
        self._connection.execute("DELETE FROM followed WHERE namespace = ? AND agent = ?", agent)

    def rollouts(self, agent: Agent) -> list[bytes]:
        """Those of an agent, the newest first."""
        return [packed for (packed,) in self._connection.execute(_ROLLOUTS, agent)]

    def followed(self) -> list[tuple[Agent, bytes, bytes | None]]:
        """What is followed of all agents, with the newest rollout of each."""
        rows = self._connection.execute(
            """SELECT f.namespace, f.agent, f.packed, (SELECT r.packed FROM rollout r WHERE r.namespace = f.namespace
            AND r.agent = f.agent ORDER BY r.began DESC LIMIT 1) FROM followed f"""
        )
        return [((namespace, agent), packed, newest) for namespace, agent, packed, newest in rows]

    def hours(self, agent: Agent) -> list[HourRow]:
        """Those of an agent."""
        return self._connection.execute(_HOURS, agent).fetchall()

    def close(self) -> None:
        """Use it no more."""
        self._connection.close()
