"""Which targets of the board fit a query, and how many of each state there are?"""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from probes.contract import Unknown
from watcher.engine.board import Board, TargetState
from watcher.runtime.cooperative import TimeSlice
from watcher.web.fleet.fleet_query import FleetQuery
from watcher.web.fleet.target_health import Cause, Summaries, Summary, TargetHealth, health_of

_SLICE = 100

AgentKey = tuple[str, str]
"""Namespace and agent."""


class Candidate(NamedTuple):
    """A target, and what its probes say of it."""

    state: TargetState
    health: TargetHealth
    summaries: list[Summary]

    @property
    def agent(self) -> AgentKey:
        """Whose instance it is."""
        return self.state.target.key[:2]

    @property
    def causes(self) -> set[Cause]:
        """All that is wrong or not known; what a failed attempt explains counts only where nothing else tells."""
        found = {cause for each in self.summaries for cause in each.causes}
        explained = self.health is not TargetHealth.UNKNOWN
        return {each for each in found if not (explained and each.reason == Unknown.SOURCE_FAILED)}


@dataclass(slots=True)
class Selection:
    """The targets that fit, in the order of the board."""

    chosen: list[Candidate] = field(default_factory=list)
    counts: Counter[TargetHealth] = field(default_factory=Counter)  # of those that fit all but the severity
    pods: Counter[AgentKey] = field(default_factory=Counter)  # of each agent in all, whatever is asked for
    problems: int = 0  # targets in all of which something that was told of them is wrong


async def select(board: Board, query: FleetQuery, now: float) -> Selection:
    """The targets that fit at `now` (steady seconds), found in turns with the looks."""
    found, time_slice = Selection(), TimeSlice()
    summaries = Summaries(board, now, query.wants)
    severity = query.of("severity")
    for place, state in enumerate(list(board.states.values())):
        if place % _SLICE == 0 or state.dropped:
            await time_slice.checkpoint()
        target = state.target
        found.pods[target.key[:2]] += 1
        found.problems += bool(target.problems)
        if not query.names(target):
            continue
        told = summaries.of(state)
        if query.admits(target, told):
            health = health_of(told)
            found.counts[health] += 1
            if severity in ("", health):
                found.chosen.append(Candidate(state, health, told))
    return found
