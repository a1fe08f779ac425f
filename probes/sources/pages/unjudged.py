"""Large pages that are read are as much as ten times their lines: only a few wait to be judged at once."""

import asyncio

from probes.readings.signal_reader import SignalReader

_MOST = 4
"""Looks that have such a page at once; to read and judge one takes 0.1 s of CPU."""


class UnjudgedPages:
    """The places for them, of all looks at one source."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(_MOST)

    async def place(self) -> "_Place":
        """Wait for one; it is given back when nothing refers to it any more."""
        await self._free.acquire()
        return _Place(self._free)


class _Place:
    """Whoever judges a page need not know of it."""

    __slots__ = ("_free",)

    def __init__(self, free: asyncio.Semaphore) -> None:
        self._free = free

    def __del__(self) -> None:
        self._free.release()


class OneLook:
    """The place of one look, of both its pages: of two places each, two looks could wait for each other."""

    __slots__ = ("_pages", "_place")

    def __init__(self, pages: UnjudgedPages) -> None:
        self._pages = pages
        self._place: _Place | None = None

    async def admit(self, reader: SignalReader) -> None:
        """Wait until this page may be read; the place is held for as long as the reader is."""
        reader.place = self._place = self._place or await self._pages.place()
