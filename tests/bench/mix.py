"""The whole work at one size of the fleet: all sources, scrapes, and the heavy moments."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.daemon import Workload, watching
from tests.bench.events import Event, events
from tests.bench.fleet import Fleet
from tests.bench.looked_at import Opened
from tests.bench.machine import memory
from tests.bench.steady import Steady, steady

SCRAPE_INTERVAL = 30.0
"""Seconds between scrapes, and between decisions; handshakes are made half as often."""


@dataclass(frozen=True, slots=True)
class Mix:
    """One size of the fleet."""

    workload: Workload
    ready_after: float  # seconds
    steady: Steady
    events: list[Event]
    rss_peak: int  # bytes, over all of it
    opened: Sequence[Opened] = ()  # pages for people, while a tenth of the fleet is in trouble

    @property
    def stall(self) -> float:
        """The worst of all events, in seconds."""
        return max(event.stall for event in self.events)


def reference(mixes: Sequence[Mix]) -> Mix:
    """The one that promises are held to: the largest fleet of at most 10,000 agents, or the smallest of all."""
    fitting = [each for each in mixes if each.workload.agents <= 10_000]
    return max(fitting, key=_agents) if fitting else min(mixes, key=_agents)


def _agents(mix: Mix) -> int:
    return mix.workload.agents


def workload_of(agents: int, seconds: float) -> Workload:
    """The intervals of the contract's defaults, shorter only where the run is too short for them."""
    scrape = min(SCRAPE_INTERVAL, seconds / 2)
    return Workload(agents=agents, agent_metrics=scrape, opa=scrape, handshake=2 * scrape)


Prepare = Callable[[Path, Workload], None]


def mix(fleet: Fleet, workload: Workload, directory: Path, seconds: float, prepare: Prepare) -> Mix:
    """Watch `workload` for so long; `prepare` fills the state directory before the daemon starts."""
    prepare(directory / "state", workload)
    with watching(workload, fleet, directory) as daemon:
        calm = steady(daemon, fleet, seconds)
        heavy, opened = events(daemon, workload.agents, state_patience=seconds)
        return Mix(workload, daemon.ready_after, calm, heavy, memory(daemon.pid, "VmHWM"), opened)
