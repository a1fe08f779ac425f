"""The TLS of the event loop, of which each piece is counted: what changes keys or is empty never shows as an answer."""

import asyncio
import ssl
import time
from typing import Protocol, cast

from probes.sources.tls.records import Records

_STEP = 32
"""Records that are read before it is looked what they cost: a change of keys takes 30 us."""

TURN = 0.005
"""Seconds of CPU after which the loop does what else is due; with the step after it, well under 10 ms."""


class OverspentError(ConnectionAbortedError):
    """The other side has cost more than it may; the text says of what."""


class Meter(Protocol):
    """Decides how much may come; both raise OverspentError to cut the connection."""

    def arrives(self, records: int, size: int) -> None:
        """So many records, of so many bytes, are about to be read."""

    def took(self, cpu: float) -> None:
        """To read them took so many seconds of CPU."""


async def start_tls(
    transport: asyncio.Transport,
    protocol: asyncio.Protocol,
    context: ssl.SSLContext,
    meter: Meter,
    *,
    server_hostname: str | None = None,
    server_side: bool = False,
    timeouts: tuple[float, float] | None = None,
    early: bytes = b"",
) -> asyncio.Transport:
    """As the loop's own; `timeouts` are the seconds for the handshake and for the goodbye, `early` what came before."""
    loop = asyncio.get_running_loop()

    def stand_between() -> None:
        metered = _Metered(transport, meter, early)
        transport.set_protocol(metered)
        if early:
            loop.call_soon(metered.go_on)

    # The loop's own puts the TLS on the transport at once, and has it begin, and read, in callbacks after this one.
    loop.call_soon(stand_between)
    limits = dict(zip(("ssl_handshake_timeout", "ssl_shutdown_timeout"), timeouts or (), strict=False))
    secured = await loop.start_tls(
        transport, protocol, context, server_hostname=server_hostname, server_side=server_side, **limits
    )
    if secured is None:
        raise ConnectionResetError
    return secured


class _Metered(asyncio.Protocol):
    """Between a transport and its TLS."""

    def __init__(self, transport: asyncio.Transport, meter: Meter, early: bytes) -> None:
        self._transport, self._meter, self._cpu_time = transport, meter, time.thread_time
        self._tls = cast(asyncio.BufferedProtocol, transport.get_protocol())
        self._records = Records()
        self._waiting = memoryview(early)
        self._paused = False  # by this, and not by the TLS
        self._overspent: OverspentError | None = None

    def data_received(self, data: bytes) -> None:
        if self._waiting:
            self._waiting = memoryview(bytes(self._waiting) + data)
        else:
            self._waiting = memoryview(data)
            self.go_on()

    def go_on(self) -> None:
        """Read what waits, for as long as a turn may take."""
        ends = self._cpu_time() + TURN
        try:
            while self._waiting and not self._transport.is_closing():
                if self._step() >= ends:
                    break
        except OverspentError as error:
            self._overspent = error
            self._waiting = memoryview(b"")
            self._transport.abort()
            return
        if self._transport.is_closing():
            self._waiting = memoryview(b"")
        self._wait()

    def _step(self) -> float:
        """Read a few records; the time after that."""
        before = self._records.count
        size = self._records.measure(self._waiting, _STEP)
        part, self._waiting = self._waiting[:size], self._waiting[size:]
        self._meter.arrives(self._records.count - before, size)
        began = self._cpu_time()
        while part:
            room = memoryview(cast(bytearray, self._tls.get_buffer(len(part))))
            taken = min(len(room), len(part))
            room[:taken] = part[:taken]
            part = part[taken:]
            self._tls.buffer_updated(taken)
        now = self._cpu_time()
        self._meter.took(now - began)
        return now

    def _wait(self) -> None:
        """Let nothing come while something waits to be read."""
        if self._waiting:
            asyncio.get_running_loop().call_soon(self.go_on)
            if not self._paused and self._transport.is_reading():
                self._transport.pause_reading()
                self._paused = True
        elif self._paused:
            self._transport.resume_reading()
            self._paused = False

    def eof_received(self) -> bool | None:
        return self._tls.eof_received()

    def pause_writing(self) -> None:
        self._tls.pause_writing()

    def resume_writing(self) -> None:
        self._tls.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._waiting = memoryview(b"")
        self._tls.connection_lost(self._overspent or exc)
