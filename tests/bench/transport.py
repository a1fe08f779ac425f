"""The HTTP transport alone: GETs of whole metrics pages at a steady pace, nothing parsed, judged or recorded.

Run as a process of its own. It prints the requests made and their CPU seconds as a JSON line.
"""

import argparse
import asyncio
import json
import resource
import sys
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address

import uvloop

from probes.sources._oneshot import Conversation, locate
from tests.bench.exporter import BATCH
from tests.bench.fleet import Fleet
from tests.bench.machine import MEASURED, started

_PERIOD = float(BATCH.removesuffix("ms")) / 1000


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


def transport(fleet: Fleet, per_second: float, seconds: float) -> Transported:
    """Let a process on the measured core make these requests."""
    command = [sys.executable, "-m", "tests.bench.transport", fleet.at(0, "metrics"), str(fleet.agents)]
    with started([*command, str(per_second), str(seconds)], MEASURED) as process:
        told, _ = process.communicate(timeout=seconds + 60)
    return Transported(**json.loads(told))


async def _get(url: str) -> None:
    origin, path = locate(url)
    async with Conversation(origin, timeout=5, max_bytes=8 << 20) as conversation:
        answer = await conversation.ask(b"GET", path)
    if answer.status != 200:
        raise RuntimeError(f"{url} answered {answer.status}")


async def _paced(first: str, agents: int, per_second: float, seconds: float) -> Transported:
    host, _, port = first.partition(":")
    urls = [f"http://{IPv4Address(host) + agent}:{port}/metrics" for agent in range(agents)]
    await _get(urls[0])
    loop, spent, made = asyncio.get_running_loop(), _cpu(), 0
    start = loop.time()
    async with asyncio.TaskGroup() as running:
        while (elapsed := loop.time() - start) < seconds:
            due = int(elapsed * per_second)
            for number in range(made, due):
                running.create_task(_get(urls[number % agents]))
            made = due
            await asyncio.sleep(_PERIOD)
    return Transported(made, _cpu() - spent)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("first")
    arguments.add_argument("agents", type=int)
    arguments.add_argument("per_second", type=float)
    arguments.add_argument("seconds", type=float)
    given = vars(arguments.parse_args())
    sys.stdout.write(json.dumps(asdict(uvloop.run(_paced(**given)))) + "\n")
