"""The end of a process: one step after the other, each within its time."""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Iterable
from typing import NoReturn

log = logging.getLogger(__name__)

ALL, STEP, LEAST = 9.0, 3.0, 0.1
"""Seconds of the whole, and of a step of it at most and at least."""


async def end_in_steps(steps: Iterable[tuple[str, Awaitable[object]]]) -> tuple[bool, Exception | None]:
    """Whether each step, by its name, came to its end; and the first failure of one. The others are still made."""
    ended, failure, deadline = True, None, time.monotonic() + ALL
    for name, step in steps:
        try:
            await asyncio.wait_for(step, max(LEAST, min(STEP, deadline - time.monotonic())))
        except TimeoutError:
            log.warning("shutdown step timed out", extra={"step": name})
            ended = False
        except Exception as error:  # the boundary: the other steps are still to come
            log.exception("shutdown step failed", extra={"step": name})
            failure = failure or error
    return ended, failure


def leave(failure: BaseException | None) -> NoReturn:
    """Exit at once: a thread that hangs, in a dead disk for one, would be waited for by asyncio and by Python."""
    if failure is not None:
        log.critical("exiting after a failure, shutdown did not finish", extra={"failure": repr(failure)})
    logging.shutdown()
    os._exit(os.EX_OK if failure is None else os.EX_SOFTWARE)
