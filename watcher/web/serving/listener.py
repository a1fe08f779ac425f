"""A listening socket of ours: what is accepted costs next to nothing until it speaks, and the newest is heard first.

In a storm of connections the loop cannot serve all in the order of their coming: who came last still waits for an
answer, who came first has been cut or has given up.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable

from watcher.runtime.descriptors import Descriptors
from watcher.web.serving.admission import Admission, Guest

_ACCEPTED, _HEARD, _HEARD_TLS = 64, 8, 4
"""Connections accepted in one turn of the loop (30 us each), and those heard out (200 us, or 1 ms of TLS handshake)."""

_SPEAKS_WITHIN, _HANDSHAKE_WITHIN, _GOODBYE_WITHIN = 10.0, 10.0, 1.0
_NO_ROOM, _NO_DESCRIPTOR = 0.05, 0.5
"""Seconds until it tries again."""

_HANDSHAKES = 64
"""TLS handshakes under way at once."""

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
        self._speaking: list[_Arriving] = []  # the newest is the last
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
        for silent in list(self._silent):
            silent.cut()
        for task in self._connecting:
            task.cancel()

    async def wait_closed(self) -> None:
        """Until nothing of it is under way."""
        await asyncio.gather(*self._connecting, return_exceptions=True)

    def _accept(self) -> None:
        for _ in range(_ACCEPTED):
            if not self._admission.open:
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
        arriving = _Arriving(accepted, self._speaks, self._gone)
        self._silent.add(arriving)
        self._admission.arrived(arriving)

    def _gone(self, arriving: "_Arriving") -> None:
        self._silent.discard(arriving)
        self._admission.left(arriving)

    def _speaks(self, arriving: "_Arriving") -> None:
        if not self._speaking:
            self._loop.call_soon(self._hear)
        self._speaking.append(arriving)

    def _hear(self) -> None:
        context = self._context()
        left = _HEARD if context is None else _HEARD_TLS
        while self._speaking and left:
            arriving = self._speaking.pop()
            if arriving in self._silent:  # and was not cut meanwhile
                self._connect(arriving, context)
                left -= 1
        if self._speaking:
            self._loop.call_soon(self._hear)

    def _connect(self, arriving: "_Arriving", context: ssl.SSLContext | None) -> None:
        task = self._loop.create_task(self._connected(arriving, context))
        arriving.task = task
        self._connecting[task] = None
        task.add_done_callback(self._connecting.pop)
        if context is not None and len(self._connecting) > _HANDSHAKES:
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
        speaks: Callable[["_Arriving"], None],
        gone: Callable[["_Arriving"], None],
    ) -> None:
        """`speaks` is called at its first byte or its end, `gone` when it is cut before it is connected."""
        self._accepted, self._speaks, self._gone = accepted, speaks, gone
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(accepted.fileno(), self._readable)
        self._limit = self._loop.call_later(_SPEAKS_WITHIN, self.cut)
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
        self._limit.cancel()
        self._loop.remove_reader(self._accepted.fileno())
        return self._accepted

    def _readable(self) -> None:
        self._loop.remove_reader(self._accepted.fileno())
        self._speaks(self)
