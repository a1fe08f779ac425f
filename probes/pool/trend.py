"""A use that rises, and when it will meet a capacity: history in blocks of equal length, and the rule that reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

BLOCKS = 30
"""Blocks of a full history; fewer where looks are rarer than that."""

_LEAST = 6  # blocks, two for each third
_BRIDGED = 5  # blocks without a look that are filled in


@dataclass(frozen=True, slots=True)
class Rise:
    """How a value went: one number a block of time, and the block that is not over yet."""

    means: tuple[int, ...] = ()  # whole numbers: small ones are shared objects, 10,000 agents have 300,000 of these
    block: int = 0  # number of the current block since 1970
    total: float = 0.0
    count: int = 0  # 0: nothing seen yet
    anew: bool = False  # it began once more, after a gap
    assumed: int = 0  # the blocks in which no look was made, a bit each, the newest the lowest

    def add(self, value: float, now: float, length: float, blocks: int) -> "Rise":
        """The history with one more value, in `blocks` blocks of `length` seconds at most."""
        block = int(now // length)
        passed = block - self.block
        if self.count and passed == 0:
            return Rise(self.means, block, self.total + value, self.count + 1, self.anew, self.assumed)
        if not self.count or not 0 < passed <= _BRIDGED + 1:
            return Rise((), block, value, 1, anew=self.count > 0)
        last = self.total / self.count
        bridge = [last + (value - last) * step / passed for step in range(passed)]
        means = (*self.means, *(round(mean) for mean in bridge))
        assumed = (self.assumed << passed | (1 << passed - 1) - 1) & ((1 << blocks) - 1)
        return Rise(means[-blocks:], block, value, 1, self.anew, assumed)

    def was_seen(self, place: int) -> bool:
        """Whether a look was made in the block of that mean."""
        return not self.assumed >> len(self.means) - 1 - place & 1


def is_bridged(rise: Rise, now: float, length: float) -> bool:
    """Whether a value that is not seen `now` may still be there: a history in blocks of `length` seconds goes on."""
    return 0 <= now // length - rise.block <= _BRIDGED


@lru_cache(maxsize=64)  # of a few settings, and asked for each pool
def layout(window: float, interval: float) -> tuple[float, int]:
    """Seconds of a block and number of blocks for a window that is looked at every `interval` seconds."""
    length = max(window / BLOCKS, interval)
    blocks = max(_LEAST, round(window / length))
    return length, blocks - blocks % 3


def meets(means: Sequence[int], length: float, capacity: float) -> float | None:
    """Seconds from the end of the history until a straight line through it meets `capacity`.

    None where it does not rise in each third: growth that is over, or that was one step, predicts nothing.
    """
    third, slope = len(means) // 3, _slope(means)
    if slope <= 0 or any(_slope(means[at : at + third]) <= 0 for at in range(0, 3 * third, third)):
        return None
    left = capacity - sum(means[-third:]) / third
    return max(0.0, left / slope - third / 2) * length


def _slope(values: Sequence[float]) -> float:
    """The least-squares slope, per step."""
    middle = (len(values) - 1) / 2
    spread = sum((at - middle) ** 2 for at in range(len(values)))
    return sum((at - middle) * value for at, value in enumerate(values)) / spread
