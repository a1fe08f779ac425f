"""One source at a time: the CPU of a look, at the rates of a fleet of 10,000."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from tests.bench.daemon import Workload, watching
from tests.bench.fleet import Fleet
from tests.bench.peer import HTTP_RATE, TLS_RATE
from tests.bench.steady import Steady, steady
from tests.bench.transport import (
    PAGES_DEPLOYED,
    TLS_DEPLOYED,
    TOGETHER,
    Transported,
    handshakes,
    tls_looks,
    transport,
)

Made = Callable[[Fleet, float, float, float], Transported]
"""Requests of one kind: a second, for how many seconds, and the seconds from one release to the next."""


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


@dataclass(frozen=True, slots=True)
class Shares:
    """A kind of request at each pace."""

    together: Transported  # in the batches that suit the exporter
    deployed: Transported  # as the daemon's own wheel releases them at this rate
    evenly: Transported  # each at its own moment

    def __add__(self, other: "Shares") -> "Shares":
        return Shares(*[getattr(self, each.name) + getattr(other, each.name) for each in fields(self)])


@dataclass(frozen=True, slots=True)
class Ours:
    """The daemon's own parts, each in a process of its own."""

    pages: Shares  # GETs of whole pages
    handshakes: Shares  # looks at mTLS ports, not judged
    looks: Shares  # the same, judged and recorded

    def __add__(self, other: "Ours") -> "Ours":
        return Ours(*[getattr(self, each.name) + getattr(other, each.name) for each in fields(self)])


def ours(fleet: Fleet, seconds: float) -> Ours:
    """Measure them at all paces."""
    return Ours(
        _shares(transport, fleet, HTTP_RATE, PAGES_DEPLOYED, seconds),
        _shares(handshakes, fleet, TLS_RATE, TLS_DEPLOYED, seconds),
        _shares(tls_looks, fleet, TLS_RATE, TLS_DEPLOYED, seconds),
    )


def _shares(made: Made, fleet: Fleet, rate: float, deployed: float, seconds: float) -> Shares:
    return Shares(*[made(fleet, rate, seconds, batch) for batch in (TOGETHER, deployed, 1 / rate)])
