"""The poll loops of a daemon: a poller for each source, and whether the first round is complete."""

import time
from collections.abc import Mapping, Sequence
from functools import partial

from watcher.engine.board import TargetState
from watcher.engine.engine import Engine
from watcher.engine.look_round import LookRound
from watcher.engine.overload import Backlog
from watcher.metrics.families import HEARTBEAT, LAG, SKIPPED
from watcher.runtime.cooperative import TimeSlice
from watcher.runtime.unused_memory import EVERY, give_back
from watcher.scheduling.poller import LateTurns, Poller, stagger
from watcher.scheduling.schedule import Schedule
from watcher.scheduling.timing_wheel import TimingWheel

LIVE_WITHIN = 10.0
"""Seconds without progress of the schedule after which the process is no longer live."""

_ADDED = 50  # targets at a time


class PollLoops:
    """Drives the pollers of all sources."""

    def __init__(self, engine: Engine, schedule: Schedule) -> None:
        self._engine, self._schedule = engine, schedule
        self._backlogs, self._late_turns = dict[str, Backlog](), LateTurns()
        self._pollers = {kind.name: self._poller(kind.name) for kind in engine.kinds}
        self._progress = time.monotonic()
        self._first_round: LookRound | None = None  # once there are targets that stand for the fleet

    def start(self) -> None:
        """Begin to look."""
        for name in self._pollers:
            self._begin(name)
            self._schedule.every(1.0, partial(self._tick, name), name)
        self._schedule.every(EVERY, give_back, "memory")  # of looks that were under way at once

    @property
    def live(self) -> bool:
        """Whether the schedule makes progress; depends on nothing outside."""
        return time.monotonic() - self._progress < LIVE_WITHIN

    @property
    def first_round_complete(self) -> bool:
        """Whether every target of the first round was looked at by each of its sources."""
        return self._first_round is not None and self._first_round.complete

    async def add(self, states: Sequence[TargetState]) -> None:
        """Look at these from now on; those that are gone fall out by themselves."""
        await self._put(states, self._pollers)

    def begin_first_round(self) -> None:
        """All targets of now are those whose looks make the first round."""
        self._first_round = LookRound(list(self._engine.board.states.values()), self._engine.sources_of)

    async def restart(self, name: str) -> None:
        """Begin one poller anew, after its settings changed."""
        await self._pollers[name].drain()
        await self._engine.fleet.judging.drain()
        self._pollers[name] = poller = self._poller(name)
        self._begin(name)
        await self._put(list(self._engine.board.states.values()), {name: poller})

    async def drain(self) -> None:
        """Cut off the looks under way and start no more; what was seen is judged."""
        for poller in self._pollers.values():
            await poller.drain()
        await self._engine.fleet.judging.drain()

    def check_first_round(self) -> bool:
        """Check off some targets that were looked at; whether this completed the first round."""
        return self._first_round is not None and self._first_round.check()

    async def _put(self, states: Sequence[TargetState], pollers: Mapping[str, Poller]) -> None:
        time_slice = TimeSlice()
        for start in range(0, len(states), _ADDED):
            for state in states[start : start + _ADDED]:
                for name, poller in pollers.items():
                    if self._engine.looked_at(name, state):
                        poller.wheel.add(state)
            await time_slice.checkpoint()

    def _poller(self, name: str) -> Poller:
        looker, own_metrics = self._engine.lookers[name], self._engine.own_metrics
        backlog = self._backlogs[name] = self._engine.overload.backlog(name, looker.interval)
        return Poller(
            TimingWheel(name, looker.interval),
            looker.look_and_queue,
            looker.kind.concurrency,
            lagged=lambda late: own_metrics.add(LAG, late, name),
            skipped=lambda looks: own_metrics.add(SKIPPED, looks, name),
            due=backlog.due,
            late_turns=self._late_turns,
            steady=self._engine.clock.steady,
        )

    def _begin(self, name: str) -> None:
        poller = self._pollers[name]
        poller.begin()
        self._backlogs[name].waits = lambda: poller.waits

    async def _tick(self, name: str) -> None:
        self._progress = time.monotonic()
        self._engine.own_metrics.set(HEARTBEAT, self._engine.clock.wall())
        self._backlogs[name].check()
        self._pollers[name].wheel.gather()
        stagger(list(self._pollers.values()))
        await self._pollers[name].tick()
