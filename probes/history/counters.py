"""How much counters of one process grew over a window of time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import add, sub
from typing import NamedTuple

from probes.contract import ConditionKind, Unknown, Verdict, say_duration
from probes.contract.picture import Point, within
from probes.history.packed import NUMBER, SHORT, Packed, pack, pack_short, unpack, unpack_short
from probes.history.process import Answered

_FELL = "its counters fell without a new process"
GAP = "the previous probe results are too old"
_OTHER = "another process answered"

_PARTS = 5  # of a window: what is compared is at most a fifth older than asked for


def say_anew(watched: float, window: float, why: str) -> str:
    """How much of a window (both in seconds) is full again, and why it began once more."""
    return f"History restarted, {say_duration(watched)} of {say_duration(window)} so far: {why}."


class Part(NamedTuple):
    """What counters grew by in a part of a window."""

    start: float  # in seconds that only time moves
    end: float
    by: tuple[float, ...]


class Grown(NamedTuple):
    """What counters grew by."""

    seconds: float  # the time that it took
    by: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """What some counters grew by within a window, in parts of it."""

    at: float = 0.0  # the latest look, in seconds that only time moves
    counts: Packed = b""  # the counters then; empty: never seen
    parts: Packed = b""  # (seconds, *growth) in short numbers, oldest first; the newest may not be full
    anew: str = ""  # why it began once more; empty: it did not

    def add(
        self, counters: tuple[float, ...], answered: Answered, now: float, window: float, interval: float
    ) -> "Growth":
        """The growth with one more look in it, at `now`; times in seconds.

        A new process whose counters fell counts from zero. A counter that falls without one says nothing of what was,
        as does another process, or a gap longer than the window: the history begins again.
        """
        seen = unpack(self.counts)
        if not self._fits(counters):
            return Growth(now, pack(counters), anew=self.anew)
        fell = any(map(_fell, seen, counters))
        if why := self._why_anew(answered, now, max(window, 3 * interval), fell=fell):
            return Growth(now, pack(counters), anew=why)
        grown = counters if fell and answered is Answered.NEW else map(sub, counters, seen)
        return Growth(now, pack(counters), self._parts_with((now - self.at, *grown), window, interval), self.anew)

    def _why_anew(self, answered: Answered, now: float, longest: float, *, fell: bool) -> str:
        if not 0 <= now - self.at <= longest:
            return GAP
        if answered is Answered.OTHER:
            return _OTHER
        return _FELL if fell and answered is Answered.SAME else ""

    def over(self, window: float, interval: float) -> Grown | None:
        """The growth over the window (seconds) that ends at the latest look; None while it is not full."""
        width, parts = 1 + len(self.counts) // NUMBER, unpack_short(self.parts)
        seconds = sum(parts[::width])
        if not (seconds > 0 and seconds >= window - interval / 2):
            return None
        return Grown(seconds, tuple([sum(parts[place::width]) for place in range(1, width)]))

    def all_parts(self) -> list[Part]:
        """What is remembered, oldest first; the last ends with the latest look."""
        width, parts = 1 + len(self.counts) // NUMBER, unpack_short(self.parts)
        found, end = list[Part](), self.at
        for place in range(len(parts) - width, -1, -width):
            seconds, *by = parts[place : place + width]
            if seconds > 0:
                found.append(Part(end - seconds, end, tuple(by)))
            end -= seconds
        return found[::-1]

    def warming_up(self, kind: ConditionKind, window: float) -> Verdict:
        """What a condition says while the window (seconds) is not full, with why where it began once more."""
        if not self.anew:
            return kind.unknown(Unknown.WARMING_UP)
        width = 1 + len(self.counts) // NUMBER
        watched = sum(unpack_short(self.parts)[::width])
        return kind.unknown(Unknown.WARMING_UP, say_anew(watched, window, self.anew))

    def _fits(self, counters: tuple[float, ...]) -> bool:
        """Whether this is a history of so many counters; a state file may say anything."""
        whole_parts = len(self.parts) % ((1 + len(counters)) * SHORT) == 0
        return len(self.counts) == len(counters) * NUMBER and whole_parts

    def _parts_with(self, latest: tuple[float, ...], window: float, interval: float) -> bytes:
        """The parts with what the latest look adds, and without those that the window does not need any more."""
        width, parts = len(latest), unpack_short(self.parts)
        if parts and parts[-width] < window / _PARTS - interval / 2:
            parts[-width:] = map(add, parts[-width:], latest)
        else:
            parts += latest
        seconds, passed = parts[::width], 0
        left = sum(seconds)
        while passed < len(seconds) - 1 and left - seconds[passed] >= window - interval / 2:
            left -= seconds[passed]
            passed += 1
        return pack_short(parts[passed * width :])


def beginning(parts: Sequence[Part], window: float, interval: float, now: float) -> float:
    """Where a picture of the parts begins, in seconds from `now`: with the window, or with its oldest part.

    What is judged may be older than the window by a part of it, or as long as the pause between looks.
    """
    oldest = min([-window, *(part.start - now for part in parts)])
    return max(oldest, -max(2 * window, 4 * interval))


def steps(parts: Iterable[Part], counter: int, start: float, now: float) -> tuple[Point, ...]:
    """A line as high as the mean rate of each part, for a picture that begins at `start`, seconds from `now`."""
    points = list[Point]()
    for part in parts:
        if part.end - now > start:
            rate = part.by[counter] / (part.end - part.start)
            points += (Point(max(start, part.start - now), rate), Point(part.end - now, rate))
    return within(points, start, 0.0)


def _fell(before: float, now: float) -> bool:
    return now < before * (1 - 1e-9)  # a part of a bucket is a product of floats
