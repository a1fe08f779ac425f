"""How much counters of one process grew over a window of time."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

from probes.contract import ConditionKind, Unknown, Verdict, say_duration
from probes.history.packed import NUMBER, Packed, pack, unpack
from probes.history.process import Answered

_FELL = "its counters fell without a new process"
GAP = "the looks before are too long ago"
_OTHER = "another process answered"

_MARKS = 5  # within a window: what is compared is at most a fifth older than asked for


def say_anew(watched: float, window: float, why: str) -> str:
    """How much of a window (both in seconds) is full again, and why it began once more."""
    return f"Watched anew for {say_duration(watched)} of {say_duration(window)}: {why}."


class Grown(NamedTuple):
    """What counters grew by."""

    seconds: float  # the time that it took
    by: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """What some counters grew by since they were first seen, and marks of it along the way."""

    at: float = 0.0  # the latest look, in seconds that only time moves
    counts: Packed = b""  # the counters then, and what each grew by since the first mark; empty: never seen
    marks: Packed = b""  # (when, *grown), oldest first
    anew: str = ""  # why it began once more; empty: it did not

    def add(
        self, counters: tuple[float, ...], answered: Answered, now: float, window: float, interval: float
    ) -> "Growth":
        """The growth with one more look in it, at `now`; times in seconds.

        A new process whose counters fell counts from zero. A counter that falls without one says nothing of what was,
        as does another process, or a gap longer than the window: the history begins again.
        """
        none = (0.0,) * len(counters)
        if not self.marks or not self._fits(counters):
            return Growth(now, pack((*counters, *none)), pack((now, *none)), self.anew)
        seen, total = self._halves()
        fell = any(map(_fell, seen, counters))
        before = none if fell and answered is Answered.NEW else seen
        if why := self._why_anew(answered, now, max(window, 3 * interval), fell=fell):
            return Growth(now, pack((*counters, *none)), pack((now, *none)), why)
        grown = tuple(so_far + one - other for so_far, one, other in zip(total, counters, before, strict=True))
        return Growth(now, pack((*counters, *grown)), self._marked(now, grown, window, interval), self.anew)

    def _why_anew(self, answered: Answered, now: float, longest: float, *, fell: bool) -> str:
        if not 0 <= now - self.at <= longest:
            return GAP
        if answered is Answered.OTHER:
            return _OTHER
        return _FELL if fell and answered is Answered.SAME else ""

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

    def warming_up(self, kind: ConditionKind, window: float) -> Verdict:
        """What a condition says while the window (seconds) is not full, with why where it began once more."""
        if not self.anew:
            return kind.unknown(Unknown.WARMING_UP)
        watched = self.at - unpack(self.marks[:NUMBER])[0]
        return kind.unknown(Unknown.WARMING_UP, say_anew(watched, window, self.anew))

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
