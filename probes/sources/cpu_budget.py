"""What a stranger sent is read in turns with all other looks, and within a budget of CPU."""

import asyncio
from collections.abc import Callable

from probes.readings.text_format import TooCostlyError
from probes.sources.tls.metered import TURN, OverspentError

TLS_BUDGET = 0.08
"""Seconds of CPU for the TLS of one look: eight megabytes take 0.03."""


class CPUBudget:
    """Counts the CPU that the reading of the answers of one look takes: what is done inside of `with`."""

    def __init__(self, cpu_time: Callable[[], float], budget: float) -> None:
        """Count by `cpu_time`, seconds of this thread; `budget`: of them at most this many."""
        self._cpu_time, self._budget = cpu_time, budget
        self.spent = 0.0  # seconds of CPU, but for the turn under way
        self._began = self._tls = 0.0

    def __enter__(self) -> None:
        """Begin to read."""
        self._began = self._cpu_time()

    def __exit__(self, *_: object) -> None:
        """Wait for something, or be done."""
        self.spent += self._cpu_time() - self._began

    def arrives(self, records: int, size: int) -> None:
        """TLS is measured by the CPU that it takes."""

    def took(self, cpu: float) -> None:
        """Count what the TLS of this look took; OverspentError where the budget is used up."""
        self.spent += cpu
        self._tls += cpu
        most = min(TLS_BUDGET, self._budget)
        if self._tls > most:
            raise OverspentError(f"its TLS takes more than {most * 1e3:.0f} ms of CPU")
        if self.spent > self._budget:
            raise OverspentError(self._too_much)

    async def checkpoint(self) -> None:
        """Let the loop do what else is due, if it is time; TooCostlyError where the budget is used up."""
        turn = self._cpu_time() - self._began
        if self.spent + turn > self._budget:
            raise TooCostlyError(self._too_much)
        if turn >= TURN:
            self.spent += turn
            await asyncio.sleep(0)
            self._began = self._cpu_time()

    @property
    def _too_much(self) -> str:
        return f"to read it takes more than {self._budget * 1e3:.0f} ms of CPU"
