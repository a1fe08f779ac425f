"""`python -m tests.hostile.worst_turn`: the longest turn of the loop of 100 hostile targets, beside healthy ones."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from probes import load_probes
from tests.hostile.farm import HOSTILE_METRICS, STATUSES, farm
from tests.repository import ROOT
from watcher.config.settings import load_settings
from watcher.engine.board import TargetState
from watcher.engine.engine import Engine
from watcher.runtime.clock import system_clock
from watcher.runtime.gc_tuning import GCTuning

HOSTILE, HEALTHY, AT_ONCE = 100, 50, 20


@dataclass(frozen=True, slots=True)
class Turns:
    """What was measured."""

    worst: float  # seconds of CPU of the longest turn
    late: float  # seconds by which the latest look at a healthy agent began too late, at worst
    wrong: int  # verdicts of healthy agents that are true, or unknown for another reason than too short a watch
    costly: str  # source and agent that cost most, by the watcher's own account
    slowed: int  # targets that are asked less often
    rss: float  # bytes


def measured(rounds: int = 3) -> Turns:
    """Measure in a process of its own, as a daemon is one."""
    command = [sys.executable, "-m", "tests.hostile.worst_turn", str(rounds)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=200)
    return Turns(**json.loads(told.stdout))


def targets(port: int, tls: int) -> list[dict[str, Any]]:
    """The hostile ones, each attack several times, then the healthy, then TLS ports that are looked at at once."""
    names = (*HOSTILE_METRICS, *STATUSES)
    hostile = [_target("hostile", names[number % len(names)], number, port) for number in range(HOSTILE)]
    healthy = [_target("good", "healthy", number, port) for number in range(HEALTHY)]
    slow = {"namespace": "hostile", "agent": "slow-tls", "address": f"127.0.0.1:{tls}"}
    return [*hostile, *healthy, *({**slow, "pod": f"tls-{number}"} for number in range(AT_ONCE))]


def _target(namespace: str, name: str, number: int, port: int) -> dict[str, Any]:
    limits = {"memory_limit": "512Mi", "cpu_limit": 2.0, "pool_capacity": 100}
    url = f"http://127.0.0.1:{port}/{name}/{number}"
    endpoint = {"opa": url} if name in STATUSES else {"metrics": url, **limits}
    return {"namespace": namespace, "agent": name, "pod": f"{name}-{number}", **endpoint}


class Watchman:
    """Measures each turn of the loop: asked at every one, so that the loop never sleeps."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._last = time.thread_time()
        self._ended = False

    def turn(self) -> None:
        """The CPU since the last turn."""
        now = time.thread_time()
        self.worst, self._last = max(self.worst, now - self._last), now
        if not self._ended:
            asyncio.get_running_loop().call_soon(self.turn)

    def end(self) -> None:
        """Measure no more."""
        self._ended = True


async def measure(ports: tuple[int, int], directory: Path, rounds: int) -> Turns:
    """Look at all of them, so many times."""
    config = directory / "watcher.yaml"
    config.write_text(yaml.safe_dump({"discovery": {"static": targets(*ports)}}))
    settings = load_settings(config, {})
    engine = Engine(settings, load_probes(), system_clock())
    await engine.replace_targets(settings.targets, {})
    tuning = GCTuning(asyncio.get_running_loop())
    states = list(engine.board.states.values())
    healthy = states[HOSTILE : HOSTILE + HEALTHY]
    await asyncio.gather(*[_look(engine, state) for state in healthy])  # what is made once is made
    tuning.freeze()
    watchman = Watchman()
    watchman.turn()
    late = [await _round(engine, states) for _ in range(rounds)]
    watchman.end()
    worst = engine.costs.worst(1)
    slowed = sum(look.reading.asked_in > 1 for state in states for look in state.looks.values())
    costly = f"{worst[0].source} {worst[0].target.agent}" if worst else ""
    await engine.close()
    return Turns(watchman.worst, max(late), _wrong(engine, healthy), costly, slowed, _rss())


async def _round(engine: Engine, states: Sequence[TargetState]) -> float:
    """Ten hostile ones a second, three times what intervals of 30 s bring, and the healthy ones beside them."""
    at_once = [asyncio.create_task(_look(engine, state)) for state in states[-AT_ONCE:]]
    hostile: list[asyncio.Task[None]] = []
    loop, late, place = asyncio.get_running_loop(), 0.0, 0
    while place < HEALTHY or len(hostile) < HOSTILE or not all(task.done() for task in hostile):
        if place % 2 == 0 and len(hostile) < HOSTILE:
            hostile.append(asyncio.create_task(_look(engine, states[len(hostile)])))
        due = loop.time() + 0.05
        await asyncio.sleep(0.05)
        late = max(late, loop.time() - due)
        await _look(engine, states[HOSTILE + place % HEALTHY])
        place += 1
    await asyncio.gather(*hostile, *at_once)
    return late


async def _look(engine: Engine, state: TargetState) -> None:
    for kind in engine.kinds:
        if engine.looked_at(kind.name, state):
            await engine.lookers[kind.name].look(state)


def _wrong(engine: Engine, states: Sequence[TargetState]) -> int:
    found = [each.verdict for state in states for each in engine.board.conditions(state)]
    return sum(each.status == "true" or each.reason not in ("", "WarmingUp", "SignalAbsent") for each in found)


def _rss() -> float:
    status = Path("/proc/self/status").read_text()
    return 1024.0 * int(status.partition("VmHWM:")[2].split()[0])


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with farm() as ports, TemporaryDirectory() as directory:
        sys.stdout.write(json.dumps(asdict(asyncio.run(measure(ports, Path(directory), rounds)))))


if __name__ == "__main__":
    main()
