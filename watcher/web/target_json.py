"""Targets as JSON: the one shape that the API and `check --output json` print (contract, section 3)."""

import json
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from itertools import islice

from probes.contract import Message, Status
from watcher.engine.board import Board, Look, Row
from watcher.runtime.cooperative import Turns

_SLICE = 10
"""Targets made into text at a time: about two milliseconds."""

_MESSAGE_CHARS = 1000


def moment(unix_seconds: float) -> str:
    """RFC 3339 in UTC, whole seconds."""
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def sentence(message: Message) -> str:
    """The text of a message, of a length that fits a page."""
    text = message if isinstance(message, str) else message()
    return text if len(text) <= _MESSAGE_CHARS else text[: _MESSAGE_CHARS - 1] + "…"


def describe(board: Board, row: Row, *, evidence: bool) -> dict[str, object]:
    """One target with its conditions, trouble first, and its looks; what they saw only when asked for."""
    namespace, agent, pod = row.target.key
    return {
        "namespace": namespace,
        "agent": agent,
        "pod": pod,
        "address": row.target.address or "",
        "conditions": [
            {
                "probe": probe,
                "condition": verdict.kind.name,
                "subject": verdict.subject,
                "status": verdict.status,
                "reason": verdict.reason,
                "message": sentence(verdict.message),
                "since": moment(since),
            }
            for probe, verdict, since in board.conditions(row)
        ],
        **({"problems": list(row.target.problems)} if row.target.problems else {}),
        "looks": [_look(look, evidence=evidence) for look in row.looks.values()],
    }


def _look(look: Look, *, evidence: bool) -> dict[str, object]:
    return {
        "source": look.source,
        "at": moment(look.at),
        "result": look.reading.result,
        "error": look.reading.error,
        "duration_seconds": round(look.seconds, 6),
        "evidence": look.reading.evidence() if evidence else {},
    }


def has_status(board: Board, row: Row, status: Status, now: float) -> bool:
    """Whether any condition of the target has this status at `now`."""
    fresh = board.fresh(row.sheets, board.oldest(now))
    return any(each is status for _, _, verdicts in fresh for _, each, _ in verdicts.outcomes)


async def listing(
    board: Board,
    rows: Iterable[Row],
    now: float,
    *,
    status: Status | None = None,
    evidence: bool = False,
    standby: bool = False,
) -> AsyncIterator[str]:
    """The whole document in pieces, so that a listing of 10,000 targets holds up no look."""
    said = '"standby": true, ' if standby else ""
    yield f'{{"generated_at": "{moment(now)}", {said}"targets": ['
    comma, turns, remaining = "", Turns(), iter(rows)
    while some := list(islice(remaining, _SLICE)):
        shown = [row for row in some if status is None or has_status(board, row, status, now)]
        if shown:
            yield comma + ",\n".join([json.dumps(describe(board, row, evidence=evidence)) for row in shown])
            comma = ",\n"
        await turns.pause()
    yield "]}\n"
