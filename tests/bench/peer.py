"""What the exporter needs for the same work: for each kind of request, and for the whole mix."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from tests.bench.exporter import BATCH, EVENLY, Errand, Outcome, exporting, http, mutual_tls
from tests.bench.fleet import Fleet
from tests.bench.steady import Steady

HTTP_RATE = 1000 / 3
"""Requests a second: the scrapes of 10,000 agents, each once in 30 s."""

TLS_RATE = 500 / 3
"""The handshakes of 10,000 agents, each once in 60 s."""

_CANARY = '{"input":{}}'
_COMFORTABLE = 0.75
"""Share of its core above which the exporter queues, and its figures tell of the queue."""


@dataclass(frozen=True, slots=True)
class Peers:
    """The exporter's figures, one kind of request at a time."""

    page: Outcome  # http_2xx, a GET of the metrics page
    decision: Outcome  # a POST as a canary
    mutual_tls: Outcome  # a GET with client certificate
    page_evenly: Outcome  # the same, each request at its own moment
    mutual_tls_evenly: Outcome

    def __add__(self, other: "Peers") -> "Peers":
        return Peers(*[getattr(self, field.name) + getattr(other, field.name) for field in fields(self)])


def one_by_one(fleet: Fleet, directory: Path, seconds: float) -> Peers:
    """Measure each kind by itself."""
    post = http(method="POST", headers={"Content-Type": "application/json"}, body=_CANARY)
    modules = {"http_2xx": http(), "decision": post, "mutual_tls": mutual_tls(fleet)}
    page = Errand("http_2xx", f"http://AGENT:{fleet.ports['metrics']}/metrics", HTTP_RATE)
    decision = Errand("decision", f"http://AGENT:{fleet.ports['opa']}/v1/data/agentweave/authz/allow", HTTP_RATE)
    health = Errand("mutual_tls", f"https://AGENT:{fleet.ports['tls']}/health", TLS_RATE)
    with exporting(modules, directory) as exporter:
        return Peers(
            *[exporter.run(fleet, [errand], seconds) for errand in (page, decision, health)],
            *[exporter.run(fleet, [errand], seconds, EVENLY) for errand in (page, health)],
        )


@dataclass(frozen=True, slots=True)
class Mixed:
    """The exporter making the requests that a daemon made, at `share` of its rate."""

    outcome: Outcome
    share: float
    per_second: float  # requests that the daemon made

    @property
    def cores(self) -> float:
        """Cores that the exporter needs for all of them."""
        return self.outcome.cpu_each * self.per_second


def the_same_requests(
    steady: Steady, alone: Peers, fleet: Fleet, directory: Path, seconds: float, batch: str = BATCH
) -> Mixed:
    """Let the exporter ask what the daemon asked, as often, but no more than a core can do; `0s`: evenly."""
    rates = {kind: steady.requests[kind] / steady.usage.wall for kind in _COSTS}
    needed = sum(rate * getattr(alone, _COSTS[kind]).cpu_each for kind, rate in rates.items())
    share = min(1.0, _COMFORTABLE / needed)
    modules, errands = _copies(fleet, {kind: rate * share for kind, rate in rates.items()})
    with exporting(modules, directory) as exporter:
        return Mixed(exporter.run(fleet, errands, seconds, batch), share, sum(rates.values()))


_COSTS = {"pages": "page", "decisions": "decision", "statuses": "decision", "healths": "mutual_tls"}


def _copies(fleet: Fleet, rates: Mapping[str, float]) -> tuple[dict[str, object], list[Errand]]:
    """Modules and errands that repeat the newest request of each kind that was made at all."""
    served = fleet.served()
    post = http(method="POST", headers={"Content-Type": "application/json"}, body=served["decisions"].body)
    modules: dict[str, object] = {
        "pages": http(),
        "decisions": post,
        "statuses": http(valid_status_codes=[500]),
        "healths": mutual_tls(fleet),
    }
    doors = {"pages": "metrics", "decisions": "opa", "statuses": "opa", "healths": "tls"}
    errands = [
        Errand(kind, f"{scheme(kind)}://AGENT:{fleet.ports[doors[kind]]}{served[kind].target}", rate)
        for kind, rate in rates.items()
        if rate
    ]
    return modules, errands


def scheme(kind: str) -> str:
    """https for the kind that is asked over TLS."""
    return "https" if kind == "healths" else "http"
