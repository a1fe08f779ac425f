"""What was measured for each condition of memory that passes: how much there is, and how its floor went."""

from collections.abc import Iterator

from probes.contract import say_bytes, say_duration
from probes.contract.picture import Measured, PictureContext
from probes.memory.drift import BLOCK
from probes.memory.floors import levels
from probes.memory.history import DRIFT, HIGH, PREDICTED, RSS_BYTES, MemoryHistory, MemoryLimits

Context = PictureContext[MemoryLimits]


def measured(history: MemoryHistory, context: Context) -> Iterator[Measured]:
    """Of the newest look, and of the floors before it."""
    rss, limit = context.value(RSS_BYTES), context.target.memory_limit
    if rss is None:
        return
    if limit:
        high = f"{context.limits.high_ratio:.0%}"
        holds = f"holds {say_bytes(rss)}, {rss / limit:.0%} of its limit of {say_bytes(limit)}"
        yield Measured(HIGH, f"It {holds}; more than {high} is high.")
        yield Measured(PREDICTED, f"The process {holds}.")
    floors = levels(history.floors)
    if floors:
        over = say_duration(len(floors) * BLOCK)
        yield Measured(DRIFT, f"Over {over} its floor went from {say_bytes(floors[0])} to {say_bytes(floors[-1])}.")
