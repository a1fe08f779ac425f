"""A listening socket of ours: what is accepted costs next to nothing until it has asked for something.

A socket that says nothing, or half of a request, is watched and no more: no protocol, no TLS, 50 us of CPU in all.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable

from probes.sources.tls.metered import start_tls
from watcher.runtime.descriptors import Descriptors
from watcher.web.serving.admission import Admission, Guest
from watcher.web.serving.arriving import Arriving, Early, is_hello, is_request
from watcher.web.serving.connection import Connection

_ACCEPTED = 64
"""Connections accepted in one turn of the loop, 50 us each; and a quarter of those that are held at most, lest one be
cut before what it sent was looked at."""

_HEARD, _HEARD_TLS = 24, 6
"""Those that have asked and are heard out in one turn: 200 us each, or 1 ms of TLS handshake."""

_UNHEARD = 64
"""That have asked and are not heard; with more, none is accepted."""

_HANDSHAKE_WITHIN, _GOODBYE_WITHIN = 10.0, 1.0
_NO_ROOM, _NO_DESCRIPTOR = 0.005, 0.5
"""Seconds until it tries again."""

_HANDSHAKES = 160
"""TLS handshakes under way at once, which take 1 ms of CPU each."""

_GOES_ON_WITHIN = 0.25
"""Seconds in which a caller answers our part of the handshake, before it is cut for another."""

_SEND_BUFFER = 1 << 18
"""Bytes that the kernel holds for a reader; by itself it would hold megabytes for each who does not read."""

MakeConnection = Callable[[Guest], Connection]


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
        self._silent: set[Arriving] = set()
        self._unheard: deque[Arriving] = deque()
        self._connecting: dict[asyncio.Task[None], Arriving] = {}  # the oldest is the first

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
        arriving = Arriving(accepted, is_hello if tls else is_request, self._asks, self._gone)
        self._silent.add(arriving)
        self._admission.arrived(arriving)

    def _gone(self, arriving: Arriving) -> None:
        self._silent.discard(arriving)
        self._admission.left(arriving)

    def _asks(self, arriving: Arriving) -> None:
        self._silent.discard(arriving)
        self._admission.asked(arriving)
        if not self._unheard:
            self._loop.call_soon(self._hear)
        self._unheard.append(arriving)

    def _hear(self) -> None:
        context = self._context()
        for _ in range(min(len(self._unheard), _HEARD if context is None else _HEARD_TLS)):
            if context is not None and not self._can_shake_hands():
                self._loop.call_later(_NO_ROOM, self._hear)
                return
            self._connect(self._unheard.popleft(), context)
        if self._unheard:
            self._loop.call_soon(self._hear)

    def _connect(self, arriving: Arriving, context: ssl.SSLContext | None) -> None:
        task = self._loop.create_task(self._connected(arriving, context))
        arriving.task = task
        self._connecting[task] = arriving
        task.add_done_callback(self._connected_or_cut)

    def _connected_or_cut(self, task: asyncio.Task[None]) -> None:
        self._connecting.pop(task, None)

    def _can_shake_hands(self) -> bool:
        """Whether there is room for one more; who had time to go on with a handshake, and has not, is cut for it."""
        if len(self._connecting) < min(_HANDSHAKES, self._admission.most // 2):
            return True
        for task, arriving in self._connecting.items():
            if self._loop.time() - arriving.heard_at < _GOES_ON_WITHIN:
                return False
            if not arriving.goes_on:
                del self._connecting[task]
                task.cancel()
                return True
        return False

    async def _connected(self, arriving: Arriving, context: ssl.SSLContext | None) -> None:
        accepted = arriving.hand_over()
        try:
            if context is None:
                await self._loop.connect_accepted_socket(lambda: self._make(arriving), accepted)
            else:
                await self._secured(arriving, accepted, context)
        except OSError:  # a handshake that failed: whoever it was, they know why
            accepted.close()
        except asyncio.CancelledError:
            accepted.close()
            raise
        finally:
            self._gone(arriving)

    async def _secured(self, arriving: Arriving, accepted: socket.socket, context: ssl.SSLContext) -> None:
        raw, asked, connection = Early(), Early(), self._make(arriving)
        transport, _ = await self._loop.connect_accepted_socket(lambda: raw, accepted)
        limits = _HANDSHAKE_WITHIN, _GOODBYE_WITHIN
        try:
            secured = await start_tls(
                transport, asked, context, connection, server_side=True, timeouts=limits, early=raw.said
            )
        except BaseException:
            transport.abort()
            raise
        if asked.gone:
            raise ConnectionResetError
        secured.set_protocol(connection)
        connection.connection_made(secured)
        if asked.said:
            connection.data_received(asked.said)
