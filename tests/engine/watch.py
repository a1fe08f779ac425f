"""A board with one target and the lookers of two sources, which find what a test says."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from probes import AnyProbe
from probes.contract import (
    Evaluation,
    EvaluationContext,
    Limits,
    Metric,
    Observation,
    SourceSettings,
    Target,
    Verdict,
    Vote,
)
from tests.engine.toy import FIRE, PAGES, TOY, History, NoSource, Rooms, target
from watcher.engine.board import Board, TargetState
from watcher.engine.clocks.peer_clocks import PeerClocks
from watcher.engine.fleet import Fleet
from watcher.engine.isolation import Isolation
from watcher.engine.looks.looker import Looker
from watcher.engine.majority import VoteCounter
from watcher.engine.restored import Kept
from watcher.metrics.families import LOOKS, PREFIX
from watcher.metrics.own import OwnMetrics
from watcher.runtime.clock import Clock
from watcher.runtime.loop_lag import LoopLag

NOW = 1_790_000_000.0
OPA = replace(PAGES, name="opa", endpoint="opa")
CELLAR = replace(TOY, name="cellar", source="opa")
ALARMS = Metric(name="alarms_total", help="Alarms.", kind="counter", fleet=True)
BAD, GOOD = FIRE.true("It burns."), FIRE.false()
ONE_LOOK = Limits(failures=1)


def tells_all(_: Rooms, __: object, context: EvaluationContext[Limits]) -> Evaluation[Any]:
    """Remember all that a judge is told, cast a vote and count three alarms."""
    votes = (Vote("colour", context.target.key.pod, "red"),)
    return Evaluation((GOOD,), history=context, votes=votes, observations=(Observation(ALARMS, 3.0),))


def fails(*_: object) -> Evaluation[History]:
    """Never judge."""
    raise ArithmeticError("a judge that has a bug")


@dataclass
class Told(NoSource):
    """Finds what a test says, or fails."""

    reading: Rooms | Exception = field(default_factory=Rooms)
    asked: list[Sequence[object]] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None

    async def look(self, _: Target, wants: Sequence[object]) -> Rooms:
        """That."""
        self.asked.append(wants)
        self.meanwhile()
        if isinstance(self.reading, Exception):
            raise self.reading
        return self.reading


class Watch:
    """A board with one target and the lookers of both its sources; time is what a test says."""

    def __init__(self, *probes: AnyProbe, restored: Kept | None = None, once: bool = False, **parts: Any) -> None:
        self.now = NOW
        probes = probes or (TOY,)
        self.ahead = 0.0  # seconds that the date is ahead of the rest
        self.clocks = clock = Clock(lambda: self.now + self.ahead, self.clock)
        self.board = Board(probes, [PAGES, OPA], self.clock)
        self.fleet = Fleet(VoteCounter(), Isolation(), LoopLag(self.clock), PeerClocks(clock))
        self.own = OwnMetrics(probes, ["agent_metrics", "opa"])
        self.told = {kind.name: Told() for kind in (PAGES, OPA)}
        self.lookers = {
            kind.name: Looker(
                kind, self.told[kind.name], SourceSettings(), self.board, self.fleet, self.own, clock, once=once
            )
            for kind in (PAGES, OPA)
        }
        parts = {"opa": "http://127.0.0.1:1/opa", "limits": {probe.name: ONE_LOOK for probe in probes}} | parts
        watched = target(**parts)
        asyncio.run(self.board.replace([watched], {watched.key: restored} if restored else {}))

    def _pass(self, seconds: float) -> None:
        self.fleet.lag.woke()
        self.fleet.lag.sleeps(self.now)
        self.now += seconds

    def clock(self) -> float:
        """Unix seconds."""
        return self.now

    @property
    def state(self) -> TargetState:
        """Of the only target."""
        [state] = self.board.states.values()
        return state

    def look(
        self, reading: Rooms | Exception, source: str = "agent_metrics", after: float = 0.0, stands_still: float = 0.0
    ) -> None:
        """Make one look, so many seconds after the last; it finds this. The loop stands still in it for so long."""
        self.now += after
        self.told[source].reading = reading
        self.told[source].meanwhile = lambda: self._pass(stands_still)
        asyncio.run(self.lookers[source].look(self.state))

    def verdicts(self, index: int = 0) -> tuple[Verdict, ...]:
        """What holds by the probe at this place."""
        result = self.state.results[index]
        assert result is not None
        return result.verdicts.all

    def history(self, index: int = 0) -> Any:
        """What the probe at this place remembers."""
        result = self.state.results[index]
        assert result is not None
        return result.history

    def looks(self, result: str) -> float | None:
        """How many were counted that ended so, at the first source."""
        labels = {"source": "agent_metrics", "result": result}
        return self.own.registry.get_sample_value(PREFIX + LOOKS.name, labels)
