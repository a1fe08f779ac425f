"""Two days of memory as the judge sees them: floors, limit and, where there is one, the forecast."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from probes.contract import say_bytes, say_duration
from probes.contract.picture import (
    Bar,
    Level,
    Mark,
    Origin,
    Picture,
    PictureContext,
    Point,
    Series,
    Tone,
    Unit,
    seen_and_assumed,
)
from probes.history.process import ONE_OF_SEVERAL
from probes.memory.drift import BLOCK, WINDOW
from probes.memory.floors import all_floors
from probes.memory.history import DRIFT, HIGH, PREDICTED, RSS_BYTES, MemoryHistory, MemoryLimits

_LEAST = 3600.0  # seconds that the axis shows of the past

Context = PictureContext[MemoryLimits]


class _Floor(NamedTuple):
    at: float  # the middle of its block, on the axis of time
    level: float
    seen: bool


def pictures(history: MemoryHistory, context: Context) -> Iterator[Picture]:
    """One, where memory was ever seen."""
    if not history.block:
        return
    floors = _floors(history, context)
    forecast = _forecast(history, floors, context)
    ends = [each.at for line in forecast for each in line.points]
    yield Picture(
        title="Memory of one process",
        text=" ".join(_sentences(history, floors, context)),
        conditions=(HIGH, DRIFT, PREDICTED),
        start=min(-_LEAST, *(each.at for each in floors)) if floors else -_LEAST,
        end=max(0.0, *ends) if ends else 0.0,
        unit=Unit.BYTES,
        series=(*_lines(floors, context), *forecast),
        levels=_levels(context),
        marks=tuple(_marks(history, floors, context)),
    )


def bars(_history: MemoryHistory, context: Context) -> Iterator[Bar]:
    """What the newest look saw, beside the limit."""
    rss, limit = context.value(RSS_BYTES), context.target.memory_limit
    if rss is None or not limit:
        return
    high = context.limits.high_ratio
    yield Bar(
        name="memory",
        said=f"{say_bytes(rss)} of {say_bytes(limit)}",
        value=rss,
        full=limit,
        levels=(Level("high", high * limit, Tone.CRITICAL),),
        tone=Tone.CRITICAL if rss / limit > high else Tone.PLAIN,
    )


def _floors(history: MemoryHistory, context: Context) -> list[_Floor]:
    """All floors with that of the block that is not over yet."""
    known = all_floors(history.floors)
    first = history.block - len(known)
    found = [_Floor(_middle(first + place, context), *each) for place, each in enumerate(known)]
    found.append(_Floor(_middle(history.block, context), history.lowest, seen=True))
    return [each for each in found if -(WINDOW + 1) * BLOCK <= each.at <= 0]


def _middle(block: int, context: Context) -> float:
    begin = context.since(block * BLOCK)
    return (begin + min(begin + BLOCK, 0.0)) / 2


def _lines(floors: Sequence[_Floor], context: Context) -> Iterator[Series]:
    points, rss = [Point(each.at, each.level) for each in floors], context.value(RSS_BYTES)
    if len(floors) > 1 or rss is None:
        yield from seen_and_assumed("floor: the least of each ten minutes", points, [each.seen for each in floors])
    if rss is not None:
        yield Series("latest probe result", (Point(context.age, rss),))


def _full(history: MemoryHistory, context: Context) -> float | None:
    if history.full_at is None or not context.target.memory_limit:
        return None
    return context.since(history.full_at)


def _forecast(history: MemoryHistory, floors: Sequence[_Floor], context: Context) -> tuple[Series, ...]:
    full, limit = _full(history, context), context.target.memory_limit
    if full is None or not limit or not floors or full <= floors[-1].at:
        return ()
    line = (Point(floors[-1].at, floors[-1].level), Point(full, limit))
    return (Series("forecast, if it continues to rise", line, Origin.FORECAST),)


def _levels(context: Context) -> tuple[Level, ...]:
    limit = context.target.memory_limit
    if not limit:
        return ()
    return Level("limit", limit, Tone.CRITICAL), Level("high above", context.limits.high_ratio * limit, Tone.WARNING)


def _marks(history: MemoryHistory, floors: Sequence[_Floor], context: Context) -> Iterator[Mark]:
    full = _full(history, context)
    if full is not None and full > 0:
        yield Mark("now", 0.0)
        yield Mark("limit met", full)
    rising = context.since(history.rising_since) if history.rising_since is not None else None
    if rising is not None and floors and floors[0].at <= rising <= 0:
        yield Mark("seen to rise", rising)


def _sentences(history: MemoryHistory, floors: Sequence[_Floor], context: Context) -> Iterator[str]:
    limit, rss = context.target.memory_limit, context.value(RSS_BYTES)
    if rss is None:
        yield "The latest probe result does not show it."
    elif limit:
        yield f"The process holds {say_bytes(rss)}, {rss / limit:.0%} of its limit of {say_bytes(limit)}."
    else:
        yield f"The process holds {say_bytes(rss)}; no limit is known."
    if len(floors) > 1:
        levels = [each.level for each in floors]
        over = say_duration(floors[-1].at - floors[0].at)
        yield f"Over {over} its floor was between {say_bytes(min(levels))} and {say_bytes(max(levels))}."
    unseen = sum(not each.seen for each in floors)
    if unseen:
        yield f"In {say_duration(unseen * BLOCK)} of that nothing was seen."
    yield from _rise(history, context)
    if history.process.in_turn:
        yield ONE_OF_SEVERAL


def _rise(history: MemoryHistory, context: Context) -> Iterator[str]:
    full = _full(history, context)
    if history.slope is not None:
        yield f"It rises by {say_bytes(history.slope * 3600)} an hour."
    if full is None:
        return
    if full > 0:
        yield f"At this rate it reaches its limit in {say_duration(full)}."
    else:
        yield "By the forecast it should have reached its limit by now."
