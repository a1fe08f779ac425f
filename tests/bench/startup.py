"""How long the short calls take, from the start of the process to its end."""

import os
import statistics
import sys
import time
from pathlib import Path

from tests.bench.daemon import Workload, config_text
from tests.bench.exporter import free_port
from tests.bench.fleet import Fleet
from tests.bench.machine import MEASURED, started

_FINE = (0, 1, 3)  # healthy, something is failing, or a verdict that one look cannot give


def help_seconds(directory: Path, times: int) -> float:
    """Median of `--help`."""
    return _median(["--help"], directory, times)


def check_seconds(fleet: Fleet, directory: Path, times: int) -> float:
    """Median of `check` of one agent with all its parts."""
    config = directory / "one-agent.yaml"
    workload = Workload(agents=1, agent_metrics=30, opa=30, handshake=60)
    config.write_text(config_text(workload, fleet, free_port(), directory / "no-state"))
    return _median(["check", "--config", str(config)], directory, times)


def _median(arguments: list[str], directory: Path, times: int) -> float:
    _, *measured = [seconds(arguments, directory) for _ in range(times + 1)]
    return statistics.median(measured)


def seconds(arguments: list[str], directory: Path) -> float:
    """One call, as installed: with compiled modules, which the first call leaves in `directory`."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(directory / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = time.monotonic()
    with started([sys.executable, "-m", "watcher", *arguments], MEASURED, environment=environment) as process:
        said, _ = process.communicate(timeout=300)
        took = time.monotonic() - start
    if process.returncode not in _FINE:
        raise RuntimeError(f"{arguments[0]} ended with {process.returncode}: {said}")
    return took
