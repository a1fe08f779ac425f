"""A job that goes on for ever survives what it fails at."""

import asyncio
import logging

import pytest

from watcher.runtime.failures import FailuresLogger
from watcher.runtime.lasting import begun_again


def test_a_job_that_fails_is_logged_and_begun_again_until_it_ends_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    begun = list[float]()

    async def main() -> None:
        async def job() -> None:
            begun.append(asyncio.get_running_loop().time())
            if len(begun) < 3:
                raise ValueError("once more")

        await begun_again(job, "reading", FailuresLogger(logging.getLogger("test")), 0.01)

    asyncio.run(main())
    assert len(begun) == 3
    assert begun[1] - begun[0] >= 0.009
    assert [(each.message, each.__dict__["job"]) for each in caplog.records] == [
        ("job failed and is begun again", "reading")
    ]


def test_a_job_that_is_cancelled_is_over() -> None:
    async def main() -> bool:
        logger = FailuresLogger(logging.getLogger("test"))
        task = asyncio.create_task(begun_again(lambda: asyncio.sleep(3600), "reading", logger, 0.01))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return task.cancelled()

    assert asyncio.run(main())
