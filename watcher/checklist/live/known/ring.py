"""What was counted in the last blocks of time, in few bytes: ten thousand agents have some of these each."""

from array import array


class Ring:
    """Sums of a few columns by block; the oldest block is used again."""

    __slots__ = ("_block", "_blocks", "_newest", "_sums", "_width")

    def __init__(self, block: float, blocks: int, width: int = 1) -> None:
        """`block` in seconds."""
        self._block, self._blocks, self._width = block, blocks, width
        self._newest = -1
        self._sums = array("f", [0.0]) * (blocks * width)

    def add(self, now: float, *amounts: float) -> None:
        """Count these in the first columns, at `now` (seconds that only time moves)."""
        self._turn(now)
        at = self._newest % self._blocks * self._width
        for column, amount in enumerate(amounts):
            self._sums[at + column] += amount

    def total(self, now: float, column: int, first: int, last: int) -> float:
        """The sum of a column over blocks, counted back from that of `now`, which is 0; both ends belong to it."""
        newest = int(now / self._block)
        numbers = (newest - back for back in range(first, last + 1))
        there = (number for number in numbers if self._newest - self._blocks < number <= self._newest)
        return sum(self._sums[number % self._blocks * self._width + column] for number in there)

    def _turn(self, now: float) -> None:
        newest = max(self._newest, int(now / self._block))
        for number in range(max(self._newest + 1, newest - self._blocks + 1), newest + 1):
            at = number % self._blocks * self._width
            self._sums[at : at + self._width] = array("f", [0.0]) * self._width
        self._newest = newest
