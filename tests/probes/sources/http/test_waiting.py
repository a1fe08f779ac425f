"""For how long an answer lay here is told apart from how long the server took."""

import asyncio
import time

from probes.sources.http.client import HTTPSession, locate
from probes.sources.http.connection import Connection
from probes.sources.names import Names
from tests.servers import metrics_pages as pages

CAP = 1 << 20
BUSY = 0.02


class _Wire(asyncio.Transport):
    """Takes what is written, and says nothing."""

    def write(self, _: bytes | bytearray | memoryview) -> None:
        """Nobody reads it."""

    def is_closing(self) -> bool:
        """Never."""
        return False


def _work() -> None:
    ends = time.perf_counter() + BUSY
    while time.perf_counter() < ends:
        pass


def test_what_the_loop_does_between_the_answer_and_whoever_waits_for_it_is_counted() -> None:
    async def main() -> tuple[float, float]:
        connection = Connection()
        connection.connection_made(_Wire())
        _work()
        connection.taken()
        connected = connection.waited
        waiting = asyncio.ensure_future(connection.ask(b"GET / HTTP/1.1\r\n\r\n", CAP))
        await asyncio.sleep(0.001)
        connection.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        _work()
        assert (await waiting).body == b"ok"
        return connected, connection.waited

    connected, waited = asyncio.run(main())
    assert connected >= BUSY
    assert waited >= 2 * BUSY


def test_a_server_that_takes_its_time_is_not_excused() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.3)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def main() -> float:
        async with pages.serving(slow) as url, HTTPSession(locate(url)[0], 5.0, CAP, names=Names()) as session:
            await session.ask(b"GET", b"/")
            return session.waited

    assert 0 < asyncio.run(main()) < 0.3
