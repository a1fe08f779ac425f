"""Keeps rollouts in the state directory, or the newest few in memory; one thread uses the database.

What the disk does not take waits in memory for the next time, and is told as trouble.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from watcher.rollouts.kept.database import FILE_NAME, Agent, HourRow, RolloutDatabase
from watcher.rollouts.kept.packing import KeptAgent, agent_of, packed_rollout, rollout_of
from watcher.rollouts.requests.hours import DAY_HOURS, DAYS, Hour, unpacked
from watcher.rollouts.rollout import Rollout
from watcher.runtime.sqlite_file import set_aside

log = logging.getLogger(__name__)

MOST_WAITING = 20_000
"""Hours that wait for the disk."""

T = TypeVar("T")
_BROKEN = (sqlite3.Error, OSError, ValueError)


class Left(NamedTuple):
    """What the last process left of one agent."""

    agent: Agent
    kept: KeptAgent
    newest: Rollout | None


class RolloutKeeper:
    """Nothing is opened before it is asked for."""

    def __init__(self, state_dir: Path | None) -> None:
        self.trouble = ""  # why it cannot be kept
        self._path = state_dir / FILE_NAME if state_dir is not None else None
        self._thread = ThreadPoolExecutor(1, "rollouts")
        self._database: RolloutDatabase | None = None
        self._rollouts: dict[tuple[Agent, float], Rollout] = {}
        self._dropped: set[tuple[Agent, float]] = set()
        self._followed: dict[Agent, bytes] = {}
        self._hours: list[tuple[Agent, Hour]] = []

    def put(self, rollout: Rollout) -> None:
        """Keep this one as it is now."""
        key = ((rollout.namespace, rollout.agent), rollout.began_at)
        self._rollouts[key] = rollout
        self._dropped.discard(key)

    def drop(self, rollout: Rollout) -> None:
        """It was none."""
        key = ((rollout.namespace, rollout.agent), rollout.began_at)
        self._rollouts.pop(key, None)
        self._dropped.add(key)

    def follow(self, agent: Agent, packed: bytes) -> None:
        """How far this agent is followed."""
        self._followed[agent] = packed

    def add_hour(self, agent: Agent, hour: Hour) -> None:
        """An hour of its requests is over."""
        if len(self._hours) < MOST_WAITING:
            self._hours.append((agent, hour))

    async def write(self) -> None:
        """Write what waits; that a disk does not take it is told in `trouble`."""
        waiting = self._rollouts, self._dropped, self._followed, self._hours
        if not any(waiting):
            return
        self._rollouts, self._dropped, self._followed, self._hours = {}, set(), {}, []
        if not await self._run(self._write, *waiting):
            rollouts, dropped, followed, hours = waiting
            self._rollouts = {**rollouts, **self._rollouts}
            self._dropped |= dropped
            self._followed = {**followed, **self._followed}
            self._hours = [*hours, *self._hours][-MOST_WAITING:]

    async def forget(self, agent: Agent) -> None:
        """This agent is there no more."""
        self._followed.pop(agent, None)
        await self._run(self._forget, agent)

    async def prune(self, hour: int) -> None:
        """Forget hours that no baseline needs at this hour."""
        await self._run(self._prune, hour - DAYS * DAY_HOURS - 1)

    async def restore(self) -> Sequence[Left]:
        """What the last process left of all agents."""
        return await self._run(self._left)

    async def of(self, agent: Agent) -> list[Rollout]:
        """All that are kept of an agent, the newest first."""
        waiting = {began: each for (of, began), each in self._rollouts.items() if of == agent}
        kept = {each.began_at: each for each in await self._run(self._of, agent)}
        gone = {began for of, began in self._dropped if of == agent}
        found = {**kept, **waiting}
        return [found[began] for began in sorted(found, reverse=True) if began not in gone]

    async def hours(self, agent: Agent) -> list[Hour]:
        """Those of its requests that are kept."""
        waiting = [hour for of, hour in self._hours if of == agent]
        return [*await self._run(self._hours_of, agent), *waiting]

    async def close(self) -> None:
        """Write what waits, and end."""
        await self.write()
        await self._run(self._close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[..., T], *given: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *given))

    # What follows runs in the thread.

    def _opened(self) -> RolloutDatabase:
        if self._database is None:
            try:
                self._database = RolloutDatabase(self._path)
            except (sqlite3.DatabaseError, ValueError) as error:
                if isinstance(error, sqlite3.OperationalError) or self._path is None:
                    raise
                self._set_aside(self._path, error)
                self._database = RolloutDatabase(self._path)
        return self._database

    def _set_aside(self, path: Path, error: Exception) -> None:
        extra = {"file": str(path), "why": str(error)[:200]}
        set_aside(path)
        log.warning("cannot read the database of rollouts, starting a new one", extra=extra)

    def _try(self, work: Callable[[RolloutDatabase], T], otherwise: T) -> T:
        try:
            found = work(self._opened())
        except _BROKEN as error:
            self.trouble = f"{self._path or 'rollouts'}: {error}"[:300]
            if self._database is not None and isinstance(error, sqlite3.DatabaseError):
                self._database.close()
                self._database = None
            return otherwise
        self.trouble = ""
        return found

    def _write(
        self,
        rollouts: dict[tuple[Agent, float], Rollout],
        dropped: set[tuple[Agent, float]],
        followed: dict[Agent, bytes],
        hours: list[tuple[Agent, Hour]],
    ) -> bool:
        rows = [(agent, began, each.revision.id, packed_rollout(each)) for (agent, began), each in rollouts.items()]
        of_hours = [(of, (h.number, h.revision, h.cut, h.bounds, h.packed())) for of, h in hours]

        def put(database: RolloutDatabase) -> bool:
            database.put(rows, list(dropped), list(followed.items()), of_hours)
            return True

        return self._try(put, otherwise=False)

    def _forget(self, agent: Agent) -> None:
        self._try(lambda database: database.forget(agent), None)

    def _prune(self, oldest: int) -> None:
        self._try(lambda database: database.prune_hours(oldest), None)

    def _left(self) -> list[Left]:
        found = list[Left]()
        rows: list[tuple[Agent, bytes, bytes | None]] = []
        for agent, packed, newest in self._try(RolloutDatabase.followed, rows):
            try:
                found.append(Left(agent, agent_of(packed), rollout_of(newest) if newest is not None else None))
            except ValueError as error:  # of another release, or broken: this agent is followed anew
                extra = {"agent": "/".join(agent), "error": str(error)[:200]}
                log.warning("cannot read the rollouts of an agent, following it from now on", extra=extra)
        return found

    def _of(self, agent: Agent) -> list[Rollout]:
        found = list[Rollout]()
        rows: list[bytes] = []
        for packed in self._try(lambda database: database.rollouts(agent), rows):
            try:
                found.append(rollout_of(packed))
            except ValueError:
                log.warning("cannot read a rollout of an agent", extra={"agent": "/".join(agent)})
        return found

    def _hours_of(self, agent: Agent) -> list[Hour]:
        rows: list[HourRow] = []
        return [unpacked(*row) for row in self._try(lambda database: database.hours(agent), rows)]

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
