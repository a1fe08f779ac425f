"""Requests of an agent's pods, minute by minute, from what the probe of its requests remembers of each look.

The probe keeps counters (`probes.slo.history`): requests and those that failed, and how many took how long. What they
grew by since the look before is counted here in the minute of the look. Slow is what lies beyond the bucket that holds
the p95 of the baseline; and, for want of one, what is over the probe's limit, in blocks of its window.
"""

from array import array
from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from probes.contract import Sample
from probes.history.counters import Growth
from probes.history.packed import unpack
from probes.history.process import Process
from watcher.rollouts.requests.normal import Tally, tally

MINUTE = 60.0
GAP = 180.0
"""Seconds between two looks after which what lies between is not that of a minute."""

P95 = 0.95
_WIDTH, DECIDED_WIDTH = 6, 2
_REQUESTS, _BAD, _TIMED, _SLOW, _WINDOWED, _OVER = range(_WIDTH)
_OWN_SLOW, _UNCLEAR = 2, 3  # of one pod
_MOST = 24 * 60
_RATE, _SLOW_RATIO = "slo_requests_per_second", "slo_slow_ratio"


@runtime_checkable
class History(Protocol):
    """What the probe remembers; no probe is imported by its name."""

    failed: Growth
    took: Growth
    bounds: int
    process: Process


class Counters(NamedTuple):
    """Of one pod at one look."""

    at: float  # steady seconds
    failed: bytes
    took: bytes
    bounds: int
    block_at: float = 0.0  # steady seconds: when its last block of a window was counted


class Grown(NamedTuple):
    """What a pod's counters grew by between two looks."""

    requests: float
    bad: float
    unclear: float  # may be bad or not: the page does not say
    took: Sequence[float]  # in each bucket or less; empty where that is not known
    in_buckets: bool  # else `took` has requests and slow ones


def counters_of(history: object, before: Counters | None) -> Counters | None:
    """What to remember of the newest look, by what the probe remembers of it; None where nothing can be told."""
    if not isinstance(history, History) or history.process.in_turn or not history.failed.counts:
        return None
    took = history.took.counts
    block_at = before.block_at if before is not None else history.failed.at
    return Counters(history.failed.at, history.failed.counts, took, history.bounds, block_at)


def grown(before: Counters | None, now: Counters) -> Grown | None:
    """What was counted between the two; None where they do not follow each other."""
    if before is None or not 0 < now.at - before.at <= GAP:
        return None
    failed = _difference(before.failed, now.failed)
    if failed is None:
        return None
    took = _difference(before.took, now.took) if now.bounds == before.bounds else None
    bad, unclear = (*failed[1:], 0.0, 0.0)[:2]
    return Grown(failed[0], min(bad, failed[0]), unclear, took or (), bool(now.bounds))


def p95_bucket(counts: Sequence[bytes]) -> int:
    """Which bucket holds the p95 of all of these together; -1 where there is none.

    Slow is what is beyond it. Of counters without buckets the second one has the slow ones already.
    """
    lists = [unpack(each) for each in counts]
    if not lists or len({len(each) for each in lists}) > 1 or not lists[0]:
        return -1
    summed = [sum(column) for column in zip(*lists, strict=True)]
    if summed[-1] <= 0:
        return -1
    return next((place for place, each in enumerate(summed) if each >= P95 * summed[-1]), -1)


