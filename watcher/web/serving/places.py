"""How many may wait for the same thing at once, and how many of these from one address."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from starlette.responses import PlainTextResponse, Response


class Shares(NamedTuple):
    """Of the connections that are held at once, how many may wait for what."""

    passwords: int  # that are checked
    scrapes: int  # pages of metrics
    pages: int  # all others


def shares(connections: int) -> Shares:
    """Together they are fewer than the connections: there is one left for who asks for health."""
    return Shares(connections // 10, 7 * connections // 10, 3 * connections // 20)


class FullError(Exception):
    """So many wait already."""


class Places:
    """So many places, of which one address never has all: there is one for somebody else."""

    def __init__(self, most: int, most_of_one: int | None = None) -> None:
        """One address has all but a few, or at most `most_of_one`."""
        self._most, self._most_of_one = most, most_of_one or most - min(8, most // 2)
        self._taken: Counter[str] = Counter()

    @contextmanager
    def place(self, caller: str) -> Iterator[None]:
        """Have one until the end of the block; FullError where there is none."""
        if self._taken.total() >= self._most or self._taken[caller] >= self._most_of_one:
            raise FullError
        self._taken[caller] += 1
        try:
            yield
        finally:
            self._taken[caller] -= 1
            if not self._taken[caller]:
                del self._taken[caller]


def too_many() -> Response:
    """What those hear for whom there is no place."""
    return PlainTextResponse("Too many ask at once.\n", 503, headers={"Retry-After": "1", "Connection": "close"})
