"""Does the floor of memory rise for good, and when will it meet a limit? Pure functions over a window of floors.

A floor is the least memory seen in a block of ten minutes: garbage comes and goes above it, a leak lifts it. All
windows are oldest first, without gaps. The shapes that must not be taken for a leak, and what tells each apart:
a daily rhythm (the same hour of yesterday), a deploy or a malloc ratchet (one step makes most of the rise), a cache
that fills and a warm-up (the rise slows down), a busy week after a quiet weekend (it starts with a step).
The figures are in docs/memory-drift.md, with the simulation that they come from.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import inf, log
from typing import NamedTuple

BLOCK = 600.0
"""Seconds of a block."""

DAY = 144
"""Blocks of a day."""

WINDOW = 2 * DAY
"""Blocks that are kept: two days."""

LEAST_FOR_DRIFT = 168
"""Blocks before a leak can be told from a daily rhythm: a day, and four hours to compare with."""

LEAST_FOR_EXHAUSTION = 18
"""Blocks before a fast leak can be told from a warm-up."""

_SPAN = 12  # blocks under one point of the envelope: a garbage collector's saw is shorter than two hours
_STEP = 3  # blocks from one point to the next
_POINTS_A_DAY = DAY // _STEP
_JUMP = 5  # points over which a single step shows
_SURE = 24  # blocks over which the demands of a short history ease


def drift(floors: Sequence[float]) -> float | None:
    """Bytes a second by which the floor rises day over day; None where it does not, or not like a leak."""
    if len(floors) < LEAST_FOR_DRIFT:
        return None
    base, newest = min(floors[-DAY - _SPAN : -DAY]), min(floors[-_SPAN:])
    eased = min(1.0, (len(floors) - LEAST_FOR_DRIFT) / _SURE)
    least = (0.18 - 0.06 * eased) * base  # bytes a day
    if newest - base < 0.75 * least:
        return None
    envelope = [min(floors[end - _SPAN : end]) for end in range(len(floors), _SPAN - 1, -_STEP)][::-1]
    days = _rises(envelope, _POINTS_A_DAY)[-_POINTS_A_DAY:]
    mean = sum(days) / len(days)
    if mean < least or not _rises_throughout(days, 0.75 * least):
        return None
    if not _rose_for_a_day(floors, base) or _is_a_step(envelope, mean) or _comes_and_goes(days, mean):
        return None
    if _trend(days) / mean < _slowest(envelope, eased):
        return None
    return mean / (DAY * BLOCK)


def _rises(values: Sequence[float], apart: int) -> list[float]:
    return [new - old for old, new in zip(values, values[apart:], strict=False)]


def _rises_throughout(days: Sequence[float], least: float) -> bool:
    third = len(days) // 3
    return min(sum(days[:third]), sum(days[-third:])) >= least * third


def _rose_for_a_day(floors: Sequence[float], base: float) -> bool:
    """The lowest of the last hours lies above the lowest of the same hours of yesterday."""
    hours = max(48, min(DAY, len(floors) - DAY))
    yesterday = floors[max(0, len(floors) - DAY - hours) : len(floors) - DAY]
    return min(floors[-hours:]) - min(yesterday) >= 0.04 * base


def _is_a_step(envelope: Sequence[float], mean: float) -> bool:
    """One jump within two and a half hours makes most of the rise of a day: a deploy, or a heap that grew once."""
    jumps = _rises(envelope, _JUMP)
    steepest = 0.0
    for place, jump in enumerate(jumps):
        before, after = jumps[max(0, place - _JUMP) : place][:1], jumps[place + _JUMP : place + _JUMP + 1]
        beside = [*(before if place >= _JUMP else []), *after]
        steepest = max(steepest, jump - sum(beside) / len(beside))
    return steepest > 0.5 * mean


def _comes_and_goes(days: Sequence[float], mean: float) -> bool:
    """The rise over a day changes by a third of it within two and a half hours: steps enter and leave that day."""
    return any(abs(change) > 0.36 * mean for change in _rises(days, _JUMP))


def _trend(days: Sequence[float]) -> float:
    """The least-squares slope of the daily rises, per hour."""
    middle = (len(days) - 1) / 2
    hours = [_STEP * (place - middle) * BLOCK / 3600 for place in range(len(days))]
    return sum(hour * rise for hour, rise in zip(hours, days, strict=True)) / sum(hour * hour for hour in hours)


def _slowest(envelope: Sequence[float], eased: float) -> float:
    """How fast the daily rise may shrink, as a share of it per hour: what slows down steadily is a cache that fills."""
    third = (len(envelope) - 1) // 3
    corners = [envelope[-1 - third * back] for back in (3, 2, 1, 0)]
    first, second, last = (new - old for old, new in pairwise(corners))
    if min(first, second, last) >= 0.7 * max(first, second, last):
        return -0.08  # as straight as a line
    if first >= 0.9 * second >= 0.81 * last and last < 0.7 * first:
        return -0.01
    return -0.06 + 0.04 * eased


class Exhaustion(NamedTuple):
    """Where a rise that does not slow down leads."""

    left: float  # seconds until the floor meets the limit
    slope: float  # bytes a second


def exhaustion(floors: Sequence[float], limit: float, within: float) -> Exhaustion | None:
    """When a rise will meet `limit` bytes, if within so many seconds; None where nothing rises towards it."""
    count = len(floors)
    if count < LEAST_FOR_EXHAUSTION:
        return None
    lowest = min(floors[-DAY:])
    if max(floors[-6:]) - lowest < 0.3 * (limit - lowest):
        return None  # far from the limit: a day's rhythm is the likelier reason
    spans: Sequence[int] = (count,) if count < DAY + 18 else range(27, min(count - DAY, 96) + 1, 3)
    for span in spans:
        found = _meets(floors, span, limit)
        if found is not None and found.left <= within and found.left <= _horizon(span, count) * BLOCK:
            return found
    return None


def _horizon(span: int, count: int) -> float:
    """Blocks that may be foretold from so many: half as many again where they are all there ever was."""
    return 1.5 * span if span == count else float(span)


def _meets(floors: Sequence[float], span: int, limit: float) -> Exhaustion | None:
    third = span // 3
    low, middle, high = _thirds(floors, span)
    first, second = middle - low, high - middle
    if min(first, second) <= 0 or high - low < 0.05 * low:
        return None
    if span < len(floors) and max(floors[:-span]) >= high:
        return None  # it was as high before, and came down
    if span == len(floors) and _fell_back(floors):
        return None
    yesterday = floors[:-DAY]
    if len(yesterday) >= span:
        corners = _thirds(yesterday, span)
        first -= max(0.0, corners[1] - corners[0])
        second -= max(0.0, corners[2] - corners[1])
        if min(first, second) <= 0:
            return None  # yesterday rose as much at these hours
    return _extrapolated(floors[-third:], first, second, limit)


def _thirds(floors: Sequence[float], span: int) -> tuple[float, float, float]:
    third, end = span // 3, len(floors)
    return min(floors[end - span : end - 2 * third]), min(floors[end - 2 * third : end - third]), min(floors[-third:])


def _fell_back(floors: Sequence[float]) -> bool:
    """The envelope of a leak does not come down: what does is a collector's saw."""
    highest = 0.0
    for end in range(_SPAN, len(floors) + 1, _STEP):
        lowest = min(floors[end - _SPAN : end])
        if lowest < 0.97 * highest:
            return True
        highest = max(highest, lowest)
    return False


def _extrapolated(last: Sequence[float], first: float, second: float, limit: float) -> Exhaustion | None:
    """The rises of two thirds go on as a geometric series; one that slows down or speeds up too much is no leak."""
    third, ratio = len(last), second / first
    ratio = 1.0 if ratio >= 0.85 else ratio
    if ratio < 0.6 or second > 1.7 * first:
        return None
    slope = second / third if ratio < 1 else (first + second) / 2 / third  # bytes a block
    now = min(floor + slope * (third - place) for place, floor in enumerate(last))
    gap = (limit - now) / (slope * third)
    left = _terms(max(0.0, gap), ratio) * third * BLOCK
    return Exhaustion(left, slope / BLOCK) if left < inf else None


def _terms(gap: float, ratio: float) -> float:
    """How many terms of a geometric series make `gap` times its first; infinite where its sum stays below."""
    if ratio == 1:
        return gap
    rest = 1 - gap * (1 - ratio) / ratio
    return log(rest) / log(ratio) if rest > 0 else inf
