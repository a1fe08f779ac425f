"""The command `check`: looks at everything now, says what holds, and keeps nothing."""

import asyncio
import logging
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from probes import AnyProbe, load_probes
from probes.contract import Target, TargetKey, Unknown
from probes.contract.condition import Status
from watcher.commands.check_table import print_table, progress
from watcher.config.file import ConfigError
from watcher.config.replicas import Shard
from watcher.config.settings import Settings, load_settings
from watcher.engine.board import TargetState
from watcher.engine.engine import Engine
from watcher.engine.restored import Kept
from watcher.metrics.own import OwnMetrics
from watcher.runtime.clock import Clock, boot_id, system_clock
from watcher.state.file import StateError, StateFile, read_scale
from watcher.targets import TargetSet
from watcher.web.target_json import listing

ROUNDS = 3
"""Looks at most, where several in a row are asked."""

BETWEEN = 1.0
"""Seconds between two looks at the same target."""

FIRST_IDENTITY = 3.0
"""Seconds that a start waits for an identity."""


def command(given: Namespace) -> int:
    """`check --config FILE`."""
    return check(given.config, os.environ, given.namespace, given.agent, given.probe, given.output)


def check(
    config: Path,
    environ: Mapping[str, str],
    namespace: str | None,
    agent: str | None,
    probe: str | None,
    output: Literal["text", "json"],
) -> int:
    """Exit code 0: all false; 1: a condition is true; 2: config error, nothing matches.

    3: none true, and one unknown or not all agents known, for the discovery failed.
    """
    logging.getLogger("watcher").setLevel(logging.ERROR)  # what matters is printed, in plain words
    try:
        settings = replace(load_settings(config, environ), shard=Shard())  # somebody looks by hand: at all
    except ConfigError as error:
        print(*error.mistakes, sep="\n", file=sys.stderr)
        return 2
    clock = system_clock(boot_id(), read_scale(settings.state_dir))
    probes = [each for each in load_probes() if probe in (None, each.name)]
    every, failure = _all(settings, clock)
    targets = [each for each in every if namespace in (None, each.key.namespace) and agent in (None, each.key.agent)]
    if not probes or not targets:
        print(f"{config}: {_nothing(probes, probe, namespace, agent)}", file=sys.stderr)
        return 2
    code = asyncio.run(_check(settings, clock, probes, targets, output))
    return 3 if failure and code == 0 else code


def _all(settings: Settings, clock: Clock) -> tuple[Sequence[Target], str]:
    return (settings.targets, "") if settings.kubernetes is None else asyncio.run(_discovered(settings, clock))


async def _discovered(settings: Settings, clock: Clock) -> tuple[Sequence[Target], str]:
    """Listed once, beside those of the file; and why some may be missing."""
    target_set = TargetSet(settings, OwnMetrics([], []), clock)
    try:
        await target_set.start()
        if target_set.failure:
            print(f"discovery: {target_set.failure}", file=sys.stderr)
        return target_set.targets(), target_set.failure
    finally:
        await target_set.stop()


def _nothing(probes: Sequence[AnyProbe], probe: str | None, namespace: str | None, agent: str | None) -> str:
    if not probes:
        return f"no probe {probe!r}; expected one of {', '.join(each.name for each in load_probes())}"
    chosen = {"namespace": namespace, "agent": agent}
    words = " and ".join(f"{name} {value!r}" for name, value in chosen.items() if value is not None)
    return f"no target matches {words}" if words else "no targets are configured"


async def _check(
    settings: Settings, clock: Clock, probes: Sequence[AnyProbe], targets: Sequence[Target], output: str
) -> int:
    engine = Engine(settings, probes, clock, once=True)
    try:
        await engine.identity.start()
        await engine.identity.wait_first(FIRST_IDENTITY)
        if settings.identity is not None and engine.identity.trouble:
            print(f"no identity: {engine.identity.trouble}", file=sys.stderr)
        states = await engine.replace_targets(targets, _restored(settings, probes))
        await look_at_all(engine, states)
    finally:
        await engine.close()
    if output == "json":
        async for piece in listing(engine.board, states, clock.steady(), evidence=len(states) == 1):
            print(piece, end="")
    else:
        print_table(engine.board, states)
    return _exit_code(engine, states)


def _restored(settings: Settings, probes: Sequence[AnyProbe]) -> Mapping[TargetKey, Kept]:
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


async def look_at_all(engine: Engine, states: Sequence[TargetState]) -> None:
    """Look at each target by all its sources, again where several looks in a row are asked."""
    with progress(sum(engine.looked_at(kind.name, state) for kind in engine.kinds for state in states)) as done:
        for round_ in range(ROUNDS):
            looks = [
                _limited(asyncio.Semaphore(kind.concurrency), engine, kind.name, states, done, again=round_ > 0)
                for kind in engine.kinds
            ]
            if not any(await asyncio.gather(*looks)):
                return
            if round_ < ROUNDS - 1:
                await asyncio.sleep(BETWEEN)


async def _limited(
    free: asyncio.Semaphore,
    engine: Engine,
    source: str,
    states: Sequence[TargetState],
    done: Callable[[], None],
    *,
    again: bool,
) -> bool:
    """Look at each target that needs it; whether any is still undecided."""

    async def one(state: TargetState) -> None:
        async with free:
            await engine.lookers[source].look(state)
        done()

    due = [state for state in states if _undecided(engine, source, state)] if again else states
    await asyncio.gather(*(one(state) for state in due if engine.looked_at(source, state)))
    return any(_undecided(engine, source, state) for state in states)


def _undecided(engine: Engine, source: str, state: TargetState) -> bool:
    results = zip(engine.board.probes, state.results, strict=True)
    return any(result is not None and result.undecided for probe, result in results if probe.source == source)


def _exit_code(engine: Engine, states: Sequence[TargetState]) -> int:
    verdicts = [each.verdict for state in states for each in engine.board.conditions(state)]
    if any(each.status is Status.TRUE for each in verdicts):
        return 1
    return 3 if any(e.status is Status.UNKNOWN and e.reason != Unknown.WARMING_UP for e in verdicts) else 0
