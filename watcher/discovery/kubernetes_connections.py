"""HTTP/1.1 to one API server on connections that are kept: a start asks thousands of times.

httpx gives the client and the types; its own pool takes 3 ms of CPU a request through TLS, this takes 0.3 ms.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import httpx

_MOST_IDLE = 32
_LONGEST_HEAD = 2**16
_BUFFER = 2**18
_PIECE = 2**16
_MOST_TRAILERS = 100
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?")
_SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_LENGTH = re.compile(rb"[0-9]{1,12}")
Timeouts = Mapping[str, float | None]


class _UnheardError(httpx.ReadError):
    """The server has closed the connection without a byte of an answer: it may not have read the request."""


class _Connection(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def is_open(self) -> bool:
        return not self.reader.at_eof() and not self.writer.transport.is_closing()

    def drop(self) -> None:
        self.writer.transport.abort()


class _Head(NamedTuple):
    status: int
    headers: list[tuple[bytes, bytes]]

    def value(self, name: bytes) -> bytes:
        return next((value for key, value in self.headers if key.lower() == name), b"")


class KeptConnections(httpx.AsyncBaseTransport):
    """A transport for an httpx client that talks to one server only."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        """Nothing is connected yet. `context` verifies the server of an https URL."""
        self._context = context
        self._idle: list[_Connection] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body not yet read; every failure is an httpx.TransportError."""
        timeouts: Timeouts = request.extensions.get("timeout", {})
        wire = _on_wire(request, await request.aread())
        if (kept := self._kept()) is not None:
            try:
                return await self._ask(kept, wire, timeouts)
            except _UnheardError:
                if request.method != "GET":
                    raise
        return await self._ask(await self._connect(request.url, timeouts), wire, timeouts)

    async def aclose(self) -> None:
        """Close what is kept; answers that are being read end by themselves."""
        while self._idle:
            self._idle.pop().drop()

    def keep(self, connection: _Connection) -> None:
        """An answer was read to its end: the connection may be used again."""
        if len(self._idle) < _MOST_IDLE and connection.is_open():
            self._idle.append(connection)
        else:
            connection.drop()

    def _kept(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open():
                return connection
            connection.drop()
        return None

    async def _connect(self, url: httpx.URL, timeouts: Timeouts) -> _Connection:
        secure = url.scheme == "https"
        port = url.port or (443 if secure else 80)
        context = (self._context or ssl.create_default_context()) if secure else None
        try:
            async with asyncio.timeout(timeouts.get("connect")):
                return _Connection(*await asyncio.open_connection(url.host, port, ssl=context, limit=_BUFFER))
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"{url.host}:{port} does not answer") from error
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error

    async def _ask(self, connection: _Connection, wire: bytes, timeouts: Timeouts) -> httpx.Response:
        try:
            with _told():
                connection.writer.write(wire)
                head = await _head(connection.reader, timeouts.get("read"))
        except BaseException:
            connection.drop()
            raise
        body = _Body(self, connection, head, timeouts.get("read"))
        return httpx.Response(head.status, headers=head.headers, stream=body)


class _Body(httpx.AsyncByteStream):
    """What follows a head; closed before its end, it takes the connection with it."""

    def __init__(self, home: KeptConnections, connection: _Connection, head: _Head, timeout: float | None) -> None:
        self._home, self._connection, self._head, self._timeout = home, connection, head, timeout
        self._is_whole = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _told():
            async for piece in self._pieces():
                yield piece
        self._is_whole = True

    async def aclose(self) -> None:
        if self._is_whole and self._head.value(b"connection").lower() != b"close":
            self._home.keep(self._connection)
        else:
            self._connection.drop()

    def _pieces(self) -> AsyncIterator[bytes]:
        if self._head.value(b"transfer-encoding").lower() == b"chunked":
            return self._chunks()
        if length := self._head.value(b"content-length"):
            return self._counted(_number(_LENGTH.fullmatch(length), 10))
        return self._counted(0) if self._head.status == 204 else self._rest()

    async def _counted(self, left: int) -> AsyncIterator[bytes]:
        while left:
            piece = await self._read(min(left, _PIECE))
            left -= len(piece)
            yield piece

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := _number(_SIZE.fullmatch(await self._line()), 16):
            async for piece in self._counted(size):
                yield piece
            if await self._line() != b"\r\n":
                raise httpx.RemoteProtocolError("a chunk does not end where it should")
        for _ in range(_MOST_TRAILERS):
            if await self._line() == b"\r\n":
                return
        raise httpx.RemoteProtocolError(f"over {_MOST_TRAILERS} trailers")

    async def _rest(self) -> AsyncIterator[bytes]:
        while piece := await self._wait_for(_PIECE):
            yield piece
        self._connection.drop()

    async def _read(self, most: int) -> bytes:
        piece = await self._wait_for(most)
        if not piece:
            raise httpx.RemoteProtocolError("the connection was closed within an answer")
        return piece

    async def _wait_for(self, most: int) -> bytes:
        async with asyncio.timeout(self._timeout):
            return await self._connection.reader.read(most)

    async def _line(self) -> bytes:
        async with asyncio.timeout(self._timeout):
            return await self._connection.reader.readuntil(b"\n")


def _on_wire(request: httpx.Request, body: bytes) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%b: %b" % header for header in request.headers.raw]
    if any(b"\r" in line or b"\n" in line for line in lines):
        raise httpx.LocalProtocolError("a line break in a header")
    return b"\r\n".join((*lines, b"", body))


async def _head(reader: asyncio.StreamReader, seconds: float | None) -> _Head:
    while True:
        try:
            async with asyncio.timeout(seconds):
                text = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            kind = httpx.RemoteProtocolError if getattr(error, "partial", b"") else _UnheardError
            raise kind("the connection was closed instead of an answer") from error
        if len(text) > _LONGEST_HEAD:
            raise httpx.RemoteProtocolError(f"a head of over {_LONGEST_HEAD} bytes")
        first, *rest = text[:-4].split(b"\r\n")
        status = _number(_STATUS.fullmatch(first), 10)
        if status >= 200:  # else it is only a word on the way to the answer
            return _Head(status, [(name, value.strip()) for name, _, value in (line.partition(b":") for line in rest)])


def _number(found: "re.Match[bytes] | None", base: int) -> int:
    if found is None:
        raise httpx.RemoteProtocolError("this is not HTTP/1.1")
    return int(found[found.lastindex or 0], base)


@contextmanager
def _told() -> Iterator[None]:
    """Whatever fails in reading is what httpx would say of it."""
    try:
        yield
    except TimeoutError as error:
        raise httpx.ReadTimeout("the server is silent") from error
    except asyncio.LimitOverrunError as error:
        raise httpx.RemoteProtocolError("a line of the head is too long") from error
    except asyncio.IncompleteReadError as error:
        raise httpx.RemoteProtocolError("the connection was closed within an answer") from error
    except OSError as error:
        raise httpx.ReadError(str(error)) from error
