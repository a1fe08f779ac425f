"""Hand-written HTTP servers for what a real one cannot be made to do: lie, drip, never end; and pages by value."""

import asyncio
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from probes.contract.signal import Dialect, Signal
from probes.readings.metrics_page import MetricsPage
from probes.readings.signal_reader import WantedSignals
from probes.readings.text_format import Scan
from probes.sources.pages.whole_lines import WholeLines

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

HTML = b"<!DOCTYPE html>\n<html><body>agentweave_circuit_breaker_state 1</body></html>\n"
BINARY = bytes(range(256)) * 64


def page_of(text: str | bytes, *signals: Signal, dialects: Sequence[Dialect] = ()) -> MetricsPage:
    """The reading of a page with this text, as the source would make it."""
    page = text.encode() if isinstance(text, str) else text
    wanted = WantedSignals.of(signals, dialects)
    scan = Scan(wanted.names)
    for piece in WholeLines().cut(page, last=True):
        scan.feed(piece)
    return MetricsPage(status=200, size=len(page), wanted=wanted, kept=scan.end())


@asynccontextmanager
async def serving(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Run `script` for every connection; the address of the server without a path."""
    running: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running[asyncio.create_task(_quietly(script, reader, writer))] = writer

    server = await asyncio.start_server(meet, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task, writer in running.items():
            if not task.done():
                writer.transport.abort()
        await asyncio.gather(*running, return_exceptions=True)  # what a cut script meets differs by event loop


async def _quietly(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await script(reader, writer)
    except (ConnectionError, asyncio.IncompleteReadError):
        pass  # the client has heard enough: that is what these tests want
    finally:
        writer.close()


def answering(*answers: bytes) -> Script:
    """One of these raw answers to each request, all on one connection, which is then closed."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()

    return script


def ok(body: bytes, headers: bytes = b"") -> bytes:
    """A plain 200 with a length, in the text format unless the headers say another."""
    typed = b"" if b"Content-Type" in headers else b"Content-Type: text/plain; version=0.0.4\r\n"
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b%b\r\n%b" % (len(body), typed, headers, body)


def zipped(body: bytes) -> bytes:
    """A gzip answer that nobody asked for."""
    return ok(gzip.compress(body, 1), b"Content-Encoding: gzip\r\n")


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A gigabyte of page, as fast as it is taken."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    for _ in range(1 << 14):
        writer.write(b"filler_total 1\n" * 4370)
        await writer.drain()


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A page that never ends and never stops."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"a 1\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the request and says nothing."""
    del writer
    await reader.read()


async def hanging_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Closes without a word."""
    await reader.readuntil(b"\r\n\r\n")
    writer.close()
