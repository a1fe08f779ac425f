"""One page for all who asked for it before it was begun: a crowd at /metrics costs no more than two scrapes."""

import asyncio
import weakref
from collections.abc import AsyncIterator, Callable, Hashable

from watcher.web.serving.connection import Connection
from watcher.web.serving.places import Places
from watcher.web.serving.turns import Turns

_KEPT = 2
"""Pages kept for those who still read them, beside the newest; the readers of older ones are cut."""

Make = Callable[[], AsyncIterator[bytes]]


class SharedPages:
    """Alone, a caller has a page made as it is read; while one is made, those who come wait for the next, together."""

    def __init__(self, places: Places) -> None:
        """Who waits for a page has one of the `places`."""
        self._turns, self._places = Turns(), places
        self._next: dict[Hashable, _Page] = {}
        self._kept: dict[_Page, None] = {}  # the oldest is the first
        self._alone: Callable[[], object | None] = lambda: None  # the page that is made as its only reader takes it

    async def page(self, variant: Hashable, make: Make, reader: Connection, caller: str) -> AsyncIterator[bytes]:
        """The pieces of a page that was begun after now; FullError where too many of this caller wait."""
        if not self._turns.busy and not self._next and self._alone() is None:
            alone = self._turns.pieces(make(), "")
            self._alone = weakref.ref(alone)  # until it is read to its end, or nobody reads it any more
            return alone
        page = self._next.get(variant)
        if page is None:
            page = self._next[variant] = _Page()
            page.made = asyncio.create_task(self._made(variant, page, make))
        page.readers.add(reader)
        try:
            with self._places.place(caller):
                await asyncio.shield(page.made)
        except BaseException:  # the caller is gone, or there is no place
            page.readers.discard(reader)
            raise
        return self._read(page, reader)

    async def _made(self, variant: Hashable, page: "_Page", make: Make) -> None:
        async with self._turns.turn(""):
            del self._next[variant]  # who comes from now on wants what is seen from now on
            if not page.readers:
                return
            self._make_room()
            self._kept[page] = None
            page.pieces = [piece async for piece in make()]

    def _make_room(self) -> None:
        while len(self._kept) > _KEPT:
            oldest = next(iter(self._kept))
            del self._kept[oldest]
            for reader in oldest.readers:
                reader.cut()

    async def _read(self, page: "_Page", reader: Connection) -> AsyncIterator[bytes]:
        try:
            for piece in page.pieces:
                yield piece
        finally:
            page.readers.discard(reader)
            if not page.readers:
                self._kept.pop(page, None)


class _Page:
    made: asyncio.Task[None]

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.readers: set[Connection] = set()
