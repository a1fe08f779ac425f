"""A fleet of agents on loopback, served by tests/tools/fleet-load."""

import json
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from tests.bench.machine import AROUND, started
from tests.bench.page import sdk_page
from tests.tools.build import find

_FIRST = IPv4Address("127.1.0.1")


@dataclass(frozen=True, slots=True)
class Served:
    """Requests of one kind that the fleet answered."""

    served: int
    target: str  # of the newest: path and query
    body: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """Where the agents are, and the credentials of their trust domain."""

    agents: int
    ports: Mapping[str, int]  # metrics, opa, tls, counts
    credentials: Path  # bundle.pem, client.pem, client.key
    pid: int

    def at(self, agent: int, port: str) -> str:
        """host:port of one agent's metrics, opa or tls port."""
        return f"{_FIRST + agent}:{self.ports[port]}"

    def served(self) -> dict[str, Served]:
        """What the fleet was asked, by kind: pages, decisions, statuses, handshakes, healths, connections."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports['counts']}/") as answer:
            return {kind: Served(**each) for kind, each in json.load(answer).items()}


@contextmanager
def serving(agents: int, directory: Path) -> Iterator[Fleet]:
    """Serve `agents` agents for as long as the context lasts."""
    page = directory / "page.txt"
    page.write_text(sdk_page())
    command = [str(find("fleet-load")), f"-agents={agents}", f"-page={page}", f"-credentials={directory}"]
    with started(command, AROUND) as process:
        assert process.stdout is not None
        yield Fleet(agents, json.loads(process.stdout.readline()), directory, process.pid)
