"""The use of each connection pool over `exhaustion_within`: capacity, where it is saturated, and the forecast."""

from collections.abc import Iterator, Mapping

from probes.contract import Target, say_duration
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
    within,
)
from probes.history.process import ONE_OF_SEVERAL
from probes.pool.history import (
    EXHAUSTED,
    EXHAUSTION,
    IN_USE,
    PREDICTED,
    SATURATED,
    PoolHistory,
    PoolLimits,
    capacity_of,
)
from probes.pool.trend import Rise, layout

Context = PictureContext[PoolLimits]


def pictures(history: PoolHistory, context: Context) -> Iterator[Picture]:
    """One for each pool of a known capacity, the fullest first."""
    in_use, full = in_use_of(context), context.values(EXHAUSTION)
    for name in _fullest_first(history, in_use, context.target):
        yield _picture(name, history, in_use.get(name), full.get((name,)), context)


def bars(_history: PoolHistory, context: Context) -> Iterator[Bar]:
    """The fullest pool of the newest look."""
    found = [(in_use / capacity_of(context.target, name), name, in_use) for name, in_use in in_use_of(context).items()]
    for share, name, in_use in sorted(found, reverse=True)[:1]:
        capacity, saturated = capacity_of(context.target, name), context.limits.saturated_ratio
        yield Bar(
            name="pool" if len(found) == 1 else f"fullest of {len(found)} pools",
            said=f"{in_use:g} of {capacity}",
            value=in_use,
            full=capacity,
            levels=(Level("saturated", saturated * capacity, Tone.WARNING),),
            tone=_tone(share, saturated),
        )


def _tone(share: float, saturated: float) -> Tone:
    if share >= 1:
        return Tone.CRITICAL
    return Tone.WARNING if share > saturated else Tone.PLAIN


def in_use_of(context: Context) -> dict[str, float]:
    """Connections in use of each pool of a known capacity, as the newest look saw it."""
    found = {name: in_use for (name,), in_use in context.values(IN_USE).items()}
    return {name: in_use for name, in_use in found.items() if capacity_of(context.target, name) > 0}


def _fullest_first(history: PoolHistory, in_use: Mapping[str, float], target: Target) -> list[str]:
    def emptiness(name: str) -> tuple[float, str]:
        rise = history.pools[name]
        latest = in_use.get(name, rise.total / rise.count if rise.count else 0.0)
        return -latest / capacity_of(target, name), name

    return sorted((name for name in history.pools if capacity_of(target, name) > 0), key=emptiness)


def _picture(name: str, history: PoolHistory, in_use: float | None, full: float | None, context: Context) -> Picture:
    capacity, rise = capacity_of(context.target, name), history.pools[name]
    forecast = _forecast(in_use, context.since(full), capacity, context) if full is not None else ()
    end = max((each.at for line in forecast for each in line.points), default=0.0)
    return Picture(
        title="Connections in use of pool",
        subject=name,
        text=" ".join(_sentences(name, in_use, end, history, context)),
        conditions=(SATURATED, EXHAUSTED, PREDICTED),
        start=-context.limits.exhaustion_within,
        end=end,
        unit=Unit.CONNECTIONS,
        series=(*_lines(rise, in_use, context), *forecast),
        levels=(
            Level("capacity", capacity, Tone.CRITICAL),
            Level("saturated above", context.limits.saturated_ratio * capacity, Tone.WARNING),
        ),
        marks=(Mark("now", 0.0), Mark("full", end)) if forecast else (),
    )


def _lines(rise: Rise, in_use: float | None, context: Context) -> Iterator[Series]:
    length, _ = layout(context.limits.exhaustion_within, context.interval)
    first = rise.block - len(rise.means)
    points = [Point(context.since((first + place + 0.5) * length), mean) for place, mean in enumerate(rise.means)]
    seen = [rise.was_seen(place) for place in range(len(points))]
    if in_use is not None:
        points.append(Point(context.age, in_use))
        seen.append(True)
    start = -context.limits.exhaustion_within
    for each in seen_and_assumed(f"in use, mean of each {say_duration(length)}", points, seen):
        yield each._replace(points=within(each.points, start, 0.0))


def _forecast(in_use: float | None, full: float, capacity: int, context: Context) -> tuple[Series, ...]:
    """As far ahead as it is judged: what is farther away predicts nothing."""
    if in_use is None or not 0 <= full <= context.limits.exhaustion_within:
        return ()
    line = (Point(context.age, in_use), Point(full, capacity))
    return (Series("forecast, if it continues to rise", line, Origin.FORECAST),)


def _sentences(name: str, in_use: float | None, full: float, history: PoolHistory, context: Context) -> Iterator[str]:
    capacity, within_time = capacity_of(context.target, name), context.limits.exhaustion_within
    if in_use is None:
        yield "The latest probe result does not show it."
    else:
        yield f"{in_use:g} of {capacity} connections are in use, {in_use / capacity:.0%}."
    rise = history.pools[name]
    if rise.means:
        length, blocks = layout(within_time, context.interval)
        known = say_duration(len(rise.means) * length)
        yield f"Over the last {known} it was between {min(rise.means)} and {max(rise.means)}."
        if len(rise.means) < blocks:
            yield f"A forecast needs {say_duration(within_time)}."
    if full > 0:
        yield f"At this rate the pool is full in {say_duration(full)}."
    if history.process.in_turn:
        yield ONE_OF_SEVERAL
