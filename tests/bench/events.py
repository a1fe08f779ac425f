"""The heavy moments of a daemon's life, one after another, while an observer asks /livez every 5 ms."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.bench.daemon import MEMORY_LIMIT, Daemon
from tests.bench.looked_at import Opened, fall_ill, opened
from tests.bench.machine import AROUND, memory, started
from tests.bench.observer import Seen

RELOAD_PATIENCE = 90.0
_TAKEN = "config reloaded"
QUIET = 3.0
STATE_WRITE = "state write"


@dataclass(frozen=True, slots=True)
class Event:
    """How long one of them took, and the worst answer of /livez meanwhile."""

    name: str
    seconds: float
    size: int  # bytes, 0 where nothing is sent
    stall: float  # seconds
    own: float  # the observer's own worst delay: below this the stall says nothing of the daemon
    rss_peak: int  # bytes, from the start of the daemon to the end of this


def events(daemon: Daemon, agents: int, state_patience: float) -> tuple[list[Event], list[Opened]]:
    """All of them; a state write is left out where none comes within `state_patience` seconds.

    And what people open while a tenth of the agents is in trouble.
    """
    opened_then: list[Opened] = []

    def open_pages() -> int:
        opened_then.extend(opened(daemon))
        return sum(each.size for each in opened_then)

    with observing(daemon) as observed:
        found = [
            observed("nothing in particular", lambda: _wait(QUIET)),
            observed("/metrics", lambda: len(daemon.fetch("/metrics").body)),
            observed("/metrics, gzip", lambda: len(daemon.fetch("/metrics", gzip=True).body)),
            observed("/api/v1/targets", lambda: len(daemon.fetch("/api/v1/targets").body)),
            observed("/api/v1/changes of a day", lambda: len(daemon.fetch("/api/v1/changes?limit=10000").body)),
            observed("/changes", lambda: len(daemon.fetch("/changes").body)),
            observed(STATE_WRITE, lambda: _state_write(daemon, state_patience)),
            observed("reload, nothing changed", lambda: _reload(daemon, MEMORY_LIMIT)),
            observed("a tenth of the fleet turns", lambda: fall_ill(daemon, agents)),
            observed("pages for people, five times each", open_pages),
            observed("reload, every target changed", lambda: _reload(daemon, "600Mi")),
        ]
    return [event for event in found if event.size >= 0], opened_then


def _wait(seconds: float) -> int:
    time.sleep(seconds)
    return 0


def _reload(daemon: Daemon, memory_limit: str) -> int:
    before = daemon.log.read_text().count(_TAKEN)
    daemon.reload(memory_limit)
    deadline = time.monotonic() + RELOAD_PATIENCE
    while daemon.log.read_text().count(_TAKEN) == before:
        if time.monotonic() > deadline:
            raise TimeoutError("the daemon did not take its config again")
        time.sleep(0.2)
    return 0


def _state_write(daemon: Daemon, patience: float) -> int:
    """Bytes of the next state file, -1 where none came."""
    before, deadline = _newest(daemon), time.monotonic() + patience
    while time.monotonic() < deadline:
        if _newest(daemon) != before:
            return sum(path.stat().st_size for path in daemon.state_dir.glob("*.jsonl"))
        time.sleep(0.1)
    return -1


def _newest(daemon: Daemon) -> int:
    return max((path.stat().st_mtime_ns for path in daemon.state_dir.glob("state.jsonl")), default=0)


Observed = Callable[[str, Callable[[], int]], Event]


@contextmanager
def observing(daemon: Daemon) -> Iterator[Observed]:
    """Something that does what it is given, and tells the worst answer of /livez meanwhile."""
    with started([sys.executable, "-m", "tests.bench.observer", str(daemon.port)], AROUND) as observer:
        _report(observer)

        def observed(name: str, action: Callable[[], int]) -> Event:
            _report(observer)
            start = time.monotonic()
            size = action()
            took = time.monotonic() - start
            seen = _report(observer)
            return Event(name, took, size, seen.worst, seen.own_worst, memory(daemon.pid, "VmHWM"))

        yield observed


def _report(observer: subprocess.Popen[str]) -> Seen:
    assert observer.stdin is not None
    assert observer.stdout is not None
    observer.stdin.write("\n")
    observer.stdin.flush()
    return Seen(**json.loads(observer.stdout.readline()))
