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
    """Requests made, their CPU seconds, and bytes of the last body."""

    requests: int
    cpu: float
    body: int


def transport(fleet: Fleet, per_second: float, seconds: float) -> Transported:
    """Let a process on the measured core make these requests."""
    command = [sys.executable, "-m", "tests.bench.transport", fleet.at(0, "metrics"), str(fleet.agents)]
    with started([*command, str(per_second), str(seconds)], MEASURED) as process:
        told, _ = process.communicate(timeout=seconds + 60)
    return Transported(**json.loads(told))


async def _get(url: str) -> int:
    origin, path = locate(url)
    async with Conversation(origin, timeout=5, max_bytes=8 << 20) as conversation:
        answer = await conversation.ask(b"GET", path)
    if answer.status != 200:
        raise RuntimeError(f"{url} answered {answer.status}")
    return len(answer.body)


async def _paced(first: str, agents: int, per_second: float, seconds: float) -> Transported:
    host, _, port = first.partition(":")
    urls = [f"http://{IPv4Address(host) + agent}:{port}/metrics" for agent in range(agents)]
    loop = asyncio.get_running_loop()
    await _get(urls[0])
    start, spent, made, body = loop.time(), _cpu(), 0, 0
    async with asyncio.TaskGroup() as running:
        while (now := loop.time() - start) < seconds:
            for made in range(made, int(now * per_second)):
                body_of = running.create_task(_get(urls[made % agents]))
            made = int(now * per_second)
            await asyncio.sleep(_PERIOD)
    return Transported(made, _cpu() - spent, await body_of)


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
