"""Takes a snapshot of each agent each day, by UTC, and tells what was true on a day of the past.

1. An agent is taken when it was judged on a day that has no snapshot of it: soon after midnight, or after it came.
2. A few are taken in a run, so that midnight is no burst; a thread writes them.
3. What is older than `keep` is forgotten, and for want of room the oldest days. Nothing is ever taken of the past.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from probes.controls.evidence import AgentRef
from watcher.checklist.agent_report import AgentReport, Chosen
from watcher.checklist.live.history.database import FILE_NAME, HistoryDatabase
from watcher.checklist.live.history.past_days import DayOfAgent, Kept
from watcher.checklist.live.history.snapshot import read_body, snapshot
from watcher.checklist.live.view import ChecklistView
from watcher.config.changes import HistorySettings
from watcher.metrics.families import EVIDENCE_WRITES
from watcher.metrics.own import OwnMetrics
from watcher.runtime.cooperative import TimeSlice
from watcher.runtime.sqlite_file import NewerError, set_aside

log = logging.getLogger(__name__)

MOST_AT_ONCE = 20
"""Agents that are taken in a run."""

T = TypeVar("T")


class DailyHistory:
    """One thread uses the database, one call after the other."""

    EVERY = 5.0
    """Seconds from one run to the next."""

    def __init__(
        self, settings: HistorySettings, state_dir: Path, view: ChecklistView, own_metrics: OwnMetrics
    ) -> None:
        """Nothing is opened yet. A standby takes days too: it answers for them when it leads."""
        self.settings, self.trouble = settings, ""  # why it cannot be kept
        self.lost = 0  # days that were forgotten for want of room at the last midnight
        self._own_metrics = own_metrics
        for result in ("ok", "error"):
            own_metrics.add(EVIDENCE_WRITES, 0, "snapshot", result)
        self._path, self._view = state_dir / FILE_NAME, view
        self._thread = ThreadPoolExecutor(1, "history")
        self._database: HistoryDatabase | None = None
        self._day, self._taken = "", set[AgentRef]()  # of that day
        self._busy = False

    def adopt(self, settings: HistorySettings) -> None:
        """Keep as much as these say, from the next day on."""
        self.settings = settings

    @property
    def unwritable(self) -> str:
        """Why it cannot be kept, a sentence; empty where it is."""
        return f"daily snapshots cannot be kept: {self.trouble}" if self.trouble else ""

    def told(self) -> str:
        """The same, or that days were forgotten for want of room."""
        if self.trouble or not self.lost:
            return self.unwritable
        days = "the oldest day was" if self.lost == 1 else f"the oldest {self.lost} days were"
        return f"daily snapshots have no more room than checklist.history.max_bytes: {days} forgotten"

    async def tick(self) -> None:
        """Take some of those that have no snapshot of today."""
        if self._busy:
            return
        self._busy = True
        try:
            await self._run_day()
        finally:
            self._busy = False

    async def _run_day(self) -> None:
        day = day_of(self._view.now)
        if day != self._day:
            known = await self._run(self._begin, day)
            if known is None:
                self._own_metrics.add(EVIDENCE_WRITES, 1, "snapshot", "error")
                return
            self._day, self._taken = day, known
        due = [each for each in self._view.agents() if each not in self._taken][:MOST_AT_ONCE]
        reports, time_slice = list[AgentReport](), TimeSlice()
        for ref in due:
            if self._view.verdict(ref) is not None:
                reports.append(self._view.report_of(ref, Chosen()))
            await time_slice.checkpoint()
        if reports:
            taken: bool = await self._run(self._take, day, self._view.now, reports)
            self._taken.update(each.ref for each in reports if taken)
            self._own_metrics.add(EVIDENCE_WRITES, len(reports), "snapshot", "ok" if taken else "error")

    async def agents(self, day: str) -> Sequence[AgentRef]:
        """Those that have a snapshot of this day, by name."""
        return sorted(await self._run(self._agents, day))

    async def find(self, day: str, ref: AgentRef) -> DayOfAgent | None:
        """What was true of it on this day; None where that is not known."""
        return await self._run(self._find, day, ref)

    async def kept(self, ref: AgentRef) -> Kept:
        """Of which days there is something."""
        return await self._run(self._kept, ref)

    async def close(self) -> None:
        """Use it no more."""
        await self._run(self._close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[..., T], *given: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(work, *given))

    # What follows runs in the thread.

    def _begin(self, day: str) -> set[AgentRef] | None:
        """Forget what is too old; gives who has a snapshot of this day. None where the disk does not take it."""
        oldest = date.fromisoformat(day) - timedelta(seconds=self.settings.keep)

        def begin(database: HistoryDatabase) -> set[AgentRef] | None:
            self.lost = database.prune(oldest.isoformat(), self.settings.max_bytes)
            if self.lost:
                log.warning("daily snapshots forgotten for want of room", extra={"days": self.lost})
            return database.agents(day)

        return self._with(begin, None)

    def _take(self, day: str, at: float, reports: Collection[AgentReport]) -> bool:
        snapshots = [snapshot(day, at, each, self._view.catalogue) for each in reports]

        def insert(database: HistoryDatabase) -> bool:
            database.insert(snapshots)
            return True

        return self._with(insert, otherwise=False)

    def _agents(self, day: str) -> set[AgentRef]:
        return self._with(lambda database: database.agents(day), set[AgentRef]())

    def _find(self, day: str, ref: AgentRef) -> DayOfAgent | None:
        found = self._with(lambda database: database.find(day, ref), None)
        return None if found is None else DayOfAgent(found[0], read_body(found[1]))

    def _kept(self, ref: AgentRef) -> Kept:
        return self._with(lambda database: database.kept(ref), Kept("", ""))

    def _with(self, work: Callable[[HistoryDatabase], T], otherwise: T) -> T:
        try:
            if self._database is None:
                self._database = self._opened()
            result = work(self._database)
        except (sqlite3.Error, OSError) as error:
            self._tell(error)
            self._close()
            return otherwise
        self.trouble = ""
        return result

    def _opened(self) -> HistoryDatabase:
        try:
            return HistoryDatabase(self._path)
        except (NewerError, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # the disk, which may recover
            self._set_aside(error)
            return HistoryDatabase(self._path)

    def _set_aside(self, why: Exception) -> None:
        log.warning("cannot read the database of daily snapshots, starting a new one", extra={"why": str(why)[:200]})
        set_aside(self._path)

    def _tell(self, error: Exception) -> None:
        why = f"{self._path}: {error}"
        if why != self.trouble:
            log.warning("cannot keep daily snapshots", extra={"why": why})
        self.trouble = why

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None


def day_of(moment: float) -> str:
    """The day in UTC of Unix seconds."""
    return datetime.fromtimestamp(moment, UTC).date().isoformat()
