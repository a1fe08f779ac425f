"""How many may wait for the same thing at once, and how many of these from one address."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.responses import PlainTextResponse, Response

UNKNOWN, SCRAPES, READERS = 32, 224, 48
"""Requests whose passwords are checked, that wait for a page of metrics, and whose answers are other pages, at once.
Together they are fewer than the connections that are held: there is one left for who asks for health."""


class FullError(Exception):
    """So many wait already."""


class Places:
    """So many places, of which one address has all but a few: there is one for somebody else."""

    _KEPT = 8

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()

    @contextmanager
    def place(self, caller: str) -> Iterator[None]:
        """Have one until the end of the block; FullError where there is none."""
        if self._taken.total() >= self._most or self._taken[caller] >= self._most - self._KEPT:
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
