"""What is to be done every so often, whatever becomes of the date.

APScheduler counts in wall time: a clock that goes back an hour would stop all jobs for that hour. So when each job is
due is also kept by the clock of the event loop, which nobody sets: where the date moves against it, so do they.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

AT_ONCE = 3
"""Runs of one job under way: one ends as the next begins, and both may be late."""

_MOVED = 0.25
"""Seconds by which the date must move: a clock that is slewed is followed by the next run."""


class Schedule:
    """The clockwork: APScheduler runs a tick of each poller every second, and the housekeeping."""

    def __init__(self, date: Callable[[], float] = time.time) -> None:
        """`date`: Unix seconds, by the clock that APScheduler reads."""
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._date, self._ahead = date, date() - time.monotonic()
        self._due: dict[str, float] = {}  # by the clock of the event loop

    def every(self, seconds: float, job: Callable[[], Awaitable[None]], name: str, *, first: float = 0.0) -> None:
        """Run `job` in `first` seconds and every `seconds` from then; late or overlapping runs are merged, not lost."""
        self._due[name] = time.monotonic() + first

        async def run() -> None:
            self._due[name] = time.monotonic() + seconds
            # A run that the end of the schedule cuts off is no failure; APScheduler would log it as one.
            with contextlib.suppress(asyncio.CancelledError):
                await job()

        self._scheduler.add_job(
            run,
            "interval",
            seconds=seconds,
            next_run_time=self._date_in(first),
            id=name,
            replace_existing=True,
            coalesce=True,
            misfire_grace_time=None,  # the default of 1 s silently drops late runs
            max_instances=AT_ONCE,
        )

    def start(self) -> None:
        """Begin; needs a running loop."""
        self._scheduler.start()

    def follow_clock(self) -> None:
        """Keep all jobs in their time where the date has moved; to be called several times a second."""
        ahead = self._date() - time.monotonic()
        if abs(ahead - self._ahead) < _MOVED:
            return
        self._ahead = ahead
        for job in self._scheduler.get_jobs():
            job.modify(next_run_time=self._date_in(max(0.0, self._due[job.id] - time.monotonic())))

    def stop(self, names: Iterable[str]) -> None:
        """Take these jobs off; a run under way goes on."""
        for name in names:
            if self._due.pop(name, None) is not None:
                self._scheduler.remove_job(name)

    def shutdown(self) -> None:
        """End all; runs under way are cancelled."""
        if self._scheduler.running:
            self._scheduler.pause()  # a run begun now would be cut off before it could suppress that, and be logged
            self._scheduler.shutdown(wait=False)

    def _date_in(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(self._date(), UTC) + timedelta(seconds=seconds)
