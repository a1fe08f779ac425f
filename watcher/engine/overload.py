"""Are the looks made, and in time? Told by the looks themselves, source by source (contract, `Overloaded`)."""

from collections import deque
from collections.abc import Callable

from probes.contract import say_duration

MOST = 0.1
"""Share of the looks due in the last minute that may be left out."""

MINUTE = 60.0
"""Seconds that are counted; and for which it must be half as bad or better until it is over."""


class Backlog:
    """The looks of one source: how many were due and left out, and how long the oldest waits."""

    def __init__(self, source: str, interval: float, now: Callable[[], float]) -> None:
        """`interval`: seconds from one look at a target to the next; `now`: monotonic seconds."""
        self.source, self.interval, self._now = source, interval, now
        self.waits: Callable[[], float] = float  # seconds for which the oldest look that is due was not begun
        self._seconds: deque[tuple[int, list[int]]] = deque()  # looks due and left out, by the second
        self._calm_since: float | None = None
        self.trouble = ""  # a sentence, with the numbers of when it began

    def due(self, looks: int, left_out: int = 0) -> None:
        """So many are due now; so many of them will not be made."""
        second = int(self._now())
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append((second, [0, 0]))
            self._forget(second)
        counts = self._seconds[-1][1]
        counts[0] += looks
        counts[1] += left_out

    def check(self) -> None:
        """Say how it is; call it about once a second."""
        self._forget(int(self._now()))
        due = sum(counts[0] for _, counts in self._seconds)
        left_out, waits = sum(counts[1] for _, counts in self._seconds), self.waits()
        found = self._found(due, left_out, waits, 1.0)
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

    def _end(self, *, calm: bool) -> None:
        now = self._now()
        if not calm:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        elif now - self._calm_since >= MINUTE:
            self.trouble, self._calm_since = "", None

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
