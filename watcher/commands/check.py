"""The command `check`: looks at everything now, says what holds, and keeps nothing."""

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from probes import AnyProbe, load_probes
from probes.contract import Status, Target, TargetKey, Unknown
from watcher.commands.check_table import print_table, progress
from watcher.config.file import ConfigError
from watcher.config.settings import Settings, load_settings
from watcher.config.shard import Shard
from watcher.engine.board import Carried, Row
from watcher.engine.engine import Watch
from watcher.metrics.own import Vitals
from watcher.state.file import StateError, StateFile
from watcher.targets import Roster
from watcher.web.target_json import listing

ROUNDS = 3
"""Looks at most, where several in a row are asked."""

BETWEEN = 1.0
"""Seconds between two looks at the same target."""

_FIRST_IDENTITY = 3.0


def check(
    config: Path,
    environ: Mapping[str, str],
    namespace: str | None,
    agent: str | None,
    probe: str | None,
    output: Literal["text", "json"],
) -> int:
    """Exit code 0: all false; 1: a condition is true; 3: none true, one unknown; 2: config error, nothing matches."""
    logging.getLogger("watcher").setLevel(logging.ERROR)  # what matters is printed, in plain words
    try:
        settings = replace(load_settings(config, environ), shard=Shard())  # somebody looks by hand: at all
    except ConfigError as error:
        print(*error.mistakes, sep="\n", file=sys.stderr)
        return 2
    probes = [each for each in load_probes() if probe in (None, each.name)]
    targets = [
        each for each in _all(settings) if namespace in (None, each.key.namespace) and agent in (None, each.key.agent)
    ]
    if not probes or not targets:
        print(f"{config}: {_nothing(probes, probe, namespace, agent)}", file=sys.stderr)
        return 2
    return asyncio.run(_check(settings, probes, targets, output))


def _all(settings: Settings) -> Sequence[Target]:
    return settings.targets if settings.kubernetes is None else asyncio.run(_discovered(settings))


async def _discovered(settings: Settings) -> Sequence[Target]:
    """Listed once, beside those of the file."""
    roster = Roster(settings, Vitals([], []))
    try:
        await roster.start()
        if roster.failure:
            print(f"discovery: {roster.failure}", file=sys.stderr)
        return roster.targets()
    finally:
        await roster.stop()


def _nothing(probes: Sequence[AnyProbe], probe: str | None, namespace: str | None, agent: str | None) -> str:
    if not probes:
        return f"no probe {probe!r}; expected one of {', '.join(each.name for each in load_probes())}"
    chosen = {"namespace": namespace, "agent": agent}
    words = " and ".join(f"{name} {value!r}" for name, value in chosen.items() if value is not None)
    return f"no target matches {words}" if words else "no targets are configured"


async def _check(settings: Settings, probes: Sequence[AnyProbe], targets: Sequence[Target], output: str) -> int:
    watch = Watch(settings, probes, time.time, once=True)
    try:
        await watch.identity.start()
        await watch.identity.wait_first(_FIRST_IDENTITY)
        if settings.identity is not None and watch.identity.trouble:
            print(f"no identity: {watch.identity.trouble}", file=sys.stderr)
        rows = await watch.replace_targets(targets, _restored(settings, probes))
        await _look(watch, rows)
    finally:
        await watch.close()
    if output == "json":
        async for piece in listing(watch.board, rows, time.time(), evidence=len(rows) == 1):
            print(piece, end="")
    else:
        print_table(watch.board, rows)
    return _exit_code(watch, rows)


def _restored(settings: Settings, probes: Sequence[AnyProbe]) -> Mapping[TargetKey, Carried]:
    if settings.state_dir is None:
        return {}
    try:
        restored = StateFile(settings.state_dir, probes).read()
    except StateError as error:
        print(f"state: {error}", file=sys.stderr)
        return {}
    if restored.why:
        print(f"state: {restored.lost} targets cannot be read: {restored.why}", file=sys.stderr)
    return restored.targets


async def _look(watch: Watch, rows: Sequence[Row]) -> None:
    with progress(sum(watch.looked_at(kind.name, row) for kind in watch.kinds for row in rows)) as done:
        for round_ in range(ROUNDS):
            looks = [
                _limited(asyncio.Semaphore(kind.concurrency), watch, kind.name, rows, done, again=round_ > 0)
                for kind in watch.kinds
            ]
            if not any(await asyncio.gather(*looks)):
                return
            if round_ < ROUNDS - 1:
                await asyncio.sleep(BETWEEN)


async def _limited(
    free: asyncio.Semaphore, watch: Watch, source: str, rows: Sequence[Row], done: Callable[[], None], *, again: bool
) -> bool:
    """Look at each row that needs it; whether any is still undecided."""

    async def one(row: Row) -> None:
        async with free:
            await watch.lookers[source].look(row)
        done()

    due = [row for row in rows if _undecided(watch, source, row)] if again else rows
    await asyncio.gather(*(one(row) for row in due if watch.looked_at(source, row)))
    return any(_undecided(watch, source, row) for row in rows)


def _undecided(watch: Watch, source: str, row: Row) -> bool:
    sheets = zip(watch.board.probes, row.sheets, strict=True)
    return any(sheet is not None and sheet.undecided for probe, sheet in sheets if probe.source == source)


def _exit_code(watch: Watch, rows: Sequence[Row]) -> int:
    verdicts = [each.verdict for row in rows for each in watch.board.conditions(row)]
    if any(each.status is Status.TRUE for each in verdicts):
        return 1
    return 3 if any(e.status is Status.UNKNOWN and e.reason != Unknown.WARMING_UP for e in verdicts) else 0
