"""`python -m tests.hostile.large_pages NAME`: bytes of memory that a hundred looks at such pages at once take."""

import asyncio
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from probes import load_probes
from tests.hostile.farm import farm
from tests.repository import ROOT
from watcher.config.settings import load_settings
from watcher.engine.engine import Engine
from watcher.runtime.clock import system_clock
from watcher.runtime.gc_tuning import GCTuning

AGENTS = 100
_PEAK = "VmHWM:"


def growth(name: str) -> float:
    """Measured in a process of its own, whose peak has not been reached by another."""
    command = [sys.executable, "-m", "tests.hostile.large_pages", name]
    return float(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300).stdout)


def _target(name: str, number: int, port: int) -> dict[str, Any]:
    url = f"http://127.0.0.1:{port}/{name}/{number}"
    return {"namespace": "evil", "agent": f"{name}-{number}", "metrics": url, "memory_limit": "512Mi"}


async def measure(name: str, port: int, directory: Path) -> float:
    """The growth of the peak of this process while all are looked at, after one healthy agent."""
    config = directory / "watcher.yaml"
    targets = [_target("healthy", 0, port), *(_target(name, number, port) for number in range(AGENTS))]
    pace = {"agent_metrics": {"timeout": "20s"}}
    config.write_text(yaml.safe_dump({"discovery": {"static": targets}, "sources": pace}))
    settings = load_settings(config, {})
    engine = Engine(settings, load_probes(), system_clock())
    await engine.replace_targets(settings.targets, {})
    GCTuning(asyncio.get_running_loop())
    first, *others = engine.board.states.values()
    await engine.lookers["agent_metrics"].look(first)
    before = _peak()
    await asyncio.gather(*[engine.lookers["agent_metrics"].look(each) for each in others])
    after = _peak()
    await engine.close()
    return after - before


def _peak() -> float:
    status = Path("/proc/self/status").read_text()
    return 1024.0 * int(status.partition(_PEAK)[2].split()[0])


if __name__ == "__main__":
    with farm() as (served_at, _), TemporaryDirectory() as home:
        sys.stdout.write(str(asyncio.run(measure(sys.argv[1], served_at, Path(home)))))
