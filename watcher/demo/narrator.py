"""Plays the script, and says on the terminal what is made to happen and what the watcher says of it."""

import asyncio
import time
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape

from probes.contract import Unknown, Verdict
from probes.contract.condition import Status
from watcher.demo.fleet import DemoFleet
from watcher.demo.scenario import ROUND, SCRIPT, InjectedFault
from watcher.engine.board import Board
from watcher.rollouts.reports.words import PHASES, version_of
from watcher.rollouts.terms import Phase
from watcher.rollouts.view import RolloutsView
from watcher.web.target_json import sentence

_POLL = 0.25

Trouble = tuple[str, str, str]
"""Agent, condition or reason of an unknown, subject."""


class Narrator:
    """One showing of the demo."""

    def __init__(self, fleet: DemoFleet, board: Board, console: Console, slower: float) -> None:
        """Let everything last `slower` times as long as the script says."""
        self._fleet, self._board, self._console = fleet, board, console
        self._slower = slower
        self._began = time.monotonic()
        self._started: dict[InjectedFault, float] = {}
        self._first_detected: dict[tuple[InjectedFault, str], float] = {}

    async def faults(self) -> None:
        """The script, again and again."""
        script: tuple[InjectedFault, ...] = SCRIPT
        while True:
            began = time.monotonic()
            await asyncio.gather(*(self._play(fault) for fault in script))
            script = tuple(each for each in SCRIPT if not each.once)
            await asyncio.sleep(max(0.0, began + ROUND * self._slower - time.monotonic()))

    async def verdicts(self) -> None:
        """Whatever becomes true, and when it is resolved or becomes unknown."""
        seen: dict[Trouble, str] = {}
        while True:
            now, unknown = dict(self._troubles()), dict(self._unknown())
            for trouble in now.keys() - seen.keys():
                self._say("[bold red]watcher[/] ", trouble, now[trouble])
                self._record(trouble)
            for trouble in seen.keys() - now.keys():
                self._say("[green]watcher[/] ", trouble, unknown.get(trouble, "resolved"))
            seen = now
            await asyncio.sleep(_POLL)

    async def rollouts(self, view: RolloutsView | None) -> None:
        """How far each rollout is, whenever that changes."""
        seen: dict[str, tuple[float, Phase]] = {}
        while True:
            for each in view.listed() if view is not None else ():
                now = (each.began_at, each.phase)
                if seen.get(each.agent) != now:
                    seen[each.agent] = now
                    why = "; ".join(f"{line.name}: {line.message}" for line in each.failed)
                    said = f"rollout of {version_of(each)[0]}: [bold]{PHASES[each.phase]}[/]"
                    self._line("[bold magenta]watcher[/] ", each.agent, f"{said} {escape(why)}".rstrip())
            await asyncio.sleep(_POLL)

    def summary(self) -> None:
        """How long each fault took to be detected, or that it was not."""
        for fault, started in self._started.items():
            for condition in fault.detected_as:
                detected_at = self._first_detected.get((fault, condition))
                took = (
                    f"detected after {detected_at - started:.1f} s" if detected_at is not None else "not detected yet"
                )
                self._console.print(f"  {fault.agent:<10} {condition:<20} {took}", highlight=False)

    async def _play(self, fault: InjectedFault) -> None:
        await asyncio.sleep(fault.at * self._slower)
        self._started.setdefault(fault, time.monotonic())
        self._line("[bold cyan]injected[/]", fault.agent, f"[cyan]{fault.words}[/]")
        await fault.inject(self._fleet)
        await asyncio.sleep((fault.until - fault.at) * self._slower)
        self._line("[cyan]cleared[/] ", fault.agent, fault.words)
        await fault.clear(self._fleet)

    def _verdicts(self) -> Iterator[tuple[str, Verdict]]:
        for key, state in list(self._board.states.items()):
            for _, verdict, _ in self._board.conditions(state):
                yield key.agent, verdict

    def _troubles(self) -> Iterator[tuple[Trouble, str]]:
        for agent, verdict in self._verdicts():
            if verdict.status is Status.TRUE:
                reason = "" if verdict.reason == verdict.kind.name else f"{verdict.reason}: "
                yield (agent, verdict.kind.name, verdict.subject), reason + sentence(verdict)
            elif verdict.status is Status.UNKNOWN and verdict.reason == Unknown.SIGNAL_ABSENT:
                yield (agent, verdict.reason, verdict.kind.name), sentence(verdict)

    def _unknown(self) -> Iterator[tuple[Trouble, str]]:
        for agent, verdict in self._verdicts():
            if verdict.status is Status.UNKNOWN:
                yield (agent, verdict.kind.name, verdict.subject), f"unknown: {verdict.reason}"

    def _record(self, trouble: Trouble) -> None:
        agent, condition, _ = trouble
        for fault in self._started:
            if fault.agent == agent and condition in fault.detected_as:
                self._first_detected.setdefault((fault, condition), time.monotonic())

    def _say(self, who: str, trouble: Trouble, words: str) -> None:
        agent, condition, subject = trouble
        self._line(who, agent, " ".join(filter(None, (f"[bold]{condition}[/]", escape(subject), escape(words)))))

    def _line(self, who: str, agent: str, words: str) -> None:
        self._console.print(
            f"[dim]{time.monotonic() - self._began:5.0f}s[/] {who} {agent:<10} {words}", highlight=False, soft_wrap=True
        )
