"""One TLS session: the handshake, one request, the first bytes of the answer; driven by the event loop.

OpenSSL works on memory BIOs, so nothing blocks and no thread is needed. It is cryptography's OpenSSL, which takes
less CPU than the interpreter's and shows the chain even where it does not verify.
"""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import cast

from OpenSSL import SSL

from probes.readings.handshake import Spoke
from probes.sources.tls.contexts import Verification
from probes.sources.tls.plaintext import is_enough, is_tls, is_whole, spoken
from probes.sources.tls.records import Records
from probes.sources.tls.work_queue import WorkQueue

_MAX_BYTES = 1 << 16
_CHUNK = 1 << 12  # the room for what is read is cleared first: more takes longer, and the caches
_MAX_RECORDS = 200
"""Of TLS: a handshake and the first bytes of an answer are ten, and one that changes keys takes 30 us of CPU."""


class TLSSession(asyncio.Protocol):
    """What was said on one connection. Finished at the first answer, at an error, or when the other side is gone."""

    def __init__(
        self,
        context: SSL.Context,
        server_name: bytes | None,
        request: bytes,
        certificate_size: int,
        work_queue: WorkQueue,
        before: "TLSSession | None" = None,
        pause: float = 0.0,
    ) -> None:
        """Speak by this context; `certificate_size` is that of our own certificate in bytes, 0 for none.

        `before`: the session of the same look that this one takes the place of, for what it cost and waited.
        `pause`: seconds from the handshake to the request. A server that closes a connection of which it has not read
        all resets it, and then nobody knows whether it was the server.
        """
        self.verification = Verification()
        self.cpu: float = before.cpu if before else 0.0  # seconds that OpenSSL, and what goes with it, took
        self.waited: float = before.waited if before else 0.0  # seconds for which what came lay here, for our own sake
        self._work_queue, self._queued, self._arrived = work_queue, 0, 0  # pieces of work, bytes
        self._counted, self._untimed = 0.0, False
        self.tls = SSL.Connection(context, None)
        self.tls.set_app_data(self.verification)
        if server_name is not None:
            self.tls.set_tlsext_host_name(server_name)
        self.tls.set_connect_state()
        self._request, self._certificate_size = request, certificate_size
        self.completed = self.finished = self.certificate_sent = False
        self.ended = 0.0  # when it was finished: seconds of the performance counter
        self.reset = False  # the connection was cut by the other side or the network
        self._pause = pause
        self.error = ""  # OpenSSL's words, of an alert for example
        self.flights = self.received = 0
        self.plaintext = self.answer = b""
        self._records = Records()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._failure: Exception | None = None  # of this code

    async def until(self, moment: float) -> None:
        """Wait for the end of the session, but not longer than to this time of the loop and what was `waited`.

        Raises what went wrong here and not on the other side.
        """
        loop = asyncio.get_running_loop()
        while not self.finished and (self._queued or loop.time() < moment + self.waited):
            self._waiter, self._untimed = loop.create_future(), self._queued > 0
            timer = None if self._untimed else loop.call_at(moment + self.waited, self._wake)
            try:
                await self._waiter
            finally:
                if timer is not None:
                    timer.cancel()
        if self._failure is not None:
            raise self._failure

    def hang_up(self) -> None:
        """Cut the connection without ceremony; what was said stays."""
        if not self.finished:
            self.finished, self.ended = True, time.perf_counter()
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    @property
    def spoke(self) -> Spoke:
        """What came, judged by its first bytes."""
        if self.plaintext:
            return spoken(self.plaintext)
        return Spoke.TLS if self.received else Spoke.NOTHING

    @property
    def certificate_seen(self) -> bool:
        """Whether the server has shown its certificate."""
        return bool(self.tls.get_peer_cert_chain())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        began = time.thread_time()
        self._proceed()
        self.cpu += time.thread_time() - began

    def data_received(self, data: bytes) -> None:
        data = data[: _MAX_BYTES - self._arrived]
        self._arrived += len(data)
        if data and not self.finished:
            self._do(partial(self._hear, data))

    def connection_lost(self, error: Exception | None) -> None:
        self.reset = error is not None
        self._transport = None  # work that waits may have something to say
        if self._queued:
            self._do(self.hang_up)
        else:
            self.hang_up()

    def _do(self, work: Callable[[], None]) -> None:
        self._queued += 1
        self._work_queue.do(partial(self._work_off, work, asyncio.get_running_loop().time()), self._charge)

    def _charge(self, cpu: float) -> None:
        self.cpu += cpu

    def _work_off(self, work: Callable[[], None], since: float) -> None:
        now = asyncio.get_running_loop().time()
        self.waited += now - max(since, self._counted)
        self._queued, self._counted = self._queued - 1, now
        if not self.finished:
            try:
                work()
            except Exception as failure:  # noqa: BLE001  the boundary: who waits for the session is told
                self._failure = failure
                self.hang_up()
        if self._untimed:
            self._wake()

    def _hear(self, data: bytes) -> None:
        plaintext = bool(self.plaintext) or (not self.received and not is_tls(data))
        self.received += len(data)
        if plaintext:
            self._hear_plaintext(data)
        else:
            self.verification.received = self.received
            self.tls.bio_write(data[: self._records.measure(data, _MAX_RECORDS - self._records.count)])
            self._proceed()
            if self._records.count >= _MAX_RECORDS and not self.finished:
                self.error = f"{_MAX_RECORDS} TLS records came, and no end"
                self.hang_up()
        if self.received >= _MAX_BYTES and not self.finished:
            self.error = f"{_MAX_BYTES} bytes came, and no end"
            self.hang_up()

    def _hear_plaintext(self, data: bytes) -> None:
        self.plaintext += data
        if is_enough(self.plaintext):
            self.hang_up()

    def _proceed(self) -> None:
        try:
            if not self.completed:
                self._shake_hands()
            self._read()
        except SSL.WantReadError:
            if not self.completed:  # what is to be said after that is said
                self._flush()
        except SSL.ZeroReturnError:  # the server has ended the session in an orderly way
            self.hang_up()
        except SSL.Error as error:
            self._fail(error)

    def _fail(self, error: SSL.Error) -> None:
        self.error = _words(error)
        self._flush()
        self.hang_up()

    def _shake_hands(self) -> None:
        self.tls.do_handshake()
        self.completed = True
        if self._pause:
            self._flush()
            asyncio.get_running_loop().call_later(self._pause, self._do, self._ask_late)
        else:
            self._ask()

    def _ask(self) -> None:
        self.tls.send(self._request)
        self._flush(len(self._request))

    def _ask_late(self) -> None:
        try:
            self._ask()
        except SSL.Error as error:
            self._fail(error)

    def _read(self) -> None:
        while not is_whole(self.answer):
            self.answer += self.tls.recv(_CHUNK)
        self.hang_up()

    def _flush(self, request: int = 0) -> None:
        """Send what OpenSSL has to say: a flight of the handshake, and `request` bytes beside it."""
        flight = b""
        try:
            flight = part = self.tls.bio_read(_CHUNK)
            while len(part) == _CHUNK:
                part = self.tls.bio_read(_CHUNK)
                flight += part
        except SSL.WantReadError:
            if not flight:
                return
        self.flights += 1
        # OpenSSL does not tell whether the server asked for a certificate; a flight this long carries ours.
        if 0 < self._certificate_size <= len(flight) - request and (self.completed or self.certificate_seen):
            self.certificate_sent = True
        # What came before the server left is worked off all the same; uvloop raises where there is no socket any more.
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(flight)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _words(error: SSL.Error) -> str:
    """The last of OpenSSL's errors, which is the cause: `tlsv1 alert protocol version`."""
    errors = error.args[0] if error.args else None
    return str(errors[-1][2]) if isinstance(errors, list) and errors else repr(error)
