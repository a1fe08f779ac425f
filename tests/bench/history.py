"""What the past costs: ten thousand changes kept in a database, by a process that does nothing else.

`python -m tests.bench.history DIR` prints the figures as JSON.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench.machine import memory
from watcher.changes.change import Change, Kind
from watcher.changes.store import ChangeStore
from watcher.config.changes import ChangesSettings
from watcher.metrics.own import OwnMetrics
from watcher.runtime.gc_tuning import GCTuning

CHANGES, TOGETHER = 10_000, 1_000
"""So many in all, and so many at once, as when a tenth of a fleet of 10,000 turns."""


@dataclass(frozen=True, slots=True)
class History:
    """Figures of one process."""

    cpu_each: float  # seconds of all threads, for one change
    grown: int  # bytes of memory, from an empty database to the end
    stall: float  # seconds: the worst that the loop was held up by this process, which had the CPU for as long
    late: float  # seconds: the same by the clock, with what else the machine did meanwhile


def history(directory: Path) -> History:
    """Measured in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.history", str(directory)]
    told = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return History(**json.loads(told.stdout))


async def _measured(directory: Path) -> History:
    store = ChangeStore(ChangesSettings(), directory, OwnMetrics([], []), time.time)
    await store.beat()
    GCTuning(asyncio.get_running_loop()).freeze()  # as the daemon does
    before, cpu, stall, late = memory(os.getpid(), "VmRSS"), time.process_time(), 0.0, 0.0
    for start in range(0, CHANGES, TOGETHER):
        adding = asyncio.create_task(store.add([_change(start + each) for each in range(TOGETHER)]))
        while not adding.done():
            asked, spent = time.monotonic(), time.process_time()
            await asyncio.sleep(0.001)
            waited = time.monotonic() - asked - 0.001
            late, stall = max(late, waited), max(stall, min(waited, time.process_time() - spent))
    found = History((time.process_time() - cpu) / CHANGES, memory(os.getpid(), "VmRSS") - before, stall, late)
    await store.close()
    return found


def _change(number: int) -> Change:
    said = "MemoryHigh", "", "false", "true", "MemoryHigh", "One process of the agent holds 490 MiB of 512 MiB."
    return Change(time.time(), "prod", f"agent-{number}", f"agent-{number}-0", Kind.CONDITION, *said, 3600.0)


if __name__ == "__main__":
    json.dump(asdict(asyncio.run(_measured(Path(sys.argv[1])))), sys.stdout)
