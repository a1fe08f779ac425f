"""The rows of the fleet's page as data: one answer to what is folded, for the API and for terminals.

A row is an agent, or a cause that many agents share (`agent_rows`); what it says is what the page says (`row_words`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from probes.contract.units import utc
from watcher.engine.board import Board
from watcher.runtime.cooperative import TimeSlice
from watcher.web.fleet.agent_rows import AgentRow, SharedRow, fleet_rows
from watcher.web.fleet.fleet_query import FilterError, FleetQuery
from watcher.web.fleet.row_words import SHOWN_AGENTS, Told, others_of, reasons_of, said_of
from watcher.web.fleet.selection import Selection, select
from watcher.web.fleet.target_health import TargetHealth
from watcher.web.target_json import runbook_path, sentence

ROWS = 100
"""Rows of one answer, unless the query asks for fewer or more."""

MOST_ROWS = 500
SHOWN_CONDITIONS = 20
"""Conditions of one agent in its row."""

Json = dict[str, Any]


async def fleet_json(board: Board, query: FleetQuery, now: float) -> Json:
    """The rows that are asked for at `now` (steady seconds), the worst first; FilterError where too many are."""
    size = query.limit or ROWS
    if size > MOST_ROWS:
        raise FilterError(f"limit: expected at most {MOST_ROWS} rows, got {size}")
    selection = await select(board, query, now)
    by_pod = "namespace" in query.given and "agent" in query.given
    fold = not query.asks_for_outcomes and not by_pod
    found = await fleet_rows(board, selection, by_pod=by_pod, fold=fold, now=now)
    rows, time_slice = list[Json](), TimeSlice()
    for row in found.rows[query.offset : query.offset + size]:
        rows.append(_shared(board, row) if isinstance(row, SharedRow) else _agent(board, row, now))
        await time_slice.checkpoint()
    return {
        "generated_at": utc(board.date_of(now)),
        "targets": counts(selection),
        "agents": found.agents,
        "total": len(found.rows),
        "rows": rows,
    }


def counts(selection: Selection) -> dict[str, int]:
    """How many targets are in which state."""
    return {each.value: selection.counts[each] for each in TargetHealth}


def _shared(board: Board, row: SharedRow) -> Json:
    cause = row.cause
    some: Sequence[Mapping[str, object]] = [
        {
            "namespace": each.namespace,
            "agent": each.agent,
            "pods": each.all_pods,
            "affected": each.pods_with(cause),
            "reasons": reasons_of(each, cause) if cause.condition else [],
            "also": others_of(each, row),
        }
        for each in row.agents[:SHOWN_AGENTS]
    ]
    return {
        "state": row.health,
        "condition": cause.condition,
        "probe": cause.probe,
        "reason": cause.reason,
        "agents": len(row.agents),
        "pods": row.pods,
        "since": utc(board.date_of(row.newest)),
        "some": some,
    }


def _agent(board: Board, row: AgentRow, now: float) -> Json:
    said = said_of(board, row, SHOWN_CONDITIONS, now)
    first = row.pods[0].state.target
    alone = {"pod": first.key.pod} if len(row.pods) == 1 else {}
    return {
        "state": row.health,
        "namespace": row.namespace,
        "agent": row.agent,
        **alone,
        "pods": row.all_pods,
        "asked_for": len(row.pods),
        "read": said.read,
        **({"since": utc(board.date_of(row.newest))} if row.health.in_trouble else {}),
        "conditions": [_told(each) for each in said.told],
        "left_out": said.left_out,
        "not_evaluated": said.unevaluated,
        "passing": said.judged.passing,
        "learning": said.judged.learning,
        **({"learning_until": utc(said.judged.until)} if said.judged.until and not said.judged.overdue else {}),
        "problems": list(first.problems),
    }


def _told(told: Told) -> Json:
    verdict = told.condition.verdict
    every = [told.condition, *told.others]
    return {
        "conditions": [f"{each.verdict.kind.name} {each.verdict.subject}".rstrip() for each in every],
        "state": told.health,
        "status": verdict.status,
        "reason": verdict.reason,
        "message": sentence(verdict),
        "pods": told.pods,
        "since": utc(told.condition.since),
        "runbook": runbook_path(verdict.kind),
    }
