"""A hundred hostile agents beside a thousand healthy ones: what they cost, and what the healthy ones feel of it."""

from dataclasses import dataclass
from pathlib import Path

from tests.bench.daemon import watching
from tests.bench.events import observing
from tests.bench.fleet import Fleet
from tests.bench.machine import memory
from tests.bench.mix import workload_of
from tests.bench.steady import Steady, steady
from tests.hostile.fleet import attackers

HEALTHY = 1_000
_OURS = b'agentweave_watcher_condition{namespace="team-'
"""What a line about one of the fleet begins with: hostile agents are in other namespaces."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """How a daemon did that watches both."""

    hostile: int
    healthy: int
    steady: Steady
    wrong: int  # conditions of healthy agents that are true
    stall: float  # seconds, the worst answer of /livez
    rss_peak: int  # bytes


def crowd(fleet: Fleet, healthy: int, directory: Path, seconds: float) -> Crowd:
    """Watch them for so long."""
    directory.mkdir()
    calm: list[Steady] = []

    def watch() -> int:
        calm.append(steady(daemon, fleet, seconds))
        return 0

    with (
        attackers(directory / "hostile") as hostile,
        watching(workload_of(healthy, seconds), fleet, directory, beside=hostile) as daemon,
        observing(daemon) as observed,
    ):
        event = observed("hostile agents", watch)
        wrong = wrong_of(daemon.fetch("/metrics").body)
        return Crowd(len(hostile), healthy, calm[0], wrong, event.stall, memory(daemon.pid, "VmHWM"))


def wrong_of(page: bytes) -> int:
    """Conditions of the fleet's agents that are true by this page: they are all well."""
    return sum(line.startswith(_OURS) and line.endswith(b" 1") for line in page.splitlines())
