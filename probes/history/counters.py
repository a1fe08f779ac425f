"""How much counters of one process grew over a window of time."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

from probes.contract.signal import is_new_process, latest_start
from probes.history.packed import NUMBER, Packed, pack, unpack

_MARKS = 5  # within a window: what is compared is at most a fifth older than asked for


class Grown(NamedTuple):
    """What counters grew by."""

    seconds: float  # the time that it took
    by: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """What some counters grew by since they were first seen, and marks of it along the way."""

    started: float | None = None  # start time of the process
    at: float = 0.0  # the latest look, in seconds that only time moves
    counts: Packed = b""  # the counters then, and what each grew by since the first mark; empty: never seen
    marks: Packed = b""  # (when, *grown), oldest first

    def add(
        self, counters: tuple[float, ...], started: float | None, now: float, window: float, interval: float
    ) -> "Growth":
        """The growth with one more look in it, at `now`; times in seconds.

        A new process counts from zero. A counter that falls without one says nothing of what was, as does a gap
        longer than the window: the history begins again.
        """
        none = (0.0,) * len(counters)
        known = bool(self.marks) and 0 <= now - self.at <= max(window, 3 * interval) and self._fits(counters)
        seen, grown = self._halves() if known else (none, none)
        before = none if is_new_process(self.started, started) else seen
        started = latest_start(self.started, started)
        if not known or any(map(_fell, before, counters)):
            return Growth(started, now, pack((*counters, *none)), pack((now, *none)))
        grown = tuple(total + one - other for total, one, other in zip(grown, counters, before, strict=True))
        return Growth(started, now, pack((*counters, *grown)), self._marked(now, grown, window, interval))

    def over(self, window: float, interval: float) -> Grown | None:
        """The growth over the window (seconds) that ends at the latest look; None while it is not full."""
        _, total = self._halves()
        oldest, width = self.at - window + interval / 2, 1 + len(total)
        numbers = unpack(self.marks)
        passed = bisect_right(numbers[::width], oldest)
        if not passed:
            return None
        then, *grown = numbers[(passed - 1) * width : passed * width]
        return Grown(self.at - then, tuple(now - before for now, before in zip(total, grown, strict=True)))

    def _fits(self, counters: tuple[float, ...]) -> bool:
        """Whether this is a history of so many counters; a state file may say anything."""
        whole_marks = len(self.marks) % ((1 + len(counters)) * NUMBER) == 0
        return len(self.counts) == 2 * len(counters) * NUMBER and whole_marks

    def _halves(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The counters as they were seen, and what they grew by."""
        numbers = tuple(unpack(self.counts))
        return numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]

    def _marked(self, now: float, grown: tuple[float, ...], window: float, interval: float) -> bytes:
        width = 1 + len(grown)
        at = unpack(self.marks)[::width]
        marks = self.marks
        if now - at[-1] >= window / _MARKS - interval / 2:
            marks += pack((now, *grown))
        passed = bisect_right(at, now - window + interval / 2)
        return marks[(passed - 1) * width * NUMBER :] if passed > 1 else marks


def _fell(before: float, now: float) -> bool:
    return now < before * (1 - 1e-9)  # a part of a bucket is a product of floats
