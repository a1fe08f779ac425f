"""A day of changes as a daemon leaves it: each target in trouble turned some times."""

import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.daemon import Workload, key_of
from watcher.changes.change import Change, Kind
from watcher.changes.database import FILE_NAME, ChangeDatabase

FAILING_SHARE, TURNS = 10, 10
"""One agent of so many was in trouble, and turned so often in this day."""

_DAY = 86400.0


def day_of_changes(state_dir: Path, workload: Workload) -> None:
    """Write the database of this fleet."""
    database = ChangeDatabase(state_dir / FILE_NAME, 64 << 20)
    database.insert(sorted(_changes(workload.agents, time.time())))
    database.beat(time.time() - _DAY)
    database.close()


def _changes(agents: int, now: float) -> Iterator[Change]:
    for agent in range(0, agents, FAILING_SHARE):
        for turn in range(TURNS):
            lasted = _DAY / TURNS
            statuses = ("false", "true") if turn % 2 == 0 else ("true", "false")
            said = "MemoryHigh", "", *statuses, "MemoryHigh", "One process of the agent holds 490 MiB of 512 MiB."
            yield Change(now - (TURNS - turn) * lasted + agent % 60, *key_of(agent), Kind.CONDITION, *said, lasted)
