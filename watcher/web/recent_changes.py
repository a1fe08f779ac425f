"""What changed in the fleet shortly before a moment?"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from probes.contract import TargetKey, Unknown
from probes.contract.condition import Status
from watcher.engine.board import Board, ConditionStatus, TargetState
from watcher.runtime.cooperative import TimeSlice

WINDOW = 600.0
"""Seconds before the moment."""

SHOWN_CHANGES = 20

_SLICE = 20


class Change(NamedTuple):
    """A condition that took its present status in the window."""

    key: TargetKey
    condition: ConditionStatus


@dataclass(slots=True)
class TopChanges:
    """The most telling changes, and how many there are in all."""

    first: list[Change] = field(default_factory=list)  # trouble first, then the newest
    total: int = 0

    def add(self, changed: list[Change]) -> None:
        """Count these, and keep them if they are among the most telling."""
        self.total += len(changed)
        self.first = sorted([*self.first, *changed], key=_order)[:SHOWN_CHANGES]


@dataclass(slots=True)
class RecentChanges:
    """What changed, the nearest to the alert's own agents first."""

    begin: float
    end: float  # Unix seconds, both
    agent: TopChanges = field(default_factory=TopChanges)  # of the same agents
    namespace: TopChanges = field(default_factory=TopChanges)  # of others in their namespaces
    elsewhere: Counter[tuple[str, Status]] = field(default_factory=Counter)  # by condition: on how many targets
    new: int = 0  # targets of the same agents that were first seen in the window
    new_elsewhere: int = 0

    def __contains__(self, moment: float) -> bool:
        return self.begin <= moment <= self.end


async def recent_changes(
    board: Board,
    agents: Collection[tuple[str, str]],
    end: float,
    oldest: tuple[float, ...],
    is_reported: Callable[[Change], bool],
) -> RecentChanges:
    """What changed in the ten minutes before `end` (Unix seconds), seen from these agents (namespace, agent).

    Changes that are told elsewhere on the page are left out. A target that was first seen in the window has changed in
    everything: it counts as new, and only what is true of it is named.
    """
    found, time_slice = RecentChanges(end - WINDOW, end), TimeSlice()
    namespaces = {namespace for namespace, _ in agents}
    for place, state in enumerate(list(board.states.values())):
        if place % _SLICE == 0:
            await time_slice.checkpoint()
        changed = list(_changed(board, state, found, oldest))
        if not changed:
            continue
        is_new, key = board.date_of(_first_seen(state)) in found, state.target.key
        changed = [each for each in changed if _is_news(each, is_new=is_new) and not is_reported(each)]
        if key[:2] in agents:
            found.new += is_new
            found.agent.add(changed)
            continue
        found.new_elsewhere += is_new
        if key.namespace in namespaces:
            found.namespace.add(changed)
        else:
            kinds = {(each.condition.verdict.kind.name, each.condition.verdict.status) for each in changed}
            found.elsewhere.update(kinds)
    return found


def _first_seen(state: TargetState) -> float:
    return min((since for result in state.results if result for since in result.since), default=0.0)


def _changed(board: Board, state: TargetState, window: RecentChanges, oldest: tuple[float, ...]) -> Iterator[Change]:
    # As Board.conditions, for the whole fleet: most results have not changed for days.
    for index, result, verdicts in board.fresh(state.results, oldest):
        moments = result.since
        if verdicts is not result.verdicts:
            moments = (result.at + board.stale_after[index],) * len(moments)
        if board.date_of(max(moments, default=0.0)) >= window.begin:
            name = board.probes[index].name
            for verdict, since in zip(verdicts.all, map(board.date_of, moments), strict=True):
                if window.begin <= since <= window.end:
                    yield Change(state.target.key, ConditionStatus(name, verdict, since))


def _is_news(change: Change, *, is_new: bool) -> bool:
    verdict = change.condition.verdict
    return verdict.status is Status.TRUE or (not is_new and verdict.reason != Unknown.WARMING_UP)


def _order(change: Change) -> tuple[int, float]:
    return change.condition.verdict.status.rank, -change.condition.since
