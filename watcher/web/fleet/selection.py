"""Which targets of the board fit a query, and how many of each state there are?"""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from watcher.engine.board import Board, TargetState
from watcher.runtime.cooperative import TimeSlice
from watcher.web.fleet.fleet_query import FleetQuery
from watcher.web.fleet.target_health import Summaries, Summary, TargetHealth

_SLICE = 100

AgentKey = tuple[str, str]
"""Namespace and agent."""


class Candidate(NamedTuple):
    """A target, and what its probes say of it."""

    state: TargetState
    summary: Summary

    @property
    def health(self) -> TargetHealth:
        """Its state."""
        return self.summary.health


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
    summaries = Summaries(board, now, query.wants if query.asks_for_outcomes else None)
    severity = query.of("severity")
    by_rank, names_some, tells_some = [0] * len(TargetHealth), query.names_some, query.tells_some
    for place, state in enumerate(list(board.states.values())):
        if place % _SLICE == 0 or state.dropped:
            await time_slice.checkpoint()
        target = state.target
        found.pods[target.key[:2]] += 1
        found.problems += bool(target.problems)
        if names_some and not query.names(target):
            continue
        summary = summaries.of(state)
        if tells_some and not query.admits(target, summary):
            continue
        by_rank[summary.health.rank] += 1
        if not severity or severity == summary.health:
            found.chosen.append(Candidate(state, summary))
    found.counts.update(dict(zip(TargetHealth, by_rank, strict=True)))
    return found
