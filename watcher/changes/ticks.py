"""How the conditions of a target stood over a day, in quarters of an hour. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from math import ceil
from typing import NamedTuple

from probes.contract import Unknown
from probes.contract.condition import Severity, Status
from watcher.changes.change import Change, Period

DAY, STEP = 86400.0, 900.0
"""Seconds of a row, and of one tick of it."""

COUNT = round(DAY / STEP)


class Tick(StrEnum):
    """The worst that was seen in a quarter of an hour, worst first."""

    CRITICAL = "critical"
    WARNING = "warning"
    UNKNOWN = "unknown"
    HEALTHY = "healthy"
    LEARNING = "learning"
    NONE = "none"  # nothing is known: not watched, or not there


_RANK = {tick: place for place, tick in enumerate(Tick)}
_LEARNING = (Unknown.WARMING_UP.value, Unknown.NOT_HELD_YET.value)


class Now(NamedTuple):
    """How a condition stands now."""

    name: str
    subject: str
    status: str
    reason: str
    since: float  # Unix seconds
    severity: Severity


class TickRow(NamedTuple):
    """A day of one condition; or, where the name is empty, of all together."""

    name: str
    ticks: tuple[Tick, ...]  # the oldest first
    begin: float  # Unix seconds of the first

    @property
    def runs(self) -> Iterator[tuple[Tick, int, int]]:
        """Ticks that follow each other and are alike: which, the place of the first, and how many."""
        first = 0
        for place in range(1, len(self.ticks) + 1):
            if place == len(self.ticks) or self.ticks[place] is not self.ticks[first]:
                yield self.ticks[first], first, place - first
                first = place


class _Span(NamedTuple):
    began: float
    ended: float
    status: str
    reason: str


def ticks(
    changes: Iterable[Change], current: Sequence[Now], watched: Sequence[Period], now: float
) -> tuple[TickRow, list[TickRow]]:
    """A day that ends `now` (Unix seconds) of a target: of all its conditions, and of each that was not always passing.

    `changes`: those of the target in this day, in any order; `current`: all its conditions as of now.
    """
    begin = ceil(now / STEP) * STEP - DAY
    severities = {each.name: each.severity for each in current}
    rows: dict[str, list[Tick]] = {}
    for (name, _), spans in _spans(changes, current, now).items():
        row = rows.setdefault(name, [Tick.NONE] * COUNT)
        for span in spans:
            _lay(row, span, severities.get(name, Severity.CRITICAL), begin)
    for row in rows.values():
        _blank(row, watched, begin)
    whole = tuple(min(column, key=_RANK.__getitem__) for column in zip(*rows.values(), strict=True))
    telling = {Tick.CRITICAL, Tick.WARNING, Tick.UNKNOWN}
    told = [TickRow(name, tuple(row), begin) for name, row in rows.items() if telling & set(row)]
    told.sort(key=lambda row: (min(map(_RANK.__getitem__, row.ticks)), row.name))
    return TickRow("", whole or (Tick.NONE,) * COUNT, begin), told


def _spans(changes: Iterable[Change], current: Sequence[Now], now: float) -> Mapping[tuple[str, str], Sequence[_Span]]:
    by_place: dict[tuple[str, str], list[Change]] = {(each.name, each.subject): [] for each in current}
    for change in changes:
        by_place.setdefault((change.name, change.subject), []).append(change)
    standing = {(each.name, each.subject): each for each in current}
    return {place: list(_of_place(some, standing.get(place), now)) for place, some in by_place.items()}


def _of_place(changes: list[Change], standing: Now | None, now: float) -> Iterator[_Span]:
    """One after the other; what lies between two changes that do not meet is as the first left it."""
    last: Change | None = None
    for change in sorted(changes, key=lambda each: each.at):
        began = change.at - change.lasted
        if last is not None:
            yield _Span(last.at, began, last.after, last.reason)
            began = max(began, last.at)
        yield _Span(began, change.at, change.before, change.reason_before)
        last = change
    if standing is None:
        return
    if last is not None:
        yield _Span(last.at, standing.since, last.after, last.reason)
    began = max(standing.since, last.at if last is not None else 0.0)
    yield _Span(min(began, now), now, standing.status, standing.reason)  # a clock that went back dated it later


def _lay(row: list[Tick], span: _Span, severity: Severity, begin: float) -> None:
    tick = _tick(span, severity)
    if span.ended < begin or span.ended < span.began or tick is Tick.NONE:
        return
    first = max(0, int((span.began - begin) // STEP))
    for place in range(first, min(COUNT - 1, int((span.ended - begin) // STEP)) + 1):
        row[place] = min(row[place], tick, key=_RANK.__getitem__)


def _tick(span: _Span, severity: Severity) -> Tick:
    match span.status:
        case Status.TRUE:
            return Tick(severity.value)
        case Status.FALSE:
            return Tick.HEALTHY
        case Status.UNKNOWN:
            return Tick.LEARNING if span.reason in _LEARNING else Tick.UNKNOWN
    return Tick.NONE


def _blank(row: list[Tick], watched: Sequence[Period], begin: float) -> None:
    """Where nobody watched nothing is known, whatever held before and after."""
    for place in range(COUNT):
        start = begin + place * STEP
        if not any(each.began < start + STEP and each.ended >= start for each in watched):
            row[place] = Tick.NONE
