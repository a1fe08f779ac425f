"""What a query for changes finds, also where only that is asked for which fails still: the board says what does."""

from collections.abc import Callable, Collection

from probes.contract import TargetKey
from probes.contract.condition import Status
from probes.controls.evidence import AgentRef
from watcher.changes.change import FAILING, Change, Found, Kind
from watcher.changes.store import ChangeStore
from watcher.engine.board import Board
from watcher.runtime.cooperative import TimeSlice
from watcher.web.changes.asked import Asked
from watcher.web.checklist.judged_agents import JudgedAgents

SEARCHED = 5000
"""Changes that turned to failing, the newest, among which those are searched that fail still."""

Failing = Collection[tuple[str, str]]
"""Names and subjects of what fails."""

FailingNow = Callable[[Change], Failing]
"""What fails now of the target or agent of a change."""


def failing_by(board: Board, checklist: JudgedAgents | None) -> FailingNow:
    """Conditions by the board, controls by the checklist; what is not known there now does not fail."""

    def failing(change: Change) -> Failing:
        return _controls(change, checklist) if change.kind == Kind.CONTROL else _conditions(change, board)

    return failing


async def find(store: ChangeStore, parts: Asked, failing_now: FailingNow) -> Found:
    """What is asked for; of what fails now the newest change of each, and no other."""
    if not parts.now:
        return await store.find(parts.wanted, parts.limit, parts.offset)
    found, time_slice = await store.find(parts.wanted, SEARCHED), TimeSlice()
    still, known = dict[object, Change](), dict[object, Failing]()
    for each in found.changes:
        where = (each.namespace, each.agent, each.pod, each.kind)
        if where not in known:
            known[where] = failing_now(each)
        if (each.name, each.subject) in known[where]:
            still.setdefault((where, each.name, each.subject), each)
        await time_slice.checkpoint()
    cut = f"only the newest {SEARCHED:,} of {found.total:,} changes were searched" if found.total > SEARCHED else ""
    shown = list(still.values())[parts.offset : parts.offset + parts.limit]
    return Found(len(still), shown, found.watched, found.trouble or cut)


def _conditions(change: Change, board: Board) -> Failing:
    state = board.states.get(TargetKey(change.namespace, change.agent, change.pod))
    verdicts = (each.verdict for each in board.conditions(state)) if state is not None else ()
    return {(each.kind.name, each.subject) for each in verdicts if each.status is Status.TRUE}


def _controls(change: Change, checklist: JudgedAgents | None) -> Failing:
    ref = AgentRef(change.namespace, change.agent)
    findings = checklist.findings(ref) if checklist is not None else {}
    return {(name, "") for name, finding in findings.items() if finding.state.value in FAILING}
