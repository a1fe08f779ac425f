"""Targets as JSON: the one shape that the API and `check --output json` print (contract, section 3)."""

import json
from collections.abc import AsyncIterator, Iterable
from itertools import islice

from probes.contract import Verdict
from probes.contract.condition import Status
from watcher.engine.board import Board, Look, TargetState
from watcher.runtime.cooperative import TimeSlice
from watcher.text.timestamps import rfc3339

_SLICE = 10
"""Targets made into text at a time: about two milliseconds."""

_MESSAGE_CHARS = 1000


def sentence(verdict: Verdict) -> str:
    """What a verdict says, of a length that fits a page."""
    text = verdict.text
    return text if len(text) <= _MESSAGE_CHARS else text[: _MESSAGE_CHARS - 1] + "…"


def describe(board: Board, state: TargetState, *, evidence: bool) -> dict[str, object]:
    """One target with its conditions, trouble first, and its looks; what they saw only when asked for."""
    namespace, agent, pod = state.target.key
    return {
        "namespace": namespace,
        "agent": agent,
        "pod": pod,
        "address": state.target.address or "",
        "conditions": [
            {
                "probe": probe,
                "condition": verdict.kind.name,
                "subject": verdict.subject,
                "status": verdict.status,
                "reason": verdict.reason,
                "message": sentence(verdict),
                "since": rfc3339(since),
            }
            for probe, verdict, since in board.conditions(state)
        ],
        **({"problems": list(state.target.problems)} if state.target.problems else {}),
        "looks": [_look(look, board.date_of(look.at), evidence=evidence) for look in state.looks.values()],
    }


def _look(look: Look, at: float, *, evidence: bool) -> dict[str, object]:
    return {
        "source": look.source,
        "at": rfc3339(at),
        "result": look.reading.result,
        "error": look.reading.error,
        "duration_seconds": round(look.seconds, 6),
        "evidence": look.reading.evidence() if evidence else {},
    }


def has_status(board: Board, state: TargetState, status: Status, now: float) -> bool:
    """Whether any condition of the target has this status at `now`, steady seconds."""
    fresh = board.fresh(state.results, board.oldest(now))
    return any(each is status for _, _, verdicts in fresh for _, each, _ in verdicts.outcomes)


async def listing(
    board: Board,
    states: Iterable[TargetState],
    now: float,
    *,
    status: Status | None = None,
    evidence: bool = False,
    standby: bool = False,
) -> AsyncIterator[str]:
    """The whole document as of `now` (steady seconds), in pieces: a listing of 10,000 targets holds up no look."""
    said = '"standby": true, ' if standby else ""
    yield f'{{"generated_at": "{rfc3339(board.date_of(now))}", {said}"targets": ['
    comma, time_slice, remaining = "", TimeSlice(), iter(states)
    while some := list(islice(remaining, _SLICE)):
        shown = [state for state in some if status is None or has_status(board, state, status, now)]
        if shown:
            yield comma + ",\n".join([json.dumps(describe(board, state, evidence=evidence)) for state in shown])
            comma = ",\n"
        await time_slice.checkpoint()
    yield "]}\n"
