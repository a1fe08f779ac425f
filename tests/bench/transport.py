"""A source's share alone: GETs of whole metrics pages, or looks at mTLS ports, at a steady pace, judged or not.

Run as a process of its own. It prints the requests made and their CPU seconds as a JSON line.
"""

import argparse
import asyncio
import json
import resource
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path

import uvloop

from probes import load_probes
from probes.contract import SourceContext, Target
from probes.sources.handshake import HandshakeSettings, HandshakeSource
from probes.sources.http.client import HTTPSession, Origin, locate
from probes.sources.names import Names
from tests.bench.daemon import key_of
from tests.bench.exporter import BATCH
from tests.bench.fleet import Fleet
from tests.bench.machine import MEASURED, started
from watcher.config.identity import IdentitySettings
from watcher.config.settings import load_settings
from watcher.engine.engine import Engine
from watcher.identity import open_identity
from watcher.runtime.clock import system_clock
from watcher.scheduling.timing_wheel import STEP, steps_together

TOGETHER = float(BATCH.removesuffix("ms")) / 1000
"""Seconds: the batches that suit the exporter."""

PAGES_DEPLOYED, TLS_DEPLOYED = (STEP * steps_together(10_000, round(interval / STEP)) for interval in (30, 60))
"""Seconds between two releases of the daemon's own wheel, which looks at 10,000 agents each 30 s and each 60 s."""

Ask = Callable[[int], Coroutine[None, None, None]]
"""One request, to the agent of this number."""


@dataclass(frozen=True, slots=True)
class Transported:
    """Requests made, and their CPU seconds."""

    requests: int
    cpu: float

    def __add__(self, other: "Transported") -> "Transported":
        return Transported(self.requests + other.requests, self.cpu + other.cpu)

    @property
    def cpu_each(self) -> float:
        """CPU seconds for each request."""
        return self.cpu / self.requests


def transport(fleet: Fleet, per_second: float, seconds: float, batch: float) -> Transported:
    """Let a process on the measured core make GETs of metrics pages; `batch`: seconds from one release to the next."""
    return _measured("pages", fleet, "metrics", per_second, seconds, batch)


def handshakes(fleet: Fleet, per_second: float, seconds: float, batch: float) -> Transported:
    """The same with looks at mTLS ports, which are not judged."""
    return _measured("handshakes", fleet, "tls", per_second, seconds, batch)


def tls_looks(fleet: Fleet, per_second: float, seconds: float, batch: float) -> Transported:
    """The same with whole looks at mTLS ports: judged, and on the board."""
    return _measured("looks", fleet, "tls", per_second, seconds, batch)


def _measured(what: str, fleet: Fleet, port: str, per_second: float, seconds: float, batch: float) -> Transported:
    numbers = map(str, (fleet.agents, per_second, seconds, batch))
    given = [what, fleet.at(0, port), *numbers, str(fleet.credentials)]
    with started([sys.executable, "-m", "tests.bench.transport", *given], MEASURED) as process:
        told, _ = process.communicate(timeout=seconds + 60)
    return Transported(**json.loads(told))


async def _pages(first: str, credentials: Path) -> Ask:  # noqa: ARG001  as the other one
    host, _, port = first.partition(":")
    names = Names()

    @cache  # as the source keeps it of each target: to read an address costs a fifth of asking there
    def place(agent: int) -> tuple[Origin, bytes]:
        return locate(f"http://{IPv4Address(host) + agent}:{port}/metrics")

    async def get(agent: int) -> None:
        origin, path = place(agent)
        async with HTTPSession(origin, timeout=5, max_bytes=8 << 20, names=names) as conversation:
            answer = await conversation.ask(b"GET", path)
        if answer.status != 200:
            raise RuntimeError(f"agent {agent} answered {answer.status}")

    return get


async def _handshakes(first: str, credentials: Path) -> Ask:
    identity = open_identity(_identity(credentials), time.time)
    await identity.start()
    await identity.wait_first(5)
    source = HandshakeSource(HandshakeSettings(), SourceContext(identity, time.time, time.time, Names()))
    targets = _targets(first)

    async def look(agent: int) -> None:
        reading = await source.look(targets[agent % _KNOWN], ())
        if reading.result != "ok":
            raise RuntimeError(reading.error)

    for agent in range(_KNOWN):  # a certificate is read when it is new, which is at one look of thirty
        await look(agent)
    return look


async def _looks(first: str, credentials: Path) -> Ask:
    config = credentials / "looks.json"
    config.write_text(json.dumps(_config(first, credentials)))
    settings = load_settings(config, {})
    engine = Engine(settings, load_probes(), system_clock())
    await engine.identity.start()
    await engine.identity.wait_first(5)
    await engine.replace_targets(settings.targets, {})
    states, looker = list(engine.board.states.values()), engine.lookers["handshake"]

    async def look(agent: int) -> None:
        state = states[agent % _KNOWN]
        await looker.look(state)
        seen = state.looks.get("handshake")
        if seen is not None and seen.reading.result != "ok":
            raise RuntimeError(seen.reading.error)

    for agent in range(_KNOWN):
        await look(agent)
    return look


def _config(first: str, credentials: Path) -> dict[str, object]:
    """Of a daemon that makes no other looks."""
    identity = {name: str(credentials / file) for name, file in _FILES.items()} | {"trust_domain": "bench.test"}
    listed = [
        {**each.key._asdict(), "address": each.address, "spiffe_id": each.spiffe_ids[0]} for each in _targets(first)
    ]
    return {"identity": identity, "discovery": {"static": listed}}


def _identity(credentials: Path) -> IdentitySettings:
    files = {name: credentials / file for name, file in _FILES.items()}
    return IdentitySettings(**files, trust_domain="bench.test")


def _targets(first: str) -> list[Target]:
    host, _, port = first.partition(":")
    return [
        Target(
            key=key_of(agent),
            address=f"{IPv4Address(host) + agent}:{port}",
            spiffe_ids=(f"spiffe://bench.test/agent/{agent:05d}",),
        )
        for agent in range(_KNOWN)
    ]


_KNOWN = 300
_FILES = {"cert_file": "client.pem", "key_file": "client.key", "bundle_file": "bundle.pem"}
_KINDS = {"pages": _pages, "handshakes": _handshakes, "looks": _looks}


async def _paced(
    what: str, first: str, agents: int, per_second: float, seconds: float, batch: float, credentials: Path
) -> Transported:
    ask = await _KINDS[what](first, credentials)
    await ask(0)
    loop, spent, made = asyncio.get_running_loop(), _cpu(), 0
    start = loop.time()
    async with asyncio.TaskGroup() as running:
        while (elapsed := loop.time() - start) < seconds:
            due = int(elapsed * per_second)
            for number in range(made, due):
                running.create_task(ask(number % agents))
            made = due
            await asyncio.sleep(batch)
    return Transported(made, _cpu() - spent)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("what", choices=_KINDS)
    arguments.add_argument("first")
    arguments.add_argument("agents", type=int)
    arguments.add_argument("per_second", type=float)
    arguments.add_argument("seconds", type=float)
    arguments.add_argument("batch", type=float)
    arguments.add_argument("credentials", type=Path)
    given = vars(arguments.parse_args())
    sys.stdout.write(json.dumps(asdict(uvloop.run(_paced(**given)))) + "\n")