class Minutes:
    """Of some pods together, from a beginning on."""

    def __init__(self, began: float, minute: float = MINUTE, width: int = _WIDTH) -> None:
        """`began`: steady seconds; `minute`: seconds of one, where windows are shorter than the checklist's.

        `width`: how many numbers each has; DECIDED_WIDTH where decisions are counted in place of requests.
        """
        self.began, self._minute, self._width = began, minute, width
        self._counts = array("f")
        self.by_pod: dict[str, list[float]] = {}  # requests, bad, slow, unclear of each pod

    def add(self, pod: str, now: float, found: Grown, cut: int) -> None:
        """Count this at `now` (steady seconds); `cut`: the bucket beyond which requests are slow, -1: not known."""
        place = self._place(now)
        counts = self._counts
        counts[place + _REQUESTS] += found.requests
        counts[place + _BAD] += found.bad
        own = self.by_pod.setdefault(pod, [0.0, 0.0, 0.0, 0.0])
        own[_REQUESTS] += found.requests
        own[_BAD] += found.bad
        own[_UNCLEAR] += found.unclear
        of_time = timed(found, cut)
        if of_time is not None:
            counts[place + _TIMED] += of_time[0]
            counts[place + _SLOW] += of_time[1]
            own[_OWN_SLOW] += of_time[1]

    def add_block(self, now: float, requests: float, over: float) -> None:
        """So many requests of one window, and how many of them took longer than the probe's limit."""
        place = self._place(now)
        self._counts[place + _WINDOWED] += requests
        self._counts[place + _OVER] += over

    def decide(self, pod: str, now: float, decisions: float, denied: float) -> None:
        """Count so many decisions at `now` (steady seconds), of which these were denials."""
        place = self._place(now)
        self._counts[place + _REQUESTS] += decisions
        self._counts[place + _BAD] += denied
        own = self.by_pod.setdefault(pod, [0.0, 0.0])
        own[_REQUESTS] += decisions
        own[_BAD] += denied

    def errors(self, until: float, only: "Minutes | None" = None) -> Tally:
        """Requests and failed ones until then (steady seconds); `only` in minutes in which these have requests too."""
        return self._tally(_REQUESTS, _BAD, until, only)

    def slow(self, until: float, only: "Minutes | None" = None) -> Tally:
        """The same of slow ones."""
        return self._tally(_TIMED, _SLOW, until, only)

    def over_limit(self, until: float) -> Tally:
        """The same of those that took longer than the limit."""
        return self._tally(_WINDOWED, _OVER, until, None)

    def dumped(self) -> tuple[float, bytes, dict[str, list[float]]]:
        """For `load`."""
        return self.began, self._counts.tobytes(), self.by_pod

    @classmethod
    def load(
        cls, minute: float, began: float, counts: bytes, by_pod: dict[str, list[float]], width: int = _WIDTH
    ) -> "Minutes":
        """What was dumped; ValueError where it is of another size."""
        made = cls(began, minute, width)
        made._counts.frombytes(counts)
        if len(made._counts) % width:
            raise ValueError("minutes of another size")
        made.by_pod = by_pod
        return made

    def _place(self, now: float) -> int:
        minute = min(_MOST - 1, max(0, int((now - self.began) / self._minute)))
        self._counts.extend([0.0] * ((minute + 1) * self._width - len(self._counts)))
        return minute * self._width

    def had_requests(self, at: int, column: int) -> bool:
        """Whether there were any in the minute whose counts begin at this place."""
        return at < len(self._counts) and self._counts[at + column] > 0

    def _tally(self, requests: int, bad: int, until: float, only: "Minutes | None") -> Tally:
        width, counts = self._width, self._counts
        last = max(0, int((until - self.began) / self._minute)) * width
        return tally(
            (counts[at + requests], counts[at + bad])
            for at in range(0, min(last, len(counts)), width)
            if only is None or only.had_requests(at, requests)
        )


def block_of(samples: Sequence[Sample], seconds: float) -> tuple[float, float] | None:
    """Requests of the probe's window, and those over its limit, by what it exports."""
    found = {each.metric.name: each.value for each in samples if each.metric.name in (_RATE, _SLOW_RATIO)}
    if len(found) < 2:
        return None
    return found[_RATE] * seconds, found[_RATE] * seconds * found[_SLOW_RATIO]


def timed(found: Grown, cut: int) -> tuple[float, float] | None:
    """Requests, and those that were slow; None where that is not known."""
    took = found.took
    if not found.in_buckets:
        return (took[0], min(took[1], took[0])) if len(took) > 1 else None
    if not 0 <= cut < len(took):
        return None
    return took[-1], max(0.0, took[-1] - took[cut])


def _difference(before: bytes, now: bytes) -> list[float] | None:
    """By what counters grew; a process whose counters fell is a new one, which began at nothing."""
    if len(before) != len(now) or not now:
        return None
    was, are = unpack(before), unpack(now)
    if any(new < old for old, new in zip(was, are, strict=True)):
        return are
    return [new - old for old, new in zip(was, are, strict=True)]
