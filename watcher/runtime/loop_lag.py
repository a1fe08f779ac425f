"""Does the event loop keep up? Told by how late it wakes."""

from collections import deque
from collections.abc import Callable


class LoopLag:
    """How late the event loop woke up lately: a lagging loop misses deadlines that agents kept."""

    WINDOW = 30.0
    OVERLOADED_AT = 1.0

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now  # monotonic seconds
        self._late: deque[tuple[float, float]] = (
            deque()
        )  # only delays that no later one exceeds: the first is the worst
        self.worst = 0.0  # the longest delay of the last half minute, in seconds

    def woke(self, late: float) -> None:
        """The loop woke up `late` seconds after the time it was asked for."""
        now = self._now()
        while self._late and self._late[-1][1] <= late:
            self._late.pop()
        self._late.append((now, late))
        while now - self._late[0][0] > self.WINDOW:
            self._late.popleft()
        self.worst = self._late[0][1]

    @property
    def overloaded(self) -> bool:
        """Whether the loop lagged so long that a deadline may have been missed by us and not by an agent."""
        return self.worst > self.OVERLOADED_AT
