"""What OPAs say of themselves that seldom changes: asked for every few minutes, on the connection of a look."""

import asyncio
from collections.abc import Callable, Container
from typing import Generic, TypeVar
from zlib import crc32

import httpx

from probes.contract import SourceContext
from probes.sources.http.client import HTTPSession
from probes.sources.http.response import Response, TooLargeError
from probes.sources.shared_opas import Server

_AGAIN = 60.0
"""Seconds until one that gave no answer is asked again."""

_SMALL = 1 << 15  # bytes of an answer that is read at once

T = TypeVar("T")


class SlowReports(Generic[T]):
    """What each OPA said last."""

    def __init__(
        self,
        source_context: SourceContext,
        every: float,
        read: Callable[[int, bytes, float, T | None], T],
        unread: Callable[[float, T | None, Exception], T],
    ) -> None:
        """`every` so many seconds, less up to a quarter, so that a fleet is not asked at once.

        `read` is given status, body, when that was (seconds that only time moves) and what was said before, `unread`
        when, what was said before, and what went wrong.
        """
        self._now, self._gate = source_context.now, source_context.gate
        self._every, self._make, self._unread = every, read, unread
        self._known: dict[Server, T | None] = {}
        self._again_at: dict[Server, float] = {}  # by the loop's clock

    def newest(self, server: Server) -> T | None:
        """What this OPA said last; None before it was asked."""
        return self._known.get(server)

    def keep(self, urls: Container[str]) -> None:
        """Forget the OPAs at all other URLs."""
        self._known = {server: known for server, known in self._known.items() if server[0] in urls}
        self._again_at = {server: at for server, at in self._again_at.items() if server[0] in urls}

    async def refresh(self, server: Server, session: HTTPSession, path: bytes, headers: bytes) -> None:
        """Ask this OPA again, if it is time."""
        now = asyncio.get_running_loop().time()
        if now < self._again_at.get(server, 0.0):
            return
        # Claimed before it is asked, so that the other targets of a shared OPA do not ask too.
        self._again_at[server] = now + self._every * (1 - crc32(server[0].encode()) % 250 / 1000)
        try:
            answer = await session.ask(b"GET", path, headers)
        except (TooLargeError, httpx.TransportError) as error:
            self._again_at[server] = now + min(self._every, _AGAIN)
            self._known[server] = self._unread(self._now(), self._known.get(server), error)
            return
        if len(answer.body) <= _SMALL:
            self._read(server, answer)
            return
        async with self._gate:
            self._read(server, answer)

    def _read(self, server: Server, answer: Response) -> None:
        before = self._known.get(server)
        self._known[server] = self._make(answer.status, answer.body, self._now(), before)
