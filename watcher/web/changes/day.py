"""The past of one target: its newest changes, and how its conditions stood over the last day."""

from typing import NamedTuple

from watcher.changes.change import Found, Selection
from watcher.changes.store import ChangeStore
from watcher.changes.ticks import DAY, STEP, Now, TickRow, ticks
from watcher.engine.board import Board, TargetState

SHOWN = 20
"""Changes on the page of a target."""

_MOST = 2000


class PastOfTarget(NamedTuple):
    """What the page of a target shows of its past."""

    found: Found  # of this day; its changes are the newest
    whole: TickRow
    rows: list[TickRow]


async def past_of(store: ChangeStore, board: Board, state: TargetState, now: float) -> PastOfTarget:
    """The last day of a target; `now`: Unix seconds."""
    key = state.target.key
    since = now - DAY - STEP
    found = await store.find(Selection(since, namespace=key.namespace, agent=key.agent, pod=key.pod), _MOST)
    current = [
        Now(kind.name, subject, verdict.status.value, verdict.reason, moment, kind.severity)
        for _, verdict, moment in board.conditions(state)
        for kind, subject in ((verdict.kind, verdict.subject),)
    ]
    whole, rows = ticks(found.changes, current, found.watched, now)
    return PastOfTarget(found._replace(changes=found.changes[:SHOWN]), whole, rows)
