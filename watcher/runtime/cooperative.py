"""Long work in the event loop, in time slices between the looks."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager
from typing import TypeVar

T = TypeVar("T")

LONGEST = 0.001
"""Seconds of a time slice: about as long as one look takes, so that none waits long."""

BUSY = 0.0005
"""Seconds that everybody else takes at a time where they have work: theirs goes first, or looks would be late."""

PATIENCE = 0.005
"""Seconds for which everybody else goes first: of a loop that is always busy, this work still has a sixth."""

_SHARE = LONGEST / PATIENCE
"""Of what everybody else took beyond that, in a turn that was longer."""


class TimeSlice:
    """Counts the time of one piece of work."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Count by `now`, seconds of any clock that does not go back."""
        self._now = now
        self._begin()

    async def checkpoint(self) -> None:
        """Let the loop do what else is due, if this time slice was long enough; call it at least so often."""
        before = self._now()
        if before < self._end:
            return
        patient = before + PATIENCE
        await asyncio.sleep(0)
        while before + BUSY < (now := self._now()) < patient:
            before = now
            await asyncio.sleep(0)
        self._begin(now - patient)

    def _begin(self, beyond: float = 0.0) -> None:
        self._end = self._now() + max(LONGEST, min(beyond * _SHARE, PATIENCE))


async def stepped(
    steps: Generator[None, None, T], time_slice: TimeSlice, spent: Callable[[float], None] = lambda _: None
) -> T:
    """What these steps come to, with a checkpoint after each; `spent` is told the seconds of CPU of each."""
    while True:
        began = time.thread_time()
        try:
            next(steps)
        except StopIteration as done:
            made: T = done.value
            return made
        finally:
            spent(time.thread_time() - began)
        await time_slice.checkpoint()


class Gate:
    """Heavy work, one piece in each turn of the loop: a hundred strangers must not share one."""

    def __init__(self) -> None:
        self._busy = False
        self._first, self._others = deque[asyncio.Future[None]](), deque[asyncio.Future[None]]()

    async def __aenter__(self) -> None:
        """Wait until nobody else does heavy work; within it, give the loop back after each piece."""
        await self._enter(self._others)

    async def __aexit__(self, *_: object) -> None:
        """Let the next one in, but not within this turn."""
        try:
            await asyncio.sleep(0)
        finally:
            self._leave()

    @asynccontextmanager
    async def ahead(self) -> AsyncIterator[None]:
        """The same before all others, for what gives memory back: a hundred pages that were read wait to be judged."""
        await self._enter(self._first)
        try:
            yield
        finally:
            await self.__aexit__()

    async def _enter(self, line: deque[asyncio.Future[None]]) -> None:
        if not self._busy:
            self._busy = True
            return
        turn = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was ours already
                self._leave()
            raise

    def _leave(self) -> None:
        for line in (self._first, self._others):
            while line:
                turn = line.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._busy = False
