import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from tests.scheduling.virtual_time import VirtualLoop, run
from watcher.scheduling.schedule import AT_ONCE, Schedule

Job = Callable[[VirtualLoop], Awaitable[None]]


async def nothing(_: VirtualLoop) -> None:
    """Take no time."""


def runs(seconds: float, until: float, job: Job = nothing, *, first: float = 0.0) -> list[float]:
    """When the runs of a job began, in seconds from the start."""

    async def main(loop: VirtualLoop) -> list[float]:
        start, began = loop.time(), []

        async def one() -> None:
            began.append(round(loop.time() - start, 3))
            await job(loop)

        schedule = Schedule()
        schedule.every(seconds, one, "job", first=first)
        schedule.start()
        await asyncio.sleep(until)
        schedule.shutdown()
        return began

    return run(main)


def test_a_job_runs_at_once_and_then_every_so_often() -> None:
    assert runs(1.0, 3.5) == [0, 1, 2, 3]


def test_the_first_run_may_be_later() -> None:
    assert runs(1.0, 3.9, first=1.5) == [1.5, 2.5, 3.5]


def test_a_run_that_comes_late_is_made_late_and_those_that_were_missed_are_one() -> None:
    async def stands_still(loop: VirtualLoop) -> None:
        if 1001 <= loop.moment < 1002:
            loop.moment += 3.4

    assert runs(1.0, 7.5, stands_still) == [0, 1, 4.4, 5, 6, 7]


def test_runs_overlap_but_only_so_many() -> None:
    async def never(_: VirtualLoop) -> None:
        await asyncio.sleep(1000)

    assert len(runs(1.0, 10.5, never)) == AT_ONCE


def test_a_run_that_fails_is_told_and_the_next_one_is_made(caplog: pytest.LogCaptureFixture) -> None:
    async def fails(_: VirtualLoop) -> None:
        raise ArithmeticError("no")

    assert runs(1.0, 2.5, fails) == [0, 1, 2]
    assert [(each.message, each.__dict__["job"]) for each in caplog.records] == [("job failed", "job")] * 3


def test_a_job_that_is_replaced_or_stopped_runs_no_more() -> None:
    async def main(loop: VirtualLoop) -> list[str]:
        said: list[str] = []

        def says(word: str) -> Callable[[], Awaitable[None]]:
            async def job() -> None:
                said.append(f"{word} {loop.time() - 1000:.0f}")

            return job

        schedule = Schedule()
        schedule.every(1.0, says("old"), "one")
        schedule.every(1.0, says("other"), "other")
        schedule.start()
        await asyncio.sleep(1.5)
        schedule.every(1.0, says("new"), "one", first=0.5)
        schedule.stop(["other", "nobody"])
        await asyncio.sleep(1.0)
        schedule.shutdown()
        return said

    assert run(main) == ["old 0", "other 0", "old 1", "other 1", "new 2"]


def test_an_end_before_it_began_or_as_a_run_comes_due_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    async def job() -> None:
        await asyncio.sleep(60)

    async def main(_: VirtualLoop) -> None:
        schedule = Schedule()
        schedule.shutdown()
        schedule.every(0.01, job, "job")
        schedule.start()
        await asyncio.sleep(0)
        schedule.shutdown()
        await asyncio.sleep(0.01)

    run(main)
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []
