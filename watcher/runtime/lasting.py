"""A job that goes on forever: what it fails at is logged, and it is begun again."""

import asyncio
from collections.abc import Awaitable, Callable

from watcher.runtime.failures import FailuresLogger

AGAIN = 30.0
"""Seconds from a failure until the job is begun again."""


async def begun_again(job: Callable[[], Awaitable[None]], name: str, logger: FailuresLogger, again: float) -> None:
    """Run it until it ends by itself or is cancelled; `again`: seconds from a failure to the next beginning."""
    while True:
        try:
            return await job()
        except (
            Exception
        ):  # the boundary: one job that fails stops nothing but what it does itself, and that for a while
            logger.exception("job failed and is begun again", job=name)
        await asyncio.sleep(again)
