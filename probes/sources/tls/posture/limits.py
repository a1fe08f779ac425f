"""What one round of attempts at a pod may take: turns, time, CPU, and patience with what never answers."""

import asyncio
from collections.abc import Awaitable, Callable

from probes.contract import say_duration

MOST_ATTEMPTS, MOST_SILENT = 40, 4
"""Of one round. A pod that is silent so often is asked nothing more in it."""

PATIENCE = 5.0
"""Seconds for one attempt."""

BUDGET = 0.05
"""Seconds of CPU for what the ports of a pod send in one round: most take a tenth of it."""


class EnoughError(Exception):
    """No more attempts in this round; the text says why, a sentence."""


class RoundLimits:
    """Counts what a round takes, and ends it."""

    def __init__(self, turn: Callable[[], Awaitable[float]], timeout: float, patience: float = PATIENCE) -> None:
        """`turn` lets the time pass until this agent may be tried again.

        It gives the seconds for which other pods of the agent were waited for: they do not count for the `timeout`, in
        seconds. `patience`: seconds for one attempt.
        """
        self._turn, self._timeout, self._patience = turn, timeout, patience
        self._ends = asyncio.get_running_loop().time() + timeout
        self._made = self._silent = 0
        self.cpu = 0.0  # seconds

    async def start(self) -> float:
        """Wait for the turn; until when, in the loop's time, the attempt may last. EnoughError where there is none."""
        if self.cpu > BUDGET:
            raise EnoughError(f"What its ports sent took {self.cpu * 1e3:.0f} ms of CPU, so not all was tried.")
        if self._silent >= MOST_SILENT:
            raise EnoughError(f"{self._silent} attempts got no answer, so not all was tried.")
        if self._made >= MOST_ATTEMPTS:
            raise EnoughError(f"{self._made} attempts were made, so not all was tried.")
        self._ends += await self._turn()
        self._made += 1
        now = asyncio.get_running_loop().time()
        if now >= self._ends:
            raise EnoughError(f"Attempts took longer than {say_duration(self._timeout)}, so not all was tried.")
        return min(now + self._patience, self._ends)

    def ended(self, *, silent: bool = False, cpu: float = 0.0) -> None:
        """An attempt is over; it took so many seconds of CPU."""
        self._silent += silent
        self.cpu += cpu
