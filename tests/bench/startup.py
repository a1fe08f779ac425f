"""How long the short calls take, from the start of the process to its end."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.bench.daemon import Workload, config_text
from tests.bench.exporter import free_port
from tests.bench.fleet import Fleet
from tests.bench.machine import MEASURED, ROOT

_FINE = (0, 3)  # healthy, or a verdict that one look cannot give


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
    # As installed: with compiled modules, which the first call leaves.
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(directory / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    own = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {MEASURED})
    try:
        _, *seconds = [_seconds(arguments, environment) for _ in range(times + 1)]
        return statistics.median(seconds)
    finally:
        os.sched_setaffinity(0, own)


def _seconds(arguments: list[str], environment: dict[str, str]) -> float:
    command, start = [sys.executable, "-m", "watcher", *arguments], time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=60, check=False)
    if done.returncode not in _FINE:
        raise RuntimeError(f"{arguments[0]} ended with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return time.monotonic() - start
