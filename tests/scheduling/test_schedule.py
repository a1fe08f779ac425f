import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import pytest

from watcher.scheduling.schedule import AT_ONCE, Schedule

Job = Callable[[], Awaitable[None]]


async def nothing() -> None:
    """Take no time."""


def runs(seconds: float, until: float, job: Job = nothing, *, first: float = 0.0) -> list[float]:
    """When the runs of a job began, in seconds from the start."""

    async def main() -> list[float]:
        start, began = time.monotonic(), list[float]()

        async def one() -> None:
            began.append(time.monotonic() - start)
            await job()

        schedule = Schedule()
        schedule.every(seconds, one, "job", first=first)
        schedule.start()
        await asyncio.sleep(until)
        schedule.shutdown()
        return began

    return asyncio.run(main())


def test_a_job_runs_at_once_and_then_every_so_often() -> None:
    began = runs(0.1, 0.55)
    assert began[0] < 0.1
    assert len(began) >= 4


def test_the_first_run_may_be_later() -> None:
    assert min(runs(0.1, 0.5, first=0.2)) >= 0.19


def test_a_run_that_comes_late_is_made_late() -> None:
    still = [True]

    async def stands_still() -> None:
        if still.pop() if still else False:
            time.sleep(0.3)  # noqa: ASYNC251  the loop stands still: that is the case

    assert len(runs(0.1, 0.45, stands_still)) >= 2


def test_runs_overlap_but_only_so_many() -> None:
    async def never() -> None:
        await asyncio.sleep(1000)

    assert len(runs(0.02, 0.4, never)) == AT_ONCE


def test_a_job_that_is_replaced_or_stopped_runs_no_more() -> None:
    async def main() -> tuple[list[str], list[str]]:
        said: list[str] = []

        def says(word: str) -> Job:
            async def job() -> None:
                said.append(word)

            return job

        schedule = Schedule()
        schedule.every(0.05, says("old"), "one")
        schedule.every(0.05, says("other"), "other")
        schedule.start()
        await asyncio.sleep(0.12)
        schedule.every(0.05, says("new"), "one")
        schedule.stop(["other", "nobody"])
        before = said.copy()
        said.clear()
        await asyncio.sleep(0.12)
        schedule.shutdown()
        return before, said

    before, after = asyncio.run(main())
    assert (set(before), set(after)) == ({"old", "other"}, {"new"})


def test_an_end_before_it_began_or_as_a_run_comes_due_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    async def job() -> None:
        await asyncio.sleep(60)

    async def main() -> None:
        schedule = Schedule()
        schedule.shutdown()
        schedule.every(0.01, job, "job")
        schedule.start()
        schedule.shutdown()
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


def test_where_the_date_goes_back_jobs_go_with_it_and_wait_for_no_hour_to_come_again() -> None:
    async def main() -> None:
        ahead, ran = 0.0, asyncio.Event()

        async def job() -> None:
            ran.set()

        schedule = Schedule(lambda: time.time() + ahead)
        schedule.every(3600.0, job, "job", first=3600.0)
        schedule.start()
        ahead = -7200.0  # by which it was due an hour ago, as APScheduler sees it
        schedule.follow_clock()
        await asyncio.wait_for(ran.wait(), 10)
        schedule.shutdown()

    asyncio.run(main())
