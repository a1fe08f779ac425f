"""An HTTP answer, read as it arrives and never beyond its caps."""

import asyncio
import time
from dataclasses import dataclass

import httptools
import httpx

from probes.contract import say_bytes
from probes.contract.text import cut

_MAX_HEAD = 1 << 16
_MAX_HEADERS = 1000
_MAX_PIECES = 100_000  # calls for the body: each chunk of it is one, and so many take 20 ms
_STRIDE = 1 << 15
_COMPRESSED = frozenset((b"gzip", b"x-gzip", b"compress", b"x-compress", b"deflate", b"br", b"zstd"))
"""Content codings; anything else there, such as the charset that some servers name, changes no byte."""
_LONG_HEAD = f"The headers are longer than {_MAX_HEAD} bytes."


class TooLargeError(httpx.TransportError):
    """The answer is longer than what is read of one."""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer, whole or a part of its body."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]  # names in lower case
    body: bytes
    whole: bool = True  # False: more of the body is to come

    def header(self, name: bytes) -> str:
        """The first header of this lower-case name, empty where there is none."""
        for key, value in self.headers:  # a generator takes three times as long, and each look asks four times
            if key == name:
                return value.decode("latin-1")
        return ""


class ResponseReader:
    """An answer while it arrives: the callbacks of a parser, and the caps."""

    def __init__(self, max_bytes: int, at_once: int | None = None) -> None:
        """`at_once`: bytes of a body beyond which it is handed over in parts; None: as a whole, however long."""
        self.done: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.came = 0.0  # when `done` was: seconds of the performance counter
        self.received = 0
        self._max_bytes, self._at_once = max_bytes, at_once
        self._last: Response | Exception | None = None
        self._status = self._size = 0
        self._head = True
        self._until_close = False
        self._headers: list[tuple[bytes, bytes]] = []
        self._pieces = 0
        self._body = bytearray()
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Read on; a piece at a time, so that caps hold within what came at once."""
        for start in range(0, len(data), _STRIDE):
            if self._parser is None or self._last is not None:
                return
            self._feed(self._parser, data[start : start + _STRIDE])
        if self.is_full and not self.done.done():
            self._hand_over()

    @property
    def is_full(self) -> bool:
        """Whether no more should be received before somebody takes what there is."""
        return self._at_once is not None and len(self._body) > self._at_once and self._last is None

    def take(self) -> None:
        """Let `done` be the part after the one that was handed over last."""
        self.done = asyncio.get_running_loop().create_future()
        if self._last is not None or self.is_full:
            self._hand_over()

    def _feed(self, parser: httptools.HttpResponseParser, data: bytes) -> None:
        self.received += len(data)
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(httpx.RemoteProtocolError(f"The answer is not HTTP: {error}."))
        if self._head and self.received > _MAX_HEAD:
            self._fail(httpx.RemoteProtocolError(_LONG_HEAD))
        if self.received > self._max_bytes + _MAX_HEAD or self._size > self._max_bytes:
            self._fail(TooLargeError(f"The answer is larger than {say_bytes(self._max_bytes)}."))

    def end(self, error: Exception | None) -> None:
        """The connection is gone; an answer without a length is whole at that point."""
        if error is None and self._until_close and self._parser is not None:
            self._finish()
        self._fail(error or ConnectionResetError())

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self._headers) >= _MAX_HEADERS:  # those after the last chunk too
            self._fail(httpx.RemoteProtocolError(f"The answer has more than {_MAX_HEADERS} headers."))
            return
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self._head = False
        if self._parser is not None:
            self._status = self._parser.get_status_code()
        if sum([len(name) + len(value) for name, value in self._headers]) > _MAX_HEAD:
            self._fail(httpx.RemoteProtocolError(_LONG_HEAD))
        headers = dict(self._headers)
        self._until_close = b"content-length" not in headers and b"transfer-encoding" not in headers
        if int(headers.get(b"content-length", 0)) > self._max_bytes:
            self._fail(TooLargeError(f"The answer is larger than {say_bytes(self._max_bytes)}."))
        coding = headers.get(b"content-encoding")
        coded = coding is not None and not _COMPRESSED.isdisjoint(map(bytes.strip, coding.lower().split(b",")))
        if coded or headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            named = headers[b"content-encoding" if coded else b"transfer-encoding"].decode("latin-1")
            self._fail(httpx.RemoteProtocolError(f"The answer is encoded, which was not asked for: {cut(named)!a}."))

    def on_body(self, body: bytes) -> None:
        self._pieces += 1
        if self._pieces > _MAX_PIECES:
            self._fail(TooLargeError(f"The answer comes in more than {_MAX_PIECES} pieces."))
        self._size += len(body)
        self._body += body

    def on_message_complete(self) -> None:
        if self._parser is None or self._status < 200:
            self._head, self._headers = True, []  # 100 Continue and its kind: the answer is still to come
            return
        self._finish()

    def _finish(self) -> None:
        self._end(Response(self._status, tuple(self._headers), bytes(self._body)))

    def _fail(self, error: Exception) -> None:
        self._end(error)

    def _end(self, last: Response | Exception) -> None:
        if self._last is None:
            self._last = last
            if not self.done.done():
                self._hand_over()

    def _hand_over(self) -> None:
        self.came = time.perf_counter()
        match self._last:
            case None:
                self.done.set_result(Response(self._status, tuple(self._headers), bytes(self._body), whole=False))
                self._body.clear()
            case Response():
                self.done.set_result(self._last)
            case error:
                self.done.set_exception(error)

    def let_go(self) -> None:
        """Read no more. The parser holds this object's callbacks: a cycle, which only the collector could free."""
        self._parser = self._last = None
