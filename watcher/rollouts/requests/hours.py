"""What the requests of an agent were in each hour: the baseline of later rollouts, in few bytes."""

from array import array
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from watcher.rollouts.lines.sight import Former
from watcher.rollouts.requests.minutes import MINUTE, Grown
from watcher.rollouts.requests.normal import Tally

HOUR = 3600.0
DAY_HOURS, DAYS = 24, 7


class Hour(NamedTuple):
    """One hour of one revision, for the disk."""

    number: int  # of the steady scale
    revision: str  # its id
    cut: int  # the bucket beyond which requests were slow
    bounds: int  # of the buckets
    errors: Tally
    slow: Tally
    denials: Tally = Tally()  # of decisions

    def packed(self) -> bytes:
        """All tallies."""
        return array("d", [*self.errors, *self.slow, *self.denials]).tobytes()


def unpacked(number: int, revision: str, cut: int, bounds: int, packed: bytes) -> Hour:
    """The hour of what `packed` gave; ValueError for anything else."""
    figures = array("d", packed).tolist()
    width = len(Tally._fields)
    if len(figures) not in (2 * width, 3 * width):  # decisions are counted since a later release
        raise ValueError("an hour of another size")
    tallies = [_tally(figures[place : place + width]) for place in range(0, len(figures), width)]
    return Hour(number, revision, cut, bounds, *tallies)


def _tally(figures: Sequence[float]) -> Tally:
    requests, bad, squares, minutes, bad_minutes = figures
    return Tally(requests, bad, squares, int(minutes), int(bad_minutes))


class HourCount:
    """The hour that is under way."""

    __slots__ = (
        *("_bad", "_decided", "_denials", "_denied", "_errors", "_minute", "_requests", "_slow", "_slow_bad"),
        *("_timed", "number"),
    )

    def __init__(self, number: int) -> None:
        """`number` of the hour."""
        self.number = number
        self._minute = -1
        self._requests = self._bad = self._timed = self._slow_bad = self._decided = self._denied = 0.0
        self._errors = self._slow = self._denials = Tally()

    def add(
        self, now: float, found: Grown, timed: tuple[float, float] | None, decided: tuple[float, float] | None = None
    ) -> None:
        """Count this at `now` (steady seconds).

        `timed`: requests, and those that were slow; `decided`: decisions, and those that were denials.
        """
        minute = int(now / MINUTE)
        if minute != self._minute:
            self._turn(minute)
        self._requests += found.requests
        self._bad += found.bad
        if timed is not None:
            self._timed += timed[0]
            self._slow_bad += timed[1]
        if decided is not None:
            self._decided += decided[0]
            self._denied += decided[1]

    def ended(self, revision: str, cut: int, bounds: int) -> Hour:
        """The whole hour."""
        self._turn(-1)
        return Hour(self.number, revision, cut, bounds, self._errors, self._slow, self._denials)

    def _turn(self, minute: int) -> None:
        self._errors = _plus(self._errors, self._requests, self._bad)
        self._slow = _plus(self._slow, self._timed, self._slow_bad)
        self._denials = _plus(self._denials, self._decided, self._denied)
        self._requests = self._bad = self._timed = self._slow_bad = self._decided = self._denied = 0.0
        self._minute = minute


def _plus(counted: Tally, requests: float, bad: float) -> Tally:
    if requests <= 0:
        return counted
    bad = min(bad, requests)
    return counted.plus(Tally(requests, bad, bad * bad / requests, 1, int(bad > 0)))


def same_hours(hours: Iterable[Hour], now: float, revision: str, cut: int, bounds: int) -> tuple[Former, ...]:
    """Those of former days at the hour of `now` (steady seconds), of a revision; slow ones only of the same buckets."""
    number = int(now / HOUR)
    found = []
    for each in hours:
        ago = number - each.number
        if each.revision == revision and ago and ago % DAY_HOURS == 0 and ago <= DAYS * DAY_HOURS:
            alike = (each.cut, each.bounds) == (cut, bounds)
            found.append(Former(each.errors, each.slow if alike else Tally(), each.denials))
    return tuple(found)
