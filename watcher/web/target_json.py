"""Targets as JSON: the one shape that the API and `check --output json` print (contract, section 3)."""

import json
from collections.abc import AsyncIterator, Iterable, Iterator

from probes.contract import Verdict
from probes.contract.condition import Status
from probes.contract.units import utc
from watcher.engine.board import Board, ConditionStatus, Look, TargetState
from watcher.runtime.cooperative import TimeSlice

_CHUNK = 1 << 14
"""Characters that are worth a write of their own: ten targets."""

_TOGETHER = 100
"""Conditions of one target made into text at a time; a target may have five thousand."""

_MESSAGE_CHARS = 1000


def sentence(verdict: Verdict) -> str:
    """What a verdict says, of a length that fits a page."""
    text = verdict.text
    return text if len(text) <= _MESSAGE_CHARS else text[: _MESSAGE_CHARS - 1] + "…"


def _described(board: Board, state: TargetState, *, evidence: bool) -> Iterator[str]:
    """One target with its conditions, trouble first, and its looks; what they saw only when asked for."""
    namespace, agent, pod = state.target.key
    about = {
        "namespace": namespace,
        "agent": agent,
        "pod": pod,
        "address": state.target.address or "",
        "conditions": [],
        **({"origins": dict(state.target.origins)} if state.target.origins else {}),
        **({"problems": list(state.target.problems)} if state.target.problems else {}),
        "looks": [_look(look, board.date_of(look.at), evidence=evidence) for look in state.looks.values()],
    }
    # Quotes within a text are escaped, so no text of a stranger's can say this.
    head, empty, tail = json.dumps(about).partition('"conditions": [')
    yield head + empty
    conditions = board.conditions(state)
    for start in range(0, len(conditions), _TOGETHER):
        some = json.dumps([_condition(each) for each in conditions[start : start + _TOGETHER]])
        yield (", " if start else "") + some[1:-1]
    yield tail


def _condition(condition: ConditionStatus) -> dict[str, object]:
    probe, verdict, since = condition
    return {
        "probe": probe,
        "condition": verdict.kind.name,
        "subject": verdict.subject,
        "status": verdict.status,
        "reason": verdict.reason,
        "message": sentence(verdict),
        "since": utc(since),
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
    yield f'{{"generated_at": "{utc(board.date_of(now))}", {said}"targets": ['
    between, time_slice, made, size = "", TimeSlice(), list[str](), 0
    for state in states:
        if status is None or has_status(board, state, status, now):
            made.append(between)
            for piece in _described(board, state, evidence=evidence):
                made.append(piece)
                size += len(piece)
                await time_slice.checkpoint()
                if size >= _CHUNK:
                    yield "".join(made)
                    made.clear()
                    size = 0
            between = ",\n"
        await time_slice.checkpoint()
    yield "".join(made)
    yield "]}\n"
