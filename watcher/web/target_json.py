"""Targets as JSON: the one shape that the API and `check --output json` print (contract, section 3)."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence

from probes.contract import ConditionKind, Unknown, Verdict
from probes.contract.condition import Status
from probes.contract.units import utc
from watcher.engine.board import Board, ConditionStatus, Look, TargetState
from watcher.web.fleet.fleet_query import FleetQuery
from watcher.web.fleet.selection import select
from watcher.web.fleet.target_health import Summaries, TargetHealth
from watcher.web.json_list import in_chunks, items
from watcher.web.told import Told

_TOGETHER = 100
"""Conditions of one target made into text at a time; a target may have five thousand."""

_MESSAGE_CHARS = 1000


def runbook_path(kind: ConditionKind) -> str:
    """Where the daemon serves the runbook of a condition."""
    return f"/runbooks/AgentWeave{kind.name}"


def sentence(verdict: Verdict) -> str:
    """What a verdict says, of a length that fits a page."""
    text = verdict.text
    return text if len(text) <= _MESSAGE_CHARS else text[: _MESSAGE_CHARS - 1] + "…"


class Summary:
    """How many of the targets that were described are in which state, and how many conditions are what."""

    def __init__(self) -> None:
        self.targets, self.conditions = Counter[TargetHealth](), Counter[Status]()
        self.learning = 0

    def add(self, health: TargetHealth, conditions: Sequence[ConditionStatus]) -> None:
        """One target more."""
        self.targets[health] += 1
        self.conditions.update([each.verdict.status for each in conditions])
        self.learning += sum(each.verdict.reason == Unknown.WARMING_UP for each in conditions)

    def as_json(self) -> dict[str, dict[str, int]]:
        """As it stands in the document; `learning` are those of `unknown` that need more history."""
        targets = {each.value: self.targets[each] for each in TargetHealth}
        conditions = {each.value: self.conditions[each] for each in Status}
        return {"targets": targets, "conditions": {**conditions, "learning": self.learning}}


def _described(
    board: Board, state: TargetState, told: Told, health: TargetHealth, summary: Summary, *, evidence: bool
) -> Iterator[str]:
    """One target with its conditions, trouble first, and its looks; what they saw only when asked for."""
    namespace, agent, pod = state.target.key
    about = {
        "namespace": namespace,
        "agent": agent,
        "pod": pod,
        "address": state.target.address or "",
        "state": health,
        "conditions": [],
        **({"node": state.target.node} if state.target.node else {}),
        **({"workload": state.target.workload} if state.target.workload else {}),
        **({"origins": dict(state.target.origins)} if state.target.origins else {}),
        **({"problems": list(state.target.problems)} if state.target.problems else {}),
        "looks": [_look(look, board.date_of(look.at), evidence=evidence) for look in state.looks.values()],
    }
    # Quotes within a text are escaped, so no text of a stranger's can say this.
    head, empty, tail = json.dumps(about).partition('"conditions": [')
    yield head + empty
    conditions = told(state)
    summary.add(health, conditions)
    for start in range(0, len(conditions), _TOGETHER):
        some = json.dumps([condition_json(each) for each in conditions[start : start + _TOGETHER]])
        yield (", " if start else "") + some[1:-1]
    yield tail


def condition_json(condition: ConditionStatus) -> dict[str, object]:
    """One condition; its runbook is a path of the daemon's."""
    probe, verdict, since = condition
    return {
        "probe": probe,
        "condition": verdict.kind.name,
        "subject": verdict.subject,
        "severity": verdict.kind.severity,
        "status": verdict.status,
        "reason": verdict.reason,
        "message": sentence(verdict),
        "since": utc(since),
        "runbook": runbook_path(verdict.kind),
    }


def _look(look: Look, at: float, *, evidence: bool) -> dict[str, object]:
    return {
        "source": look.source,
        "at": utc(at),
        "result": look.reading.result,
        "error": look.reading.error,
        "duration_seconds": round(look.seconds, 6),
        "evidence": look.reading.evidence() if evidence else {},
    }


async def fleet_listing(
    board: Board, query: FleetQuery, now: float, told: Told, *, standby: bool
) -> AsyncIterator[str]:
    """The document of the targets that are asked for, in the order of the board, `total` of which fit."""
    if query.given:
        selection = await select(board, query, now)
        states = [each.state for each in selection.chosen]
    else:
        states = list(board.states.values())
    end = None if query.limit is None else query.offset + query.limit
    async for piece in listing(board, states[query.offset : end], now, told, total=len(states), standby=standby):
        yield piece


async def listing(
    board: Board,
    states: Sequence[TargetState],
    now: float,
    told: Told,
    *,
    total: int | None = None,
    evidence: bool = False,
    standby: bool = False,
) -> AsyncIterator[str]:
    """The whole document as of `now` (steady seconds), in pieces: a listing of 10,000 targets holds up no look.

    `total`: how many fit what was asked for, where these are a part of them.
    """
    said = '"standby": true, ' if standby else ""
    said += f'"total": {len(states) if total is None else total}, '
    yield f'{{"generated_at": "{utc(board.date_of(now))}", {said}"targets": ['
    summaries, summary = Summaries(board, now), Summary()
    described = (
        _described(board, state, told, summaries.of(state).health, summary, evidence=evidence) for state in states
    )
    async for piece in in_chunks(items(described)):
        yield piece
    yield f'], "summary": {json.dumps(summary.as_json())}}}\n'
