"""Which targets cost most CPU lately?"""

import asyncio
import time
from collections.abc import Callable, Container
from heapq import nlargest
from typing import NamedTuple

from probes.contract import TargetKey

WORTH = 0.003
"""Seconds of CPU of a look that are worth an account: three times what a look takes."""

MOST = 64
"""Accounts that are kept; of twice as many the smaller half goes, so that no look pays for each search."""

HALVED_IN = 120.0
"""Seconds after which half of a cost is forgotten."""


class Cost(NamedTuple):
    """What a target cost in the last minutes at one source."""

    target: TargetKey
    source: str
    seconds: float  # of CPU; those of two minutes ago count half


class Costs:
    """CPU by target and source, of those that cost most."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Forget by `now`, seconds of a clock that does not go back."""
        self._now = now
        self._accounts: dict[tuple[TargetKey, str], tuple[float, float]] = {}  # seconds of CPU, and when that was so

    def charge(self, target: TargetKey, source: str, seconds: float) -> None:
        """A look took so many seconds of CPU."""
        if seconds < WORTH:
            return
        now = self._now()
        account = (target, source)
        self._accounts[account] = (self._left(account, now) + seconds, now)
        if len(self._accounts) >= 2 * MOST:
            largest = nlargest(MOST, self._accounts, key=lambda each: self._left(each, now))
            self._accounts = {each: self._accounts[each] for each in largest}

    def worst(self, most: int = 3) -> list[Cost]:
        """Those that cost most, the worst first; empty where none costs more than a look may."""
        now = self._now()
        found = [Cost(*account, self._left(account, now)) for account in self._accounts]
        return sorted((each for each in found if each.seconds >= WORTH), key=lambda each: -each.seconds)[:most]

    def keep(self, targets: Container[TargetKey]) -> None:
        """Forget all other targets."""
        self._accounts = {account: held for account, held in self._accounts.items() if account[0] in targets}

    def _left(self, account: tuple[TargetKey, str], now: float) -> float:
        seconds, at = self._accounts.get(account, (0.0, now))
        return float(seconds * 0.5 ** ((now - at) / HALVED_IN))


class JudgingCPU:
    """The CPU of one look's judges: a thousand subjects are judged in several turns of the loop."""

    __slots__ = ("_began", "_cpu_time", "_former")

    def __init__(self, cpu_time: Callable[[], float]) -> None:
        """Count from now on, by `cpu_time`, seconds of CPU of this thread."""
        self._cpu_time, self._former = cpu_time, 0.0
        self._began = cpu_time()

    async def next(self) -> None:
        """Go on in another turn of the loop."""
        self._former = self.spent()
        await asyncio.sleep(0)
        self._began = self._cpu_time()

    def spent(self) -> float:
        """Seconds so far."""
        return self._former + self._cpu_time() - self._began
