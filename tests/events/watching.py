"""A board and its Events, without a schedule: a test says what a look finds, what time it is, and when to tell."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from probes.contract import Limits, Source, SourceSettings, Target, TargetKey, Verdict
from tests.engine.toy import PAGES, TOY, NoSource, Rooms, target
from watcher.engine.board import Board
from watcher.engine.clocks.peer_clocks import PeerClocks
from watcher.engine.fleet import Fleet
from watcher.engine.isolation import Isolation
from watcher.engine.looks.looker import Looker
from watcher.engine.majority import VoteCounter
from watcher.events.queue import EventQueue
from watcher.events.recorder import Events
from watcher.events.writer import EventWriter
from watcher.kube.access import Access
from watcher.kube.pod_ref import PodRef
from watcher.metrics.families import EVENTS, PREFIX
from watcher.metrics.own import OwnMetrics
from watcher.runtime.clock import Clock as SteadyClock
from watcher.runtime.loop_lag import LoopLag

ONE_LOOK = Limits(failures=1)


@dataclass
class Clock:
    """Whoever sleeps by it has slept at once."""

    now: float = field(default_factory=time.time)
    wakes: Callable[[], None] = lambda: None  # is called when somebody has slept

    def __call__(self) -> float:
        """Seconds."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let them pass."""
        self.now += seconds
        self.wakes()


class _Says(NoSource, Source):
    """A look finds what a test says."""

    found: tuple[Verdict, ...] = ()

    async def look(self, target: Target, wants: Sequence[object]) -> Rooms:  # noqa: ARG002  the seam's own names
        """That."""
        return Rooms(verdicts=self.found)


class Watching:
    """One process that looks and tells; its time stands still between steps."""

    def __init__(self, kubeconfig: Path, clock: Clock, *, active: bool = True) -> None:
        """Nothing is asked yet."""
        self.clock, self.active = clock, active
        self.pods: dict[TargetKey, PodRef] = {}
        self.board = Board([TOY], [PAGES], clock)
        self.board.set_intervals({PAGES.name: 30.0})
        self.own_metrics = OwnMetrics([TOY], [PAGES.name])
        self.queue = EventQueue()
        self.access = Access(kubeconfig)
        self._says = _Says()
        fleet = Fleet(VoteCounter(), Isolation(), LoopLag(clock), PeerClocks(SteadyClock(clock, clock)))
        self._looker = Looker(
            PAGES, self._says, SourceSettings(), self.board, fleet, self.own_metrics, SteadyClock(clock, clock)
        )
        writer = EventWriter(
            self.access,
            self.queue,
            self.own_metrics,
            "watcher-0",
            self._is_active,
            clock,
            lambda _, most: most,
            clock.sleep,
        )
        self.events = Events(self.board, self.pods.get, self.queue, writer, self.own_metrics, self._is_active, clock)

    def _is_active(self) -> bool:
        return self.active

    async def watch(self, *pods: PodRef) -> None:
        """These are the targets from now on."""
        targets = [target(pod.name, namespace=pod.namespace, limits={"toy": ONE_LOOK}) for pod in pods]
        self.pods.clear()
        self.pods |= {each.key: pod for each, pod in zip(targets, pods, strict=True)}
        await self.board.replace(targets, {})

    async def look(self, *found: Verdict, of: PodRef | None = None) -> None:
        """A look at all targets, or at this one, finds that."""
        self._says.found = found
        for key, state in self.board.states.items():
            if of is None or self.pods.get(key) == of:
                await self._looker.look(state)

    async def tell(self, *found: Verdict, of: PodRef | None = None) -> None:
        """The same, and it is watching."""
        await self.look(*found, of=of)
        await self.events.tick()

    def count(self, result: str) -> float:
        """What the counter says."""
        value = self.own_metrics.registry.get_sample_value(PREFIX + EVENTS.name, {"result": result})
        assert value is not None
        return value


Script = Callable[[Watching], Coroutine[Any, Any, None]]


def run_watching(kubeconfig: Path, script: Script, *pods: PodRef, active: bool = True) -> None:
    """Run a script beside a board of these pods whose Events go to this API server."""

    async def main() -> None:
        watching = Watching(kubeconfig, Clock(), active=active)
        await watching.watch(*pods)
        try:
            await script(watching)
        finally:
            await watching.access.close()

    asyncio.run(main())
