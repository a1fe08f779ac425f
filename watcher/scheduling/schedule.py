"""What is to be done every so often, by the clock of the event loop: nobody sets it, whatever becomes of the date.

APScheduler did this until a clock that went back an hour stopped all jobs for that hour: it counts in wall time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

log = logging.getLogger(__name__)

AT_ONCE = 3
"""Runs of one job under way: one ends as the next begins, and both may be late."""


class _Job(NamedTuple):
    name: str
    seconds: float
    run: Callable[[], Awaitable[None]]
    first: float


class Schedule:
    """The clockwork: a tick of each poller every second, and the housekeeping."""

    def __init__(self) -> None:
        self._jobs: dict[str, _Job] = {}
        self._repeating: dict[str, asyncio.Task[None]] = {}
        self._runs: set[asyncio.Task[None]] = set()
        self._started = False

    def every(self, seconds: float, job: Callable[[], Awaitable[None]], name: str, *, first: float = 0.0) -> None:
        """Run `job` in `first` seconds and every `seconds` from then; late or overlapping runs are merged, not lost."""
        self.stop([name])
        self._jobs[name] = _Job(name, seconds, job, first)
        if self._started:
            self._begin(self._jobs[name])

    def start(self) -> None:
        """Begin; needs a running loop."""
        self._started = True
        for job in self._jobs.values():
            self._begin(job)

    def stop(self, names: Iterable[str]) -> None:
        """Take these jobs off; a run under way goes on."""
        for name in names:
            self._jobs.pop(name, None)
            if (repeating := self._repeating.pop(name, None)) is not None:
                repeating.cancel()

    def shutdown(self) -> None:
        """End all; runs under way are cancelled."""
        self._started = False
        for run in self._runs:
            run.cancel()
        self.stop(list(self._jobs))

    def _begin(self, job: _Job) -> None:
        self._repeating[job.name] = asyncio.create_task(self._repeat(job))

    async def _repeat(self, job: _Job) -> None:
        loop, under_way = asyncio.get_running_loop(), set[asyncio.Task[None]]()
        due = loop.time() + job.first
        while True:
            await asyncio.sleep(due - loop.time())
            if len(under_way) < AT_ONCE:
                run = asyncio.create_task(_run(job))
                for runs in (under_way, self._runs):
                    runs.add(run)
                    run.add_done_callback(runs.discard)
            due += job.seconds * (1 + max(0.0, (loop.time() - due) // job.seconds))


async def _run(job: _Job) -> None:
    try:
        await job.run()
    except Exception:  # the boundary: one run that fails must not end the job
        log.exception("job failed", extra={"job": job.name})
