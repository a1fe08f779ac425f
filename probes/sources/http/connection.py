"""One HTTP/1 connection, and the answer that is waited for."""

import asyncio
import time
from collections.abc import Awaitable
from typing import cast

from probes.sources.http.response import Response, ResponseReader


class Connection(asyncio.Protocol):
    """A connection; what arrives goes to the answer that is waited for, and is left in the socket where it is full."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.heard = False  # whether any byte of the last answer arrived
        self.waited = 0.0  # seconds for which what came lay here, for other looks went first
        self._made = 0.0
        self._answering: ResponseReader | None = None
        self._paused = False

    def taken(self) -> None:
        """Whoever waited for the connection has it."""
        self.waited += time.perf_counter() - self._made

    def ask(self, request: bytes, max_bytes: int, at_once: int | None = None) -> Awaitable[Response]:
        """The answer to the request as on the wire, or its first part; ConnectionResetError where it is cut off."""
        self.heard = False
        if self.transport is None or self.transport.is_closing() or self._answering is not None:
            raise ConnectionResetError
        self._answering = ResponseReader(max_bytes, at_once)
        self._resume(self.transport)
        self.transport.write(request)
        return self._next()

    def more(self) -> Awaitable[Response]:
        """The next part of an answer that is not whole yet."""
        if self.transport is None or self._answering is None:
            raise ConnectionResetError
        self._answering.take()
        if not self._answering.done.done():
            self._resume(self.transport)
        return self._next()

    async def _next(self) -> Response:
        if self._answering is None:
            raise ConnectionResetError
        over = True
        try:
            part = await self._answering.done
            over = part.whole
            return part
        finally:
            self._count()
            if over:
                self._let_go()

    def _count(self) -> None:
        if self._answering is not None and self._answering.came:
            self.waited += time.perf_counter() - self._answering.came

    def hang_up(self) -> None:
        """Cut the connection without ceremony."""
        self._let_go()
        if self.transport is not None:
            self.transport.abort()

    def _resume(self, transport: asyncio.Transport) -> None:
        if self._paused:
            transport.resume_reading()
            self._paused = False

    def _let_go(self) -> None:
        if self._answering is not None:
            self._answering.let_go()
            self._answering = None  # an error's traceback leads here: a cycle, if this led back to the error

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self._made = cast(asyncio.Transport, transport), time.perf_counter()

    def data_received(self, data: bytes) -> None:
        if self._answering is not None:
            self.heard = True
            self._answering.feed(data)
            if self._answering.is_full and self.transport is not None:
                self.transport.pause_reading()
                self._paused = True

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answering is not None:
            self._answering.end(exc)
