"""Readings are judged in a row: the first fetches the judges' code from memory, the others find it in the caches."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

GATHER = 0.02
"""Seconds for which the first one waits for others; with the turns of many that are judged, 50 ms at most."""

TURN = 0.002
"""Seconds after which the loop does what else is due."""

_SHORT = 0.1  # of an interval between looks: it must not pass while a reading waits


class JudgingQueue:
    """One for all sources, so that only one of them judges in a turn of the loop; in the order of the looks."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Measure turns by `now`, seconds of a clock that does not go back."""
        self._now = now
        self._waiting = deque[Callable[[], None]]()
        self._next: asyncio.Handle | None = None

    def add(self, judge: Callable[[], None], interval: float) -> None:
        """Judge this soon; there are `interval` seconds from one look at a target to the next."""
        self._waiting.append(judge)
        if self._next is None:
            self._next = asyncio.get_running_loop().call_later(min(GATHER, interval * _SHORT), self._go_on)

    async def drain(self) -> None:
        """Judge all that waits, in turns."""
        while self._waiting:
            if self._next is not None:
                self._next.cancel()
            self._next = asyncio.get_running_loop().call_soon(self._go_on)
            await asyncio.sleep(0)

    def _go_on(self) -> None:
        self._next = None
        try:
            self._turn()
        finally:
            if self._waiting:
                self._next = asyncio.get_running_loop().call_soon(self._go_on)

    def _turn(self) -> None:
        ends = self._now() + TURN
        while self._waiting:
            self._waiting.popleft()()
            if self._now() >= ends:
                return
