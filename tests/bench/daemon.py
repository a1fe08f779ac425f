"""The daemon under test: its config, its process, and the doors through which it is asked."""

import http.client
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from probes.contract import TargetKey
from tests.bench.exporter import answers, free_port
from tests.bench.fleet import Fleet
from tests.bench.machine import MEASURED, started
from watcher.scheduling.timing_wheel import ARRIVALS, MANY, STEP

MEMORY_LIMIT = "512Mi"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """How many agents are watched, and the seconds between looks; a source without an interval is not used."""

    agents: int
    agent_metrics: float | None = None
    opa: float | None = None
    handshake: float | None = None

    @property
    def round(self) -> float:
        """Seconds until every agent was looked at in every way."""
        return max(self.agent_metrics or 0, self.opa or 0, self.handshake or 0)


Entry = Mapping[str, object]
"""A target as a config has it."""


def config_text(workload: Workload, fleet: Fleet, port: int, state_dir: Path, beside: Sequence[Entry] = ()) -> str:
    """The config of a daemon that watches this fleet, and what is `beside` it."""
    at = fleet.credentials
    head = [
        f"server: {{host: 127.0.0.1, port: {port}}}",
        f"state_dir: {state_dir}",
        "checklist: {enabled: false}",  # what it adds has rows of its own
        f"identity: {{cert_file: {at}/client.pem, key_file: {at}/client.key, bundle_file: {at}/bundle.pem,",
        "           trust_domain: bench.test}",
        "sources:",
        *(f"  {name}: {_pace(seconds)}" for name, seconds in _paces(workload)),
        "discovery:",
        "  static:",
    ]
    others = (f"    - {json.dumps(entry)}" for entry in beside)
    return "\n".join([*head, *(_entry(workload, fleet, agent) for agent in range(workload.agents)), *others, ""])


def _paces(workload: Workload) -> Iterator[tuple[str, float]]:
    for name in ("agent_metrics", "opa", "handshake"):
        seconds: float | None = getattr(workload, name)
        if seconds is not None:
            yield name, seconds


def _pace(seconds: float) -> str:
    timeout = min(5.0, seconds * 0.9)
    return f"{{interval: {seconds * 1000:.0f}ms, timeout: {timeout * 1000:.0f}ms}}"


def key_of(agent: int) -> TargetKey:
    """Ten agents of a name, as a Deployment has, in 50 namespaces."""
    name = f"agent-{agent // 10:04d}"
    return TargetKey(f"team-{agent // 10 % 50}", name, f"{name}-{agent:05d}")


def _entry(workload: Workload, fleet: Fleet, agent: int) -> str:
    parts = [f"{field}: {name}" for field, name in key_of(agent)._asdict().items()]
    if workload.handshake:
        identity = f"spiffe://bench.test/agent/{agent:05d}"
        parts += [f'address: "{fleet.at(agent, "tls")}"', f'spiffe_id: "{identity}"']
    if workload.agent_metrics:
        parts += [
            f'metrics: "http://{fleet.at(agent, "metrics")}/metrics"',
            f"memory_limit: {MEMORY_LIMIT}, pool_capacity: 100",
        ]
    if workload.opa:
        parts.append(f'opa: "http://{fleet.at(agent, "opa")}"')
    return f"    - {{{', '.join(parts)}}}"


@dataclass(frozen=True, slots=True)
class Fetched:
    """One answer of the daemon."""

    body: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running daemon."""

    process: subprocess.Popen[str]
    port: int
    config: Path
    state_dir: Path
    log: Path
    ready_after: float  # seconds from its start to one full round

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    def fetch(self, path: str, *, gzip: bool = False) -> Fetched:
        """GET `path` on a new connection; the time runs to the last byte."""
        start = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path, headers={"Accept-Encoding": "gzip"} if gzip else {})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise http.client.HTTPException(f"{path} answered {answer.status}")
        return Fetched(body, time.monotonic() - start)

    def reload(self, memory_limit: str, *, every: int = 1) -> None:
        """Ask it to read its config again, in which this is now the limit of every agent, or of one of so many."""
        first, *others = re.split(r"(?<=memory_limit: )\w+", self.config.read_text())
        limits = re.findall(r"(?<=memory_limit: )\w+", self.config.read_text())
        given = [limit if place % every else memory_limit for place, limit in enumerate(limits)]
        self.config.write_text(first + "".join(limit + text for limit, text in zip(given, others, strict=True)))
        self.process.send_signal(signal.SIGHUP)


@contextmanager
def watching(workload: Workload, fleet: Fleet, directory: Path, beside: Sequence[Entry] = ()) -> Iterator[Daemon]:
    """The daemon on the measured core, watching, after its first full round."""
    port, state_dir, config = free_port(), directory / "state", directory / "config.yaml"
    state_dir.mkdir(parents=True, exist_ok=True)
    config.write_text(config_text(workload, fleet, port, state_dir, beside))
    command = [sys.executable, "-m", "watcher", "run", "--config", str(config)]
    log_file = directory / "daemon.log"
    with log_file.open("w") as log, started(command, MEASURED, log=log) as process:
        try:
            answers(f"http://127.0.0.1:{port}/livez", process, patience=60)
            ready = answers(f"http://127.0.0.1:{port}/readyz", process, patience=3 * workload.round + 60)
        except (RuntimeError, TimeoutError) as error:
            error.add_note(log_file.read_text()[-4000:])
            raise
        # First looks are made beside the wheel; everyday work begins when they are over.
        time.sleep(max(0.0, min(workload.agents, MANY) * STEP / ARRIVALS - ready) + 1)
        yield Daemon(process, port, config, state_dir, log_file, ready)
