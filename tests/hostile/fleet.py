"""A hundred hostile and fifty healthy agents, and the config that names them all."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.repository import ROOT

HEALTHY = 50
PACE = {"interval": "5s", "timeout": "2s"}


@dataclass(frozen=True)
class HostileFleet:
    """Who is there to be watched."""

    hostile: list[dict[str, Any]]  # entries of a config
    healthy: list[dict[str, Any]]
    identity: dict[str, str]  # the section of a config

    def config(self, state: Path) -> dict[str, object]:
        """Watch them all."""
        return {
            "state_dir": str(state),
            "identity": self.identity,
            "sources": {name: dict(PACE) for name in ("handshake", "agent_metrics", "opa")},
            "discovery": {"static": [*self.hostile, *self.healthy]},
        }


@contextmanager
def hostile_fleet(home: Path, healthy: int = HEALTHY) -> Iterator[HostileFleet]:
    """All of them, each kind in a process of its own."""
    place = home / "healthy"
    place.mkdir()
    with attackers(home / "hostile") as hostile, _serving("healthy", place, str(healthy)) as well:
        files = {"cert_file": "svid.pem", "key_file": "svid.key", "bundle_file": "bundle.pem"}
        identity = {name: str(place / file) for name, file in files.items()} | {"trust_domain": "example.org"}
        yield HostileFleet(hostile, well, identity)


@contextmanager
def attackers(home: Path) -> Iterator[list[dict[str, Any]]]:
    """The hostile ones alone, as entries of a config."""
    home.mkdir()
    with _serving("attackers", home) as entries:
        yield entries


@contextmanager
def _serving(module: str, *arguments: Path | str) -> Iterator[list[dict[str, Any]]]:
    command = [sys.executable, "-m", f"tests.hostile.{module}", *map(str, arguments)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:  # type: ignore[call-overload]  # its pipes
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.kill()
