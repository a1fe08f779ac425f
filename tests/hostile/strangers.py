"""`python -m tests.hostile.strangers PORT WAY COUNT`: connections that hold the daemon's port; ends with its input."""

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from tests.repository import ROOT

_SMALL = 4096
_ASKED = b"GET %b HTTP/1.1\r\nHost: localhost\r\n\r\n"
_BEGUN = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: "

Way = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _idle(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def _half_a_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_BEGUN)
    await reader.read()


async def _drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(_BEGUN)
    while True:
        await asyncio.sleep(0.5)
        writer.write(b"a")
        await writer.drain()


async def _never_read(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for _again in range(200):  # more than the kernel keeps for us
        writer.write(_ASKED % b"/metrics")
    await asyncio.sleep(3600)


async def _ask_again_and_again(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(_ASKED % b"/")
        await writer.drain()
        if not await reader.read(1 << 16):
            return
        await asyncio.sleep(0.2)


WAYS: dict[str, Way] = {
    "idle": _idle,
    "half a request": _half_a_request,
    "a request that drips": _drip,
    "answers that are never read": _never_read,
    "a page again and again": _ask_again_and_again,
}


@contextmanager
def strangers(port: int, way: str, count: int) -> Iterator[None]:
    """So many connections for as long as this lasts, each opened anew when it is cut."""
    command = [sys.executable, "-m", "tests.hostile.strangers", str(port), way, str(count)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as process:
        try:
            yield
        finally:
            process.kill()


async def _hold(port: int, way: Way) -> None:
    while True:
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=_SMALL)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
            try:
                await way(reader, writer)
            finally:
                writer.transport.abort()
        await asyncio.sleep(0.2)


async def _main(port: int, way: Way, count: int) -> None:
    held = [asyncio.create_task(_hold(port, way)) for _ in range(count)]
    await asyncio.to_thread(sys.stdin.read)
    for task in held:
        task.cancel()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), WAYS[sys.argv[2]], int(sys.argv[3])))
