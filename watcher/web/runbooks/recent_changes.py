"""What changed in the fleet shortly before a moment? Also what is over by now."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from probes.contract import TargetKey, Unknown
from probes.contract.condition import Status
from watcher.changes.change import Change, Kind, Selection
from watcher.changes.store import ChangeStore
from watcher.engine.board import Board, TargetState
from watcher.runtime.cooperative import TimeSlice

WINDOW = 600.0
"""Seconds before the moment."""

SHOWN_CHANGES = 20

_SLICE = 50
_MOST = 500  # changes that are read of one agent or namespace, the newest
_MOST_AGENTS = 20
_RANKS = {Status.TRUE.value: 0, "fail": 0, "expired": 0, Status.UNKNOWN.value: 1}


class Shown(NamedTuple):
    """A change, and whether it is as it turned to be."""

    change: Change
    is_over: bool


@dataclass(slots=True)
class TopChanges:
    """The most telling changes, and how many there are in all."""

    first: list[Shown] = field(default_factory=list)  # trouble first, then the newest
    total: int = 0


@dataclass(slots=True)
class RecentChanges:
    """What changed, the nearest to the alert's own agents first."""

    begin: float
    end: float  # Unix seconds, both
    known_since: float | None = None  # the same; what was before nobody knows
    trouble: str = ""  # why the past cannot be read
    agent: TopChanges = field(default_factory=TopChanges)  # of the same agents
    namespace: TopChanges = field(default_factory=TopChanges)  # of others in their namespaces
    elsewhere: Counter[tuple[str, str]] = field(default_factory=Counter)  # condition, status: on how many targets
    new: int = 0  # targets of the same agents that were first seen in the window
    new_elsewhere: int = 0

    def __contains__(self, moment: float) -> bool:
        return self.begin <= moment <= self.end


async def recent_changes(
    store: ChangeStore,
    board: Board,
    agents: Collection[tuple[str, str]],
    end: float,
    is_reported: Callable[[Change], bool],
) -> RecentChanges:
    """What changed in the ten minutes before `end` (Unix seconds), seen from these agents (namespace, agent).

    Changes that are told elsewhere on the page are left out, and what only learns. A target that was first seen in the
    window counts as new, and only what is true of it is named.
    """
    recent = RecentChanges(end - WINDOW, end)
    window = Selection(recent.begin, recent.end, plain=True)
    namespaces = sorted({namespace for namespace, _ in agents if namespace})
    of_agents, of_namespaces = list[Change](), list[Change]()
    for namespace, agent in sorted(agents)[:_MOST_AGENTS]:
        found = await store.find(window._replace(namespace=namespace, agent=agent), _MOST)
        recent.known_since, recent.trouble = found.known_since, found.trouble
        of_agents += [each for each in found.changes if not is_reported(each)]
    for namespace in namespaces[:_MOST_AGENTS]:
        found = await store.find(window._replace(namespace=namespace), _MOST)
        of_namespaces += [each for each in found.changes if (each.namespace, each.agent) not in agents]
    recent.agent, recent.namespace = _top(board, of_agents), _top(board, of_namespaces)
    for name, after, count in await store.counted(window, namespaces):
        recent.elsewhere[name, after] += count
    await _count_new(board, agents, recent)
    return recent


def _top(board: Board, changes: Iterable[Change]) -> TopChanges:
    news = sorted((each for each in changes if each.reason != Unknown.WARMING_UP), key=_order)
    return TopChanges([Shown(each, _is_over(board, each)) for each in news[:SHOWN_CHANGES]], len(news))


def _is_over(board: Board, change: Change) -> bool:
    """Whether a condition that was failing or unknown no longer is."""
    if change.kind != Kind.CONDITION or change.after not in (Status.TRUE, Status.UNKNOWN):
        return False
    state = board.states.get(TargetKey(change.namespace, change.agent, change.pod))
    verdicts = [each.verdict for each in board.conditions(state)] if state is not None else []
    now = {each.status.value for each in verdicts if (each.kind.name, each.subject) == (change.name, change.subject)}
    return change.after not in now


async def _count_new(board: Board, agents: Collection[tuple[str, str]], recent: RecentChanges) -> None:
    time_slice = TimeSlice()
    for place, state in enumerate(list(board.states.values())):
        if place % _SLICE == 0:
            await time_slice.checkpoint()
        if board.date_of(_first_seen(state)) in recent:
            own = state.target.key[:2] in agents
            recent.new += own
            recent.new_elsewhere += not own


def _first_seen(state: TargetState) -> float:
    return min((since for result in state.results if result for since in result.since), default=0.0)


def _order(change: Change) -> tuple[int, float]:
    return _RANKS.get(change.after, 2), -change.at
