"""Are the looks made, and in time? Told by the looks themselves, source by source (contract, `Overloaded`).

A look is not in time where it waits for longer than its interval. That is foretold: all that wait would take longer at
the pace of the last seconds, at each check of as many seconds. What a short standstill left is made in fewer.
"""

from collections import deque
from collections.abc import Callable

from probes.contract import say_duration

MOST = 0.1
"""Share of the looks due in the last minute that may be left out."""

MINUTE = 60.0
"""Seconds that are counted; and for which it must be half as bad or better until it is over."""


PACE = 3
"""Seconds over which it is counted how many looks are begun, and in which that must be too few until it is said."""


class Backlog:
    """The looks of one source: how many were due, left out and begun, and how long the oldest waits."""

    def __init__(self, source: str, interval: float, now: Callable[[], float]) -> None:
        """`interval`: seconds from one look at a target to the next; `now`: monotonic seconds."""
        self.source, self.interval, self._now = source, interval, now
        self.waits: Callable[[], float] = float  # seconds for which the oldest look that is due was not begun
        self.waiting: Callable[[], int] = int  # looks that are due and were not begun
        self._seconds: deque[tuple[int, list[int]]] = deque()  # looks due, left out and begun, by the second
        self._slow = self._checked = 0  # seconds on end with a check that found it too slow; the newest with one
        self._calm_since: float | None = None
        self.trouble = ""  # a sentence, with the numbers of when it began

    def due(self, looks: int, left_out: int = 0) -> None:
        """So many are due now; so many of them will not be made."""
        counts = self._counts()
        counts[0] += looks
        counts[1] += left_out

    def begins(self) -> None:
        """One that is due is made now."""
        self._counts()[2] += 1

    def check(self) -> None:
        """Say how it is; call it about once a second."""
        self._forget(int(self._now()))
        due = sum(counts[0] for _, counts in self._seconds)
        left_out, waits = sum(counts[1] for _, counts in self._seconds), self.waits()
        found = self._found(due, left_out, waits, 1.0) or self._foretold()
        if found:
            self.trouble, self._calm_since = self.trouble or found, None
        elif self.trouble:
            self._end(calm=not self._found(due, left_out, waits, 0.5))

    def _found(self, due: int, left_out: int, waits: float, part: float) -> str:
        """What is wrong by this part of what is allowed."""
        if left_out > MOST * part * due:
            return f"{left_out:,} of the {due:,} {self.source} probes due in the last minute were skipped."
        if waits > self.interval * part:
            interval = say_duration(self.interval)
            waited = f"has waited for {say_duration(waits)}, longer than the interval of {interval}"
            return f"A probe of {self.source} {waited}."
        return ""

    def _foretold(self) -> str:
        """That the newest of those that wait will be too late, by the pace of the last seconds."""
        second, waiting = int(self._now()), self.waiting()
        begun = sum(counts[2] for at, counts in self._seconds if 0 < second - at <= PACE)
        slow = waiting * PACE > begun * self.interval
        if second != self._checked or not slow:
            self._slow, self._checked = (self._slow + 1 if slow else 0), second
        if self._slow < PACE:
            return ""
        interval = say_duration(self.interval)
        wait, begin = f"{waiting:,} probes of {self.source} wait", f"{begun:,} were begun in the last {PACE}s"
        return f"{wait}, and {begin}: too few for the interval of {interval}."

    def _end(self, *, calm: bool) -> None:
        now = self._now()
        if not calm:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        elif now - self._calm_since >= MINUTE:
            self.trouble, self._calm_since = "", None

    def _counts(self) -> list[int]:
        second = int(self._now())
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append((second, [0, 0, 0]))
            self._forget(second)
        return self._seconds[-1][1]

    def _forget(self, second: int) -> None:
        while self._seconds and second - self._seconds[0][0] >= MINUTE:
            self._seconds.popleft()


class Overload:
    """The backlogs of all sources."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now`: monotonic seconds."""
        self._now = now
        self._backlogs: dict[str, Backlog] = {}
        self._told = ""

    def backlog(self, source: str, interval: float) -> Backlog:
        """That of one source, begun anew."""
        self._backlogs[source] = Backlog(source, interval, self._now)
        return self._backlogs[source]

    def check(self) -> None:
        """Say how it is with each."""
        for backlog in self._backlogs.values():
            backlog.check()

    @property
    def trouble(self) -> str:
        """A sentence for each source whose looks are not made or late; empty where none is."""
        return " ".join(filter(None, (backlog.trouble for backlog in self._backlogs.values())))

    def turned(self) -> bool:
        """Whether the trouble is another one than at the last call."""
        told, self._told = self._told, self.trouble
        return told != self._told
