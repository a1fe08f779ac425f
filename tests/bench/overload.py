"""A daemon that gets a tenth of the core that it has work for: what is left out, who is starved, and is it said?"""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path

from tests.bench import own_series
from tests.bench.daemon import Daemon, Workload, watching
from tests.bench.fleet import Fleet
from tests.bench.machine import Meter

AGENTS = 3_000
SHARE = 0.1
"""Of a core."""

_INTERVAL = 15.0

_PERIOD = 0.1
"""Seconds, as the kernel counts a container's quota of CPU in (cpu.cfs_period_us)."""

_PATIENCE = 180.0


@dataclass(frozen=True, slots=True)
class Overloaded:
    """How a daemon did meanwhile; times in seconds."""

    agents: int
    seconds: float  # for which it had so little
    core_share: float  # that it really had
    made: Mapping[str, float]  # looks, by source
    skipped: Mapping[str, float]
    starved: int  # targets that some source did not look at in all that time
    interval: float  # the shortest between two looks: none is late by the contract before it is over
    said_after: float | None  # in its log; None: it was not said
    recovered_after: float  # from its having a whole core again, until all that is shown is fresh


def overload(fleet: Fleet, agents: int, directory: Path, seconds: float) -> Overloaded:
    """Hold a daemon back for so long, and let it go."""
    directory.mkdir()
    workload = Workload(agents=agents, agent_metrics=_INTERVAL, opa=_INTERVAL, handshake=2 * _INTERVAL)
    with watching(workload, fleet, directory) as daemon:
        before, meter, begun = (
            daemon.fetch("/metrics").body,
            Meter(daemon.pid),
            datetime.now(UTC).replace(microsecond=0),
        )
        with _held_back(daemon.pid):
            time.sleep(seconds)
        usage, freed = meter.read(), time.monotonic()
        after, starved = _fetched(daemon, "/metrics"), starved_of(_fetched(daemon, "/api/v1/targets"), begun)
        _until_fresh(daemon)
        recovered = time.monotonic() - freed
        said = said_at(daemon.log.read_text())
    made = {source: _of(after, "looks_total", source) - _of(before, "looks_total", source) for source in _SOURCES}
    skipped = "schedule_skipped_total"
    return Overloaded(
        agents=agents,
        seconds=usage.wall,
        core_share=usage.core_share,
        made=made,
        skipped={source: _of(after, skipped, source) - _of(before, skipped, source) for source in _SOURCES},
        starved=starved,
        interval=_INTERVAL,
        said_after=(said - begun).total_seconds() if said is not None else None,
        recovered_after=recovered,
    )


_SOURCES = ("agent_metrics", "opa", "handshake")


@contextmanager
def _held_back(pid: int) -> Iterator[None]:
    """The process runs for a tenth of each 100 ms, as a container whose quota is used up; no rights are needed."""
    free = threading.Event()

    def hold() -> None:
        while not free.is_set():
            os.kill(pid, signal.SIGCONT)
            time.sleep(_PERIOD * SHARE)
            os.kill(pid, signal.SIGSTOP)
            free.wait(_PERIOD * (1 - SHARE))
        os.kill(pid, signal.SIGCONT)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        yield
    finally:
        free.set()
        holder.join()


def starved_of(listing: bytes, since: datetime) -> int:
    """Targets that some source looked at before this moment only, by a listing of all."""
    targets = json.loads(listing)["targets"]
    return sum(any(datetime.fromisoformat(look["at"]) < since for look in each["looks"]) for each in targets)


def said_at(log: str) -> datetime | None:
    """When a log said first that its daemon is overloaded."""
    for line in map(json.loads, log.splitlines()):
        if (line["msg"], line.get("reason")) == ("impaired", "Overloaded"):
            return datetime.fromisoformat(line["ts"])
    return None


def _until_fresh(daemon: Daemon) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if stale_of(_fetched(daemon, "/metrics")) == 0:
            return
        time.sleep(0.5)
    raise TimeoutError(f"what is shown was not fresh again within {_PATIENCE:g} s")


def stale_of(page: bytes) -> float:
    """Conditions that are unknown by a page because their newest look is too old."""
    counts = own_series.samples(page, "conditions")
    return sum(each.value for each in counts if each.labels["reason"] == "Stale")


def _fetched(daemon: Daemon, path: str) -> bytes:
    while True:
        try:
            return daemon.fetch(path).body
        except (HTTPException, OSError):
            if daemon.process.poll() is not None:
                raise
            time.sleep(0.5)


def _of(page: bytes, name: str, source: str) -> float:
    return sum(each.value for each in own_series.samples(page, name) if each.labels["source"] == source)
