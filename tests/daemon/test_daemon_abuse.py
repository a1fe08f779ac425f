"""Pages that are traps: the daemon is told what they are, keeps its size, and is late for nobody."""

import asyncio
import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from tests.servers import metrics_pages as pages
from tests.servers.daemon import DaemonProcess, Page, run_daemon

PACE = {"interval": "800ms", "timeout": "750ms"}
CROWD = "".join(f'agentweave_circuit_breaker_state{{callee="{number}"}} 0\n' for number in range(100_000))
BOMB = gzip.compress(bytes(1 << 20)) * 200  # members one after the other: 200 MiB in 200 KiB (RFC 1952)
TRAPS = {
    "endless": (pages.endless, "true TooLarge"),
    "dripping": (pages.dripping, "true Timeout"),
    "bomb": (pages.answering(pages.ok(BOMB, b"Content-Encoding: gzip\r\n")), "true Malformed"),
    "mute": (pages.mute, "true Timeout"),
    "html": (pages.answering(pages.ok(pages.HTML)), "true Malformed"),
    "binary": (pages.answering(pages.ok(pages.BINARY)), "true Malformed"),
    "elsewhere": (
        pages.answering(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"),
        "true HTTPError",
    ),
    "crowd": (pages.answering(pages.ok(CROWD.encode())), "false"),
}


@dataclass
class Punctual:
    """A good page that notes when it is asked for."""

    asked: list[float] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer as prometheus_client does."""
        await reader.readuntil(b"\r\n\r\n")
        self.asked.append(time.monotonic())
        writer.write(pages.ok(b"process_start_time_seconds 1\nagentweave_circuit_breaker_state 0\n"))
        await writer.drain()


@contextmanager
def _served(*scripts: pages.Script) -> Iterator[list[str]]:
    """The addresses of servers that run these scripts, in a thread of their own."""
    urls: list[str] = []
    up, done = threading.Event(), threading.Event()

    async def main() -> None:
        async with AsyncExitStack() as stack:
            urls.extend([await stack.enter_async_context(pages.serving(script)) for script in scripts])
            up.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    try:
        assert up.wait(10)
        yield urls
    finally:
        done.set()
        thread.join()


@dataclass(frozen=True)
class Abused:
    """How a daemon was after some seconds among traps."""

    page: Page
    asked: list[float]
    peak: int


@pytest.fixture(scope="module")
def abused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Abused]:
    home, punctual = tmp_path_factory.mktemp("abuse"), Punctual()
    with _served(punctual, *(script for script, _ in TRAPS.values())) as urls:
        named = zip(("good", *TRAPS), urls, strict=True)
        targets = [{"namespace": "prod", "agent": name, "metrics": f"{url}/metrics"} for name, url in named]
        config = {"sources": {"agent_metrics": PACE}, "discovery": {"static": targets}}
        with run_daemon(home, config) as daemon:
            begun = len(punctual.asked)
            yield _watched(daemon, punctual, begun)


def _watched(daemon: DaemonProcess, punctual: Punctual, begun: int) -> Abused:
    peak, end = 0, time.monotonic() + 5
    while time.monotonic() < end:
        peak = max(peak, daemon.rss())
        time.sleep(0.05)
    return Abused(daemon.page(), punctual.asked[begun:], peak)


@pytest.mark.parametrize(("name", "said"), [(name, said) for name, (_, said) in TRAPS.items()])
def test_each_trap_is_told_for_what_it_is(abused: Abused, name: str, said: str) -> None:
    assert abused.page.verdict("MetricsUnavailable", pod=name) == said


def test_a_crowd_of_subjects_is_not_judged(abused: Abused) -> None:
    assert abused.page.verdict("CircuitBreakerOpen", pod="crowd") == "unknown Malformed"
    assert not abused.page.all("circuit_breaker_state", pod="crowd")


def test_nobody_is_late_because_of_a_trap(abused: Abused) -> None:
    gaps = [later - earlier for earlier, later in pairwise(abused.asked)]
    assert len(gaps) >= 4
    assert max(gaps) < 1.4
    assert abused.page.verdict("MetricsUnavailable", pod="good") == "false"


def test_traps_do_not_make_the_daemon_grow(abused: Abused) -> None:
    assert abused.peak < 180 << 20
