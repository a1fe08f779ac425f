"""One source at a time: the CPU of a look, at the rates of a fleet of 10,000."""

from dataclasses import dataclass
from pathlib import Path

from tests.bench.daemon import Workload, watching
from tests.bench.fleet import Fleet
from tests.bench.peer import HTTP_RATE, TLS_RATE
from tests.bench.steady import Steady, steady


@dataclass(frozen=True, slots=True)
class Alone:
    """The daemon with a single source."""

    source: str
    steady: Steady

    @property
    def cpu_each(self) -> float:
        """CPU seconds for each look, all of the daemon's own work included."""
        return self.steady.usage.cpu / self.steady.made

    @property
    def requests_each(self) -> float:
        """HTTP requests that one look made."""
        kinds = ("pages", "decisions", "statuses", "healths", "others")
        return sum(self.steady.requests[kind] for kind in kinds) / self.steady.made


def alone(fleet: Fleet, agents: int, directory: Path, seconds: float) -> list[Alone]:
    """Measure each source by itself."""
    paces = {"agent_metrics": agents / HTTP_RATE, "opa": agents / HTTP_RATE, "handshake": agents / TLS_RATE}
    found = []
    for source, interval in paces.items():
        workload = Workload(agents=agents, **{source: interval})
        place = directory / source
        place.mkdir()
        with watching(workload, fleet, place) as daemon:
            found.append(Alone(source, steady(daemon, fleet, seconds)))
    return found
