"""A listening socket of ours: what is accepted costs next to nothing until it has asked for something.

A socket that says nothing, or half of a request, is watched and no more: no protocol, no TLS, 50 us of CPU in all.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable

from watcher.runtime.descriptors import Descriptors
from watcher.web.serving.admission import Admission, Guest

_ACCEPTED = 64
"""Connections accepted in one turn of the loop, 50 us each; and a quarter of those that are held at most, lest one be
cut before what it sent was looked at."""

_HEARD, _HEARD_TLS = 24, 6
"""Those that have asked and are heard out in one turn: 200 us each, or 1 ms of TLS handshake."""

_UNHEARD = 64
"""That have asked and are not heard; with more, none is accepted."""

_ASKS_WITHIN, _HANDSHAKE_WITHIN, _GOODBYE_WITHIN = 10.0, 10.0, 1.0
_LOOK_AGAIN, _NO_ROOM, _NO_DESCRIPTOR = 0.1, 0.005, 0.5
"""Seconds until it tries again."""

_HANDSHAKES = 64
"""TLS handshakes under way at once."""

_LONGEST_REQUEST = 1 << 14

_SEND_BUFFER = 1 << 18
"""Bytes that the kernel holds for a reader; by itself it would hold megabytes for each who does not read."""

MakeConnection = Callable[[Guest], asyncio.Protocol]


class Listener:
    """Hands each connection to a protocol of its own, over TLS where there is a context at that moment."""

    def __init__(
        self,
        listener: socket.socket,
        admission: Admission,
        descriptors: Descriptors,
        make: MakeConnection,
        context: Callable[[], ssl.SSLContext | None],
    ) -> None:
        """Nothing is accepted before `open`; the socket is closed by `close`."""
        self._listener, self._admission, self._descriptors = listener, admission, descriptors
        self._make, self._context = make, context
        self._loop = asyncio.get_running_loop()
        self._again: asyncio.TimerHandle | None = None
        self._silent: set[_Arriving] = set()
        self._unheard: deque[_Arriving] = deque()
        self._connecting: dict[asyncio.Task[None], None] = {}  # the oldest is the first

    def open(self) -> None:
        """Accept from now on."""
        self._listener.setblocking(False)
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def close(self) -> None:
        """Accept no more, and drop what is not yet a connection."""
        if self._again is not None:
            self._again.cancel()
        self._loop.remove_reader(self._listener.fileno())
        self._listener.close()
        for arriving in [*self._silent, *self._unheard]:
            arriving.cut()
        for task in self._connecting:
            task.cancel()

    async def wait_closed(self) -> None:
        """Until nothing of it is under way."""
        await asyncio.gather(*self._connecting, return_exceptions=True)

    def _accept(self) -> None:
        for _ in range(min(_ACCEPTED, self._admission.most // 4)):
            if not self._admission.open or len(self._unheard) >= _UNHEARD:
                return self._pause(_NO_ROOM)
            try:
                accepted, _ = self._listener.accept()
            except BlockingIOError:
                return None
            except ConnectionAbortedError:
                continue
            except OSError as error:  # no descriptor or no memory; the socket stays readable, and the loop would spin
                self._descriptors.failed(error)
                self._admission.make_room()
                return self._pause(_NO_DESCRIPTOR)
            self._hold(accepted)
        return None

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener.fileno())
        self._again = self._loop.call_later(seconds, self.open)

    def _hold(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        tls = self._context() is not None
        arriving = _Arriving(accepted, _is_hello if tls else _is_request, self._asks, self._gone)
        self._silent.add(arriving)
        self._admission.arrived(arriving)

    def _gone(self, arriving: "_Arriving") -> None:
        self._silent.discard(arriving)
        self._admission.left(arriving)

    def _asks(self, arriving: "_Arriving") -> None:
        self._silent.discard(arriving)
        self._admission.asked(arriving)
        if not self._unheard:
            self._loop.call_soon(self._hear)
        self._unheard.append(arriving)

    def _hear(self) -> None:
        context = self._context()
        for _ in range(min(len(self._unheard), _HEARD if context is None else _HEARD_TLS)):
            self._connect(self._unheard.popleft(), context)
        if self._unheard:
            self._loop.call_soon(self._hear)

    def _connect(self, arriving: "_Arriving", context: ssl.SSLContext | None) -> None:
        task = self._loop.create_task(self._connected(arriving, context))
        arriving.task = task
        self._connecting[task] = None
        task.add_done_callback(self._connecting.pop)
        if context is not None and len(self._connecting) > min(_HANDSHAKES, self._admission.most // 2):
            next(iter(self._connecting)).cancel()

    async def _connected(self, arriving: "_Arriving", context: ssl.SSLContext | None) -> None:
        limits = {"ssl_handshake_timeout": _HANDSHAKE_WITHIN, "ssl_shutdown_timeout": _GOODBYE_WITHIN}
        accepted = arriving.hand_over()
        try:
            await self._loop.connect_accepted_socket(
                lambda: self._make(arriving), accepted, ssl=context, **(limits if context else {})
            )
        except OSError:  # a handshake that failed: whoever it was, they know why
            accepted.close()
        except asyncio.CancelledError:
            accepted.close()
            raise
        finally:
            self._gone(arriving)


class _Arriving:
    """A connection that is accepted and not yet made: a socket that is watched, and no more."""

    def __init__(
        self,
        accepted: socket.socket,
        is_whole: Callable[[bytes], bool],
        asks: Callable[["_Arriving"], None],
        gone: Callable[["_Arriving"], None],
    ) -> None:
        """`asks` is called when what was sent `is_whole`, `gone` when it is cut before it is connected."""
        self._accepted, self._is_whole, self._asks, self._gone = accepted, is_whole, asks, gone
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(accepted.fileno(), self._readable)
        self._limit = self._loop.call_later(_ASKS_WITHIN, self.cut)
        self._again: asyncio.TimerHandle | None = None
        self.task: asyncio.Task[None] | None = None  # what connects it

    def cut(self) -> None:
        """Let it go."""
        if self.task is not None:
            self.task.cancel()
        elif self._accepted.fileno() >= 0:
            self.hand_over().close()
            self._gone(self)

    def hand_over(self) -> socket.socket:
        """The socket, which is watched no longer."""
        self._stop()
        return self._accepted

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


def _is_request(said: bytes) -> bool:
    """Whether there is an end of headers; whether they are good is the parser's to say."""
    said = said.lstrip(b"\r\n")  # as the parser does
    return b"\r\n\r\n" in said or b"\n\n" in said


def _is_hello(said: bytes) -> bool:
    """Whether the first TLS record is whole (RFC 8446, 5.1); anything else gets the answer that TLS has for it."""
    return len(said) >= 5 and (said[0] != 0x16 or len(said) >= 5 + int.from_bytes(said[3:5], "big"))
