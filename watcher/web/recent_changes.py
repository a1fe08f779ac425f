"""What changed in the fleet shortly before a moment?"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from probes.contract import Status, TargetKey, Unknown
from watcher.engine.board import Board, Row, Standing
from watcher.runtime.cooperative import Turns

WINDOW = 600.0
"""Seconds before the moment."""

SHOWN_CHANGES = 20

_SLICE = 20
_TROUBLE_FIRST = {Status.TRUE: 0, Status.UNKNOWN: 1, Status.FALSE: 2}


class Change(NamedTuple):
    """A condition that took its present status in the window."""

    key: TargetKey
    standing: Standing


@dataclass(slots=True)
class Some:
    """The most telling changes, and how many there are in all."""

    first: list[Change] = field(default_factory=list)  # trouble first, then the newest
    total: int = 0

    def add(self, changed: list[Change]) -> None:
        """Count these, and keep them if they are among the most telling."""
        self.total += len(changed)
        self.first = sorted([*self.first, *changed], key=_order)[:SHOWN_CHANGES]


@dataclass(slots=True)
class Changes:
    """What changed, the nearest to the alert's own agents first."""

    begin: float
    end: float  # Unix seconds, both
    agent: Some = field(default_factory=Some)  # of the same agents
    namespace: Some = field(default_factory=Some)  # of others in their namespaces
    elsewhere: Counter[tuple[str, Status]] = field(default_factory=Counter)  # by condition: on how many targets
    new: int = 0  # targets of the same agents that were first seen in the window
    new_elsewhere: int = 0

    def __contains__(self, moment: float) -> bool:
        return self.begin <= moment <= self.end


async def changes(
    board: Board,
    agents: Collection[tuple[str, str]],
    end: float,
    oldest: tuple[float, ...],
    is_told: Callable[[Change], bool],
) -> Changes:
    """What changed in the ten minutes before `end` (Unix seconds), seen from these agents (namespace, agent).

    Changes that are told elsewhere on the page are left out. A target that was first seen in the window has changed in
    everything: it counts as new, and only what is true of it is named.
    """
    found, turns = Changes(end - WINDOW, end), Turns()
    namespaces = {namespace for namespace, _ in agents}
    for place, row in enumerate(list(board.rows.values())):
        if place % _SLICE == 0:
            await turns.pause()
        changed = list(_changed(board, row, found, oldest))
        if not changed:
            continue
        is_new, key = _first_seen(row) in found, row.target.key
        changed = [each for each in changed if _is_news(each, is_new=is_new) and not is_told(each)]
        if key[:2] in agents:
            found.new += is_new
            found.agent.add(changed)
            continue
        found.new_elsewhere += is_new
        if key.namespace in namespaces:
            found.namespace.add(changed)
        else:
            kinds = {(each.standing.verdict.kind.name, each.standing.verdict.status) for each in changed}
            found.elsewhere.update(kinds)
    return found


def _first_seen(row: Row) -> float:
    return min((since for sheet in row.sheets if sheet for since in sheet.since), default=0.0)


def _changed(board: Board, row: Row, window: Changes, oldest: tuple[float, ...]) -> Iterator[Change]:
    # As Board.conditions, for the whole fleet: most sheets have not changed for days.
    for index, sheet, verdicts in board.fresh(row.sheets, oldest):
        moments = sheet.since
        if verdicts is not sheet.verdicts:
            moments = (sheet.at + board.stale_after[index],) * len(moments)
        if max(moments, default=0.0) >= window.begin:
            name = board.probes[index].name
            for verdict, since in zip(verdicts.all, moments, strict=True):
                if window.begin <= since <= window.end:
                    yield Change(row.target.key, Standing(name, verdict, since))


def _is_news(change: Change, *, is_new: bool) -> bool:
    verdict = change.standing.verdict
    return verdict.status is Status.TRUE or (not is_new and verdict.reason != Unknown.WARMING_UP)


def _order(change: Change) -> tuple[int, float]:
    return _TROUBLE_FIRST[change.standing.verdict.status], -change.standing.since
