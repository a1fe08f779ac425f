"""A connection before it is one: a socket that is watched, and what it said so far."""

import asyncio
import socket
from collections.abc import Callable

_ASKS_WITHIN, _LOOK_AGAIN = 10.0, 0.1
"""Seconds for a first request or TLS hello, and until it is looked again whether it is whole."""

_LONGEST_REQUEST = 1 << 14


class Early(asyncio.Protocol):
    """Keeps what comes before there is somebody to read it."""

    def __init__(self) -> None:
        self.said, self.gone = b"", False

    def data_received(self, data: bytes) -> None:
        self.said += data

    def connection_lost(self, _exc: Exception | None) -> None:
        self.gone = True


class Arriving:
    """A connection that is accepted and not yet made: a socket that is watched, and no more."""

    def __init__(
        self,
        accepted: socket.socket,
        is_whole: Callable[[bytes], bool],
        asks: Callable[["Arriving"], None],
        gone: Callable[["Arriving"], None],
    ) -> None:
        """`asks` is called when what was sent `is_whole`, `gone` when it is cut before it is connected."""
        self._accepted, self._is_whole, self._asks, self._gone = accepted, is_whole, asks, gone
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(accepted.fileno(), self._readable)
        self._limit = self._loop.call_later(_ASKS_WITHIN, self.cut)
        self._again: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[None] | None = None  # what connects it
        self.heard_at = 0.0  # by the loop's clock

    def cut(self) -> None:
        """Let it go."""
        if self.task is not None:
            self.task.cancel()
        elif self._accepted.fileno() >= 0:
            self.hand_over().close()
            self._gone(self)

    def hand_over(self) -> socket.socket:
        """The socket, which is watched no longer."""
        self.heard_at = self._loop.time()
        self._stop()
        return self._accepted

    @property
    def goes_on(self) -> bool:
        """Whether it has said something that nobody has read yet; what is read is answered at once."""
        try:
            return bool(self._accepted.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def _stop(self) -> None:
        self._limit.cancel()
        if self._again is not None:
            self._again.cancel()
        self._loop.remove_reader(self._accepted.fileno())

    def _readable(self) -> None:
        self._again = None
        try:
            said = self._accepted.recv(_LONGEST_REQUEST, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if self._is_whole(said):
            self._stop()
            self._asks(self)
        elif 0 < len(said) < _LONGEST_REQUEST:
            # What is not taken stays readable: it would be told of again at each turn.
            self._loop.remove_reader(self._accepted.fileno())
            self._again = self._loop.call_later(_LOOK_AGAIN, self._readable)
        else:
            self.cut()


def is_request(said: bytes) -> bool:
    """Whether there is an end of headers; whether they are good is the parser's to say."""
    said = said.lstrip(b"\r\n")  # as the parser does
    return b"\r\n\r\n" in said or b"\n\n" in said


def is_hello(said: bytes) -> bool:
    """Whether the first TLS record is whole (RFC 8446, 5.1); anything else gets the answer that TLS has for it."""
    return len(said) >= 5 and (said[0] != 0x16 or len(said) >= 5 + int.from_bytes(said[3:5], "big"))
