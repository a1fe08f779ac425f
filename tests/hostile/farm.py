"""`python -m tests.hostile.farm`: many agents on one port, each with its own answer, and a costly TLS port.

Prints both ports and serves.
"""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from tests.hostile import pages
from tests.hostile.slow_signatures import endless_signatures
from tests.repository import ROOT
from tests.servers.tls_servers import serve, speak_tls, tls_context

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: %d\r\n\r\n"
DENY = b'{"result":false}'
NO_STATUS = b"{}"

METRICS: Mapping[str, Callable[[], bytes]] = {
    "healthy": lambda: pages.HEALTHY,
    "backslashes": pages.backslash_page,
    "short": pages.many_short_lines,
    "odd": pages.odd_lines,
    "labels": pages.many_labels,
    "fewer-labels": lambda: pages.many_labels(lines=800),
    "long-values": lambda: pages.many_labels(lines=2900, labels=10, value="v" * 60),
    "histograms": pages.many_histograms,
    "traces": pages.endless_traces,
    "subjects": pages.thousand_subjects,
    "names": pages.thousand_long_names,
    "plain": pages.plain_page,
}
"""Metrics pages by the name that begins the path; with `stalled-` before it they stop short of their end."""

STATUSES: Mapping[str, Callable[[], bytes]] = {
    "opa-keys": pages.tiny_keys_status,
    "opa-key": pages.long_key_status,
    "opa-values": pages.tiny_values,
    "opa-bundles": lambda: pages.thousand_bundles(length=20),
    "opa-deep": pages.deep_json,
}
"""What an OPA says of itself; its decisions are right."""

HOSTILE_METRICS = tuple(name for name in METRICS if name != "healthy")


class Farm:
    """Answers by path: `/NAME/NUMBER` and whatever follows."""

    def __init__(self) -> None:
        self._metrics = {name: made() for name, made in METRICS.items()}
        self._statuses = {name: made() for name, made in STATUSES.items()}

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, for as long as it is used."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((int(line[15:]) for line in head.split(b"\r\n") if line[:15] == b"Content-Length:"), 0)
                await reader.readexactly(length)
                body = self._answer(head.split(b" ", 2)[1].decode())
                writer.write(HEAD % (len(body) + head.startswith(b"GET /stalled-")))
                writer.write(body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the watcher has heard enough, or the farm ends
        finally:
            writer.close()

    def _answer(self, path: str) -> bytes:
        name = path.split("/")[1].removeprefix("stalled-")
        if name in self._metrics:
            return self._metrics[name]
        return self._statuses[name] if "/v1/status" in path else DENY


async def _serve() -> None:
    server = await asyncio.start_server(Farm().meet, "127.0.0.1", 0, backlog=1000)
    with serve(speak_tls(tls_context(endless_signatures(8)))) as tls:
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]} {tls.rpartition(':')[2]}\n")
        sys.stdout.flush()
        # Whoever started this closes the pipe when it is done, or dead.
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


@contextmanager
def farm() -> Iterator[tuple[int, int]]:
    """The ports of a farm in another process, plain and TLS: its work must not be taken for ours."""
    command = [sys.executable, "-m", "tests.hostile.farm"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            plain, tls = process.stdout.readline().split()
            yield int(plain), int(tls)
        finally:
            process.stdin.close()


if __name__ == "__main__":
    asyncio.run(_serve())
