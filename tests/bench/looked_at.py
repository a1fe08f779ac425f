"""What people open while a tenth of the fleet is in trouble: each page beside the looks, to its last byte.

1. Each tenth agent gets a memory limit that it is close to; wait until the daemon says so of all of them.
2. Fetch each page some times, in gzip as browsers ask; the worst counts.
"""

import gzip
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench.daemon import Daemon, key_of

SHARE = 10
"""One agent of so many is in trouble."""

_CLOSE = "190Mi"  # an agent holds 180 MiB
_TIMES, _PATIENCE = 5, 180.0


@dataclass(frozen=True, slots=True)
class Opened:
    """One page, or one answer of the API."""

    name: str
    seconds: float  # the worst
    size: int  # bytes, unzipped
    zipped: int


def fall_ill(daemon: Daemon, agents: int) -> int:
    """Bring the tenth into trouble; the time that it takes is that of looks."""
    daemon.reload(_CLOSE, every=SHARE)
    end = time.monotonic() + _PATIENCE
    while _critical(daemon) < agents // SHARE:
        if time.monotonic() > end:
            raise TimeoutError(f"only {_critical(daemon)} of {agents // SHARE} agents are in trouble")
        time.sleep(0.5)
    return 0


def opened(daemon: Daemon) -> list[Opened]:
    """What people open, in the order of its worth."""
    return [_opened(daemon, name, path) for name, path in _paths()]


def _paths() -> Iterator[tuple[str, str]]:
    ill, known = key_of(0), key_of(SHARE)
    yield "fleet page", "/"  # where what they have in common is one row
    yield "agents in trouble, one a row", "/?condition=MemoryHigh"
    yield "search", f"/?q={known.pod[-4:]}&severity=critical"
    yield "page of an agent with its pictures", f"/agents/{ill.namespace}/{ill.pod}"
    yield "/api/v1/changes of a day", "/api/v1/changes"
    yield "/changes", "/changes"


def _opened(daemon: Daemon, name: str, path: str) -> Opened:
    answers = [daemon.fetch(path, gzip=True) for _ in range(_TIMES)]
    body = answers[-1].body
    whole = gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
    return Opened(name, max(each.seconds for each in answers), len(whole), len(body))


def _critical(daemon: Daemon) -> int:
    total: int = json.loads(daemon.fetch("/api/v1/targets?severity=critical&limit=1").body)["total"]
    return total
