"""One TLS session: the handshake, one request, the first bytes of the answer; driven by the event loop.

OpenSSL works on memory BIOs, so nothing blocks and no thread is needed. It is cryptography's OpenSSL, which takes
less CPU than the interpreter's and shows the chain even where it does not verify.
"""

import asyncio
import time
from typing import cast

from OpenSSL import SSL

from probes.readings.handshake import Spoke
from probes.sources.tls.contexts import Verification
from probes.sources.tls.plaintext import is_enough, is_tls, is_whole, spoken
from probes.sources.tls.records import Records

_MAX_BYTES = 1 << 16
_CHUNK = 1 << 16
_MAX_RECORDS = 200
"""Of TLS: a handshake and the first bytes of an answer are ten, and one that changes keys takes 30 us of CPU."""


class TLSSession(asyncio.Protocol):
    """What was said on one connection. Finished at the first answer, at an error, or when the other side is gone."""

    def __init__(self, context: SSL.Context, server_name: bytes | None, request: bytes, certificate_size: int) -> None:
        """Speak by this context; `certificate_size` is that of our own certificate in bytes, 0 for none."""
        self.verification = Verification()
        self.cpu = 0.0  # seconds that OpenSSL took for what came
        self.tls = SSL.Connection(context, None)
        self.tls.set_app_data(self.verification)
        if server_name is not None:
            self.tls.set_tlsext_host_name(server_name)
        self.tls.set_connect_state()
        self._request, self._certificate_size = request, certificate_size
        self.completed = self.finished = self.certificate_sent = False
        self.error = ""  # OpenSSL's words, of an alert for example
        self.flights = self.received = 0
        self.plaintext = self.answer = b""
        self._records = Records()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None

    async def until(self, moment: float) -> None:
        """Wait for the end of the session, but not longer than to this time of the loop."""
        if self.finished:
            return
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_at(moment, self._wake)
        try:
            await self._waiter
        finally:
            timer.cancel()

    def hang_up(self) -> None:
        """Cut the connection without ceremony; what was said stays."""
        self.finished = True
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
        self._proceed()

    def data_received(self, data: bytes) -> None:
        if self.finished:
            return
        data = data[: _MAX_BYTES - self.received]
        plaintext = bool(self.plaintext) or (not self.received and not is_tls(data))
        self.received += len(data)
        if plaintext:
            self._hear_plaintext(data)
        else:
            began = time.thread_time()
            self.tls.bio_write(data[: self._records.measure(data, _MAX_RECORDS - self._records.count)])
            self._proceed()
            self.cpu += time.thread_time() - began
            if self._records.count >= _MAX_RECORDS and not self.finished:
                self.error = f"{_MAX_RECORDS} TLS records came, and no end"
                self.hang_up()
        if self.received >= _MAX_BYTES and not self.finished:
            self.error = f"{_MAX_BYTES} bytes came, and no end"
            self.hang_up()

    def connection_lost(self, _exc: Exception | None) -> None:
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
            self.error = _words(error)
            self._flush()
            self.hang_up()

    def _shake_hands(self) -> None:
        self.tls.do_handshake()
        self.completed = True
        self.tls.send(self._request)
        self._flush(len(self._request))

    def _read(self) -> None:
        while not is_whole(self.answer):
            self.answer += self.tls.recv(_CHUNK)
        self.hang_up()

    def _flush(self, request: int = 0) -> None:
        """Send what OpenSSL has to say: a flight of the handshake, and `request` bytes beside it."""
        try:
            flight = self.tls.bio_read(_CHUNK)
        except SSL.WantReadError:
            return
        self.flights += 1
        # OpenSSL does not tell whether the server asked for a certificate; a flight this long carries ours.
        if 0 < self._certificate_size <= len(flight) - request and (self.completed or self.certificate_seen):
            self.certificate_sent = True
        if self._transport is not None:
            self._transport.write(flight)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


def _words(error: SSL.Error) -> str:
    """The last of OpenSSL's errors, which is the cause: `tlsv1 alert protocol version`."""
    errors = error.args[0] if error.args else None
    return str(errors[-1][2]) if isinstance(errors, list) and errors else repr(error)
