"""Words beside moments of a picture, so that no two cover each other."""

from collections.abc import Iterable
from typing import NamedTuple

CHARACTER = 6.4
"""The widest that a character of a label is on average, in units of the picture."""

ROW = 13.0
"""From one row of labels to the next."""

_BETWEEN = 6.0


class Label(NamedTuple):
    """Words in a row of their own or with others; row 0 is the nearest to what they name."""

    said: str
    start: float  # where they begin
    row: int

    @property
    def end(self) -> float:
        """Where they end, at most."""
        return self.start + width_of(self.said)


def width_of(said: str) -> float:
    """How much room words take at most."""
    return CHARACTER * len(said)


def placed(wanted: Iterable[tuple[str, float]], width: float) -> list[Label]:
    """Words, each over its place in a picture of this width, or as near as there is room.

    Words that were placed already are left out where they would need another row: five openings need one word.
    """
    found: list[Label] = []
    for said, at in sorted(wanted, key=lambda each: each[1]):
        start = max(0.0, min(at - width_of(said) / 2, width - width_of(said)))
        free = next(row for row in range(len(found) + 1) if _is_free(found, row, start, start + width_of(said)))
        if free and any(each.said == said for each in found):
            continue
        found.append(Label(said, start, free))
    return found


def _is_free(found: list[Label], row: int, start: float, end: float) -> bool:
    beside = (each for each in found if each.row == row)
    return all(each.end + _BETWEEN <= start or end + _BETWEEN <= each.start for each in beside)
