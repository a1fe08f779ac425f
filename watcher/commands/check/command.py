"""The command `check`: looks at everything now, says what holds, and keeps nothing.

1. Read the config, find the targets, and open what looks at them; a mistake ends here, with exit code 2.
2. Look at each target by all its sources, again where several looks in a row are asked (`looking`).
3. Print what holds in one of six formats, and end with the exit code that `outcome` tells.
4. With `--watch`, wait, and go on with 2: what was seen is remembered, so conditions that need history are judged.
"""

import asyncio
import logging
import os
import sys
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from probes import AnyProbe, load_probes
from probes.contract import Target, TargetKey
from watcher.commands.check.checked import Checked, name_of
from watcher.commands.check.looking import FIRST_IDENTITY, look_at_all
from watcher.commands.check.outcome import FailOn, outcome
from watcher.commands.check.progress import Progress
from watcher.commands.config_file import config_of
from watcher.config.file import ConfigError, read_document
from watcher.config.replicas import Shard
from watcher.config.settings import Settings, load_settings
from watcher.engine.board import TargetState
from watcher.engine.engine import Engine
from watcher.engine.restored import Kept
from watcher.metrics.own import OwnMetrics
from watcher.runtime.clock import boot_id, system_clock
from watcher.state.file import StateError, StateFile, read_scale
from watcher.targets import TargetSet
from watcher.text.printable import printable
from watcher.web.told import told_by

OUTPUTS = {
    "text": "text:as_records",
    "json": "json_lines:as_json",
    "jsonl": "json_lines:as_json_lines",
    "junit": "junit:as_junit",
    "sarif": "sarif:as_sarif",
    "github": "github:as_github",
}
"""The module and function of each format; only that which is asked for is imported."""

_BY_LINES = ("text", "jsonl", "github")
_NAMED = 10
_CLEAR = "\x1b[H\x1b[2J\x1b[3J"

