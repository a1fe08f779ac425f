"""What was measured for each condition of a connection pool that passes: its use, and how that went."""

from collections.abc import Iterator

from probes.contract import say_duration
from probes.contract.picture import Measured, PictureContext
from probes.pool.history import EXHAUSTED, PREDICTED, SATURATED, PoolHistory, PoolLimits, capacity_of
from probes.pool.picture import in_use_of
from probes.pool.trend import layout

Context = PictureContext[PoolLimits]


def measured(history: PoolHistory, context: Context) -> Iterator[Measured]:
    """Of each pool of a known capacity that the newest look saw."""
    for name, in_use in in_use_of(context).items():
        capacity, high = capacity_of(context.target, name), f"{context.limits.saturated_ratio:.0%}"
        said = f"{in_use:g} of {capacity} connections are in use, {in_use / capacity:.0%}"
        yield Measured(SATURATED, f"{said}; more than {high} is saturated.", name)
        yield Measured(EXHAUSTED, f"{capacity - in_use:g} of {capacity} connections are free.", name)
        if (rise := history.pools.get(name)) is not None and rise.means:
            length, _ = layout(context.limits.exhaustion_within, context.interval)
            over = say_duration(len(rise.means) * length)
            seen = f"Over {over} it was between {min(rise.means)} and {max(rise.means)}, now it is {in_use:g}."
            yield Measured(PREDICTED, seen, name)
