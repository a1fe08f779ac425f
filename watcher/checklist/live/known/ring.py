"""What was counted in the last blocks of time, in few bytes: ten thousand agents have some of these each."""

from array import array
from base64 import b64decode, b64encode
from math import isfinite


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

    def dumped(self) -> tuple[int, str]:
        """For `load`: the newest block, and all sums as base64."""
        return self._newest, b64encode(self._sums.tobytes()).decode()

    def load(self, dumped: tuple[int, str], now: float) -> None:
        """Go on from there at `now`; what is of another size, or of the future, is left."""
        newest, text = dumped
        try:
            sums = array("f", b64decode(text, validate=True))
        except ValueError:
            return
        if len(sums) == len(self._sums) and 0 <= newest <= int(now / self._block) and all(map(isfinite, sums)):
            self._newest, self._sums = newest, sums

    def total(self, now: float, column: int, first: int, last: int) -> float:
        """The sum of a column over blocks, counted back from that of `now`, which is 0; both ends belong to it."""
        newest = int(now / self._block)
        start, end = max(newest - last, self._newest - self._blocks + 1), min(newest - first, self._newest) + 1
        if start >= end:
            return 0.0
        begins, ends = start % self._blocks, (end - 1) % self._blocks + 1
        if begins < ends:
            return self._sum(column, begins, ends)
        return self._sum(column, begins, self._blocks) + self._sum(column, 0, ends)

    def _sum(self, column: int, begins: int, ends: int) -> float:
        return sum(self._sums[begins * self._width + column : ends * self._width : self._width])

    def _turn(self, now: float) -> None:
        newest = max(self._newest, int(now / self._block))
        for number in range(max(self._newest + 1, newest - self._blocks + 1), newest + 1):
            at = number % self._blocks * self._width
            self._sums[at : at + self._width] = array("f", [0.0]) * self._width
        self._newest = newest
