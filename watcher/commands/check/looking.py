"""All sources look at all targets, again where several looks in a row are asked."""

import asyncio
from collections.abc import Sequence

from watcher.commands.check.progress import Progress
from watcher.engine.board import TargetState
from watcher.engine.engine import Engine

ROUNDS = 3
"""Looks at most, where several in a row are asked."""

BETWEEN = 1.0
"""Seconds between two looks at the same target."""

FIRST_IDENTITY = 3.0
"""Seconds that a start waits for an identity."""


async def look_at_all(engine: Engine, states: Sequence[TargetState], progress: Progress) -> None:
    """Look at each target by all its sources, again where several looks in a row are asked."""
    for round_ in range(ROUNDS):
        due = {kind.name: _due(engine, kind.name, states, again=round_ > 0) for kind in engine.kinds}
        progress.step(f"probing, attempt {round_ + 1} of {ROUNDS}", sum(map(len, due.values())))
        looks = [
            _limited(asyncio.Semaphore(kind.concurrency), engine, kind.name, due, progress) for kind in engine.kinds
        ]
        await asyncio.gather(*looks)
        if not any(_undecided(engine, kind.name, state) for kind in engine.kinds for state in states):
            return
        if round_ < ROUNDS - 1:
            await asyncio.sleep(BETWEEN)


def _due(engine: Engine, source: str, states: Sequence[TargetState], *, again: bool) -> list[TargetState]:
    return [
        state
        for state in states
        if engine.looked_at(source, state) and (not again or _undecided(engine, source, state))
    ]


async def _limited(
    free: asyncio.Semaphore, engine: Engine, source: str, due: dict[str, list[TargetState]], progress: Progress
) -> None:
    async def one(state: TargetState) -> None:
        async with free:
            await engine.lookers[source].look(state)
        progress.done()

    await asyncio.gather(*(one(state) for state in due[source]))


def _undecided(engine: Engine, source: str, state: TargetState) -> bool:
    results = zip(engine.board.probes, state.results, strict=True)
    return any(result is not None and result.undecided for probe, result in results if probe.source == source)
