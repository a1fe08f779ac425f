"""`python -m tests.drift.table`: the figures of docs/memory-drift.md, as Markdown."""

import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.drift.shapes import LEAK_FREE, LEAKS, UNDER_A_LEAK, Shape, leak, together
from tests.drift.simulation import Told, play

SERIES = 200
WEEK, FORTNIGHT, FOUND_WITHIN = 168.0, 336.0, 30.0
ROOMY = 4.0
"""A memory limit that no leak-free shape comes near, in sizes at the start."""


def leak_free(name: str, number: int) -> Told:
    """One series of a shape without a leak."""
    hours = FORTNIGHT if name.startswith("weekdays") else WEEK
    return play(LEAK_FREE[name], f"{name}/{number}", hours, ROOMY)


def leaking(name: str, percent: int, limit: float, number: int) -> Told:
    """One series of a leak under a shape."""
    shape: Shape = together(UNDER_A_LEAK[name], leak(percent))
    return play(shape, f"leak {percent} {name}/{number}", 31.0, limit)


def share(found: list[bool]) -> str:
    """Of a hundred."""
    return f"{100 * sum(found) / len(found):.1f} %"


def main() -> None:
    """Print both tables."""
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        print(f"| without a leak, {SERIES} series each | false MemoryDrift | false MemoryExhaustionPredicted |")
        print("|---|---|---|")
        for name in LEAK_FREE:
            told = list(pool.map(partial(leak_free, name), range(SERIES), chunksize=10))
            drift, soon = [each.drift is not None for each in told], [each.exhaustion is not None for each in told]
            print(f"| {name} | {share(drift)} | {share(soon)} |", flush=True)
        print("\n| leak, % an hour | under | MemoryDrift within 30 h | at limit 2x: predicted before half is used |")
        print("|---|---|---|---|")
        for percent in LEAKS:
            for name in UNDER_A_LEAK:
                told = list(pool.map(partial(leaking, name, percent, 100.0), range(SERIES), chunksize=10))
                found = [each.drift is not None and each.drift <= FOUND_WITHIN for each in told]
                dying = list(pool.map(partial(leaking, name, percent, 2.0), range(SERIES), chunksize=10))
                in_time = [told_in_time(each, percent) for each in dying]
                print(f"| {percent} | {name} | {share(found)} | {share(in_time)} |", flush=True)


def told_in_time(told: Told, percent: int) -> bool:
    """Whether the exhaustion at twice the size was foretold before the leak had used half of the way."""
    return told.exhaustion is not None and told.exhaustion < 50 / percent


if __name__ == "__main__":
    main()
