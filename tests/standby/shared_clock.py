"""A clock for several tasks that talk to a real server: what they sleep takes no time, and no time outruns a call."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


class SharedClock:
    """Stands still while any who takes part does something; when all sleep, it is at once the time when one wakes."""

    def __init__(self) -> None:
        self._now, self._busy = 1000.0, 0
        self._sleepers: dict[asyncio.Future[None], float] = {}  # when each wakes

    def monotonic(self) -> float:
        return self._now

    def pass_by(self, seconds: float) -> None:
        """Let so much time pass over what everybody does just now."""
        self._now += seconds

    def take_part(self, main: Coroutine[object, object, T]) -> Coroutine[object, object, T]:
        """From now to its end it sleeps by this clock, or the clock waits for it."""
        self._busy += 1
        return self._run(main)

    async def _run(self, main: Coroutine[object, object, T]) -> T:
        try:
            return await main
        finally:
            self._pause()

    async def sleep(self, seconds: float) -> None:
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers[sleeper] = self._now + seconds
        self._pause()
        try:
            await sleeper
        finally:
            if self._sleepers.pop(sleeper, None) is not None:  # cancelled
                self._busy += 1

    def _pause(self) -> None:
        self._busy -= 1
        if not self._busy and self._sleepers:
            first = min(self._sleepers, key=lambda each: self._sleepers[each])
            self._now = max(self._now, self._sleepers.pop(first))
            self._busy += 1  # before it runs, so that nobody else is woken until it sleeps again
            first.set_result(None)