Show = Callable[[Checked], AsyncIterator[str]]


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a check was asked for."""

    config: Path
    namespace: str | None = None
    agent: str | None = None
    probe: str | None = None
    output: str = "text"
    fail_on: FailOn | None = None
    everything: bool = False
    every: float | None = None  # seconds, with --watch
    terminal: bool = False


def command(given: Namespace) -> int:
    """`check [FILE]`."""
    every = import_module("probes.contract.units").parse_duration(given.watch) if given.watch else None
    return check(
        Options(
            config=config_of(given),
            namespace=given.namespace,
            agent=given.agent,
            probe=given.probe,
            output=given.output,
            fail_on=given.fail_on,
            everything=given.all,
            every=every,
            terminal=sys.stdout.isatty(),
        ),
        os.environ,
    )


def check(options: Options, environ: Mapping[str, str]) -> int:
    """The exit code, as `outcome` says; 2 also for a config error, and where nothing matches."""
    logging.getLogger("watcher").setLevel(logging.ERROR)  # what matters is printed, in plain words
    if options.every is not None and options.output not in _BY_LINES:
        return _refuse(f"--watch prints again and again: expected --output {', '.join(_BY_LINES)}")
    try:
        settings = replace(load_settings(options.config, environ), shard=Shard())  # somebody looks by hand: at all
    except ConfigError as error:
        print(*error.mistakes, sep="\n", file=sys.stderr)
        return 2
    probes = [each for each in load_probes() if options.probe in (None, each.name)]
    if not probes:
        return _refuse(f"no probe {options.probe!r}; expected one of {', '.join(each.name for each in load_probes())}")
    return asyncio.run(_Check(options, settings, probes).run())


class _Check:
    """One call, from discovery to the exit code."""

    def __init__(self, options: Options, settings: Settings, probes: Sequence[AnyProbe]) -> None:
        self._options, self._settings, self._probes = options, settings, probes
        self._clock = system_clock(boot_id(), read_scale(settings.state_dir))
        self._targets = TargetSet(settings, OwnMetrics([], []), self._clock)
        self._lines = _lines(options.config) if options.output in ("sarif", "github") else {}

    async def run(self) -> int:
        async with Progress("agentweave-watcher check") as progress:
            engine = Engine(self._settings, self._probes, self._clock, once=True)
            try:
                progress.step("finding agents")
                await self._targets.start()
                if self._targets.failure:
                    print(f"discovery: {printable(self._targets.failure)}", file=sys.stderr)
                if not await self._chosen():
                    return _refuse(f"{self._options.config}: {_no_target(self._options)}")
                progress.step("waiting for the watcher's own identity")
                await self._identify(engine)
                return await self._looked_at(engine, progress)
            finally:
                await self._targets.stop()
                await engine.close()

    async def _chosen(self) -> Sequence[Target]:
        wanted = self._options
        return [
            each
            for each in await self._targets.targets()
            if wanted.namespace in (None, each.key.namespace) and wanted.agent in (None, each.key.agent)
        ]

    async def _identify(self, engine: Engine) -> None:
        await engine.identity.start()
        await engine.identity.wait_first(FIRST_IDENTITY)
        if self._settings.identity is not None and engine.identity.trouble:
            print(f"no identity: {engine.identity.trouble}", file=sys.stderr)

    async def _looked_at(self, engine: Engine, progress: Progress) -> int:
        restored = _restored(self._settings, self._probes)
        while True:
            await engine.replace_targets(await self._chosen(), restored)
            states = list(engine.board.states.values())
            await look_at_all(engine, states, progress)
            progress.step("printing")
            checked = self._checked(engine, states)
            await self._print(checked, progress)
            _name_unjudged(checked)
            if self._options.every is None:
                return checked.outcome.code
            progress.step(f"waiting, --watch {self._options.every:g} s")
            try:
                await asyncio.sleep(self._options.every)
            except asyncio.CancelledError:  # Ctrl-C
                return checked.outcome.code

    def _checked(self, engine: Engine, states: Sequence[TargetState]) -> Checked:
        verdicts = (each.verdict for state in states for each in engine.board.conditions(state))
        found = outcome(verdicts, self._options.fail_on, incomplete=bool(self._targets.failure))
        now, fail_on = self._clock.steady(), self._options.fail_on
        told = told_by(engine)
        return Checked(self._options.config, engine.board, told, states, now, fail_on, found, self._lines)

    async def _print(self, checked: Checked, progress: Progress) -> None:
        with progress.hidden():
            if self._options.every is not None and self._options.terminal and self._options.output == "text":
                print(end=_CLEAR)
            async for piece in _show(self._options)(checked):
                print(piece, end="")
            sys.stdout.flush()


def _show(options: Options) -> Show:
    where = OUTPUTS[options.output]
    if options.output == "text" and options.terminal:
        where = "text:all_for_terminal" if options.everything else "text:for_terminal"
    module, name = where.split(":")
    found: Show = getattr(import_module(f"watcher.commands.check.{module}"), name)
    return found


def _lines(config: Path) -> Mapping[TargetKey, int]:
    """Where each listed target stands in the file; the environment may list others, which stand nowhere."""
    document = read_document(config)
    discovery = document.data.get("discovery")
    listed = discovery.get("static") if isinstance(discovery, dict) else None
    found = dict[TargetKey, int]()
    for index, target in enumerate(listed or ()):
        key = TargetKey(target["namespace"], target["agent"], target.get("pod") or target["agent"])
        found[key] = document.find(("discovery", "static", index))[0]
    return found


def _name_unjudged(checked: Checked) -> None:
    """Targets to which no condition applies are in no record: an empty answer must not look like a good one."""
    empty = [state.target.key for state in checked.states if not checked.board.conditions(state)]
    for key in empty[:_NAMED]:
        print(f"{printable(name_of(key))}: nothing was judged, for no condition applies to it", file=sys.stderr)
    if len(empty) > _NAMED:
        print(f"and {len(empty) - _NAMED:,} targets more to which no condition applies", file=sys.stderr)
    if checked.outcome.code == 2 and not empty:
        print("nothing was judged: all conditions need more history than one check has", file=sys.stderr)


def _no_target(options: Options) -> str:
    chosen = {"namespace": options.namespace, "agent": options.agent}
    words = " and ".join(f"{name} {value!r}" for name, value in chosen.items() if value is not None)
    return f"no target matches {words}" if words else "no targets are configured"


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


def _refuse(why: str) -> int:
    print(printable(why), file=sys.stderr)
    return 2
