"""Does the event loop keep up? Told by how late it wakes from its beat."""

from collections import deque
from collections.abc import Callable
from math import inf


class LoopLag:
    """How late the event loop woke up: one that stands still misses deadlines that agents kept."""

    WINDOW = 30.0
    STALL = 0.1  # seconds; a shorter delay costs no look its deadline
    DELAY = 0.02  # seconds; a shorter one makes no answer look slow

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now  # monotonic seconds
        self._late: deque[tuple[float, float]] = (
            deque()
        )  # only delays that no later one exceeds: the first is the worst
        self._due, self._stalled, self._delayed = inf, 0.0, 0.0
        self.worst = 0.0  # the longest delay of the last half minute, in seconds

    def sleeps(self, until: float) -> None:
        """The loop is asked to wake up then."""
        self._due = until

    def woke(self) -> None:
        """It did."""
        now = self._now()
        late, self._due = max(0.0, now - self._due), inf
        self._stalled += late if late > self.STALL else 0.0
        self._delayed += late if late > self.DELAY else 0.0
        while self._late and self._late[-1][1] <= late:
            self._late.pop()
        self._late.append((now, late))
        while now - self._late[0][0] > self.WINDOW:
            self._late.popleft()
        self.worst = self._late[0][1]

    @property
    def stalled(self) -> float:
        """Seconds that it stood still in all, with a standstill whose end it has not told yet."""
        late = self._now() - self._due
        return self._stalled + (late if late > self.STALL else 0.0)

    @property
    def delayed(self) -> float:
        """The same with shorter delays: a quota of CPU stops the process for 90 ms, ten times a second."""
        late = self._now() - self._due
        return self._delayed + (late if late > self.DELAY else 0.0)

    @property
    def both(self) -> tuple[float, float]:
        """`stalled` and `delayed`, as of one moment: each look asks for them twice."""
        late = self._now() - self._due
        if late <= self.DELAY:
            return self._stalled, self._delayed
        return self._stalled + (late if late > self.STALL else 0.0), self._delayed + late
