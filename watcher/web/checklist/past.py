"""Readiness as it was on a day of the past, `?at=`: of one agent, or of all that were there."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import date, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from probes.contract.units import utc
from probes.controls.evidence import AgentRef
from watcher.checklist.live.history.daily_history import day_of
from watcher.checklist.live.history.past_days import PastDays
from watcher.checklist.live.view import ChecklistView
from watcher.web.serving.turns import Turns, caller_of

Handler = Callable[[Request], Awaitable[Response]]


def with_past(view: ChecklistView | None, turns: Turns, now: Handler) -> Handler:
    """What answers `?at=` with findings of that day, 404 where nothing is known of it; all else is asked of `now`."""

    async def either(request: Request) -> Response:
        if view is None or "at" not in request.query_params:
            return await now(request)
        if view.history is None:
            return JSONResponse({"error": "at: no day is kept without state_dir in the config"}, 404)
        try:
            day = _day(request.query_params["at"])
        except ValueError:
            return JSONResponse({"error": "at: expected a day such as 2026-11-23, or a time with an offset"}, 400)
        if day > day_of(view.now):
            return JSONResponse({"error": f"at: {day} is in the future"}, 400)
        return await _past(request, view, view.history, turns, day)

    return either


async def _past(request: Request, view: ChecklistView, history: PastDays, turns: Turns, day: str) -> Response:
    path = request.path_params
    ref = AgentRef(path["namespace"], path["agent"]) if path else None
    wanted = [each for each in await history.agents(day) if _is_wanted(each, request, ref)]
    if not wanted:
        return JSONResponse({"error": await _nothing(history, day, ref)}, 404)
    document = _document(view, history, day, wanted)
    return StreamingResponse(turns.pieces(document, caller_of(request)), media_type="application/json")


def _day(text: str) -> str:
    """By UTC."""
    if len(text) == 10:
        return date.fromisoformat(text).isoformat()
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("expected an offset")
    return day_of(moment.timestamp())


def _is_wanted(each: AgentRef, request: Request, ref: AgentRef | None) -> bool:
    if ref is not None:
        return each == ref
    query = request.query_params
    return query.get("namespace") in (None, each.namespace) and query.get("agent") in (None, each.agent)


async def _nothing(history: PastDays, day: str, ref: AgentRef | None) -> str:
    if ref is None:
        return f"at: no snapshot of {day}"
    kept = await history.kept(ref)
    some = f"; there are some from {kept.first} to {kept.last}" if kept.first else ""
    return f"at: no snapshot of {ref} of {day}{some}"


async def _document(view: ChecklistView, history: PastDays, day: str, wanted: Sequence[AgentRef]) -> AsyncIterator[str]:
    """Each agent says when it was seen, and by which catalogue: both may differ within a day."""
    yield f'{{"generated_at": "{utc(view.now)}", "day": "{day}", "agents": ['
    between, catalogue = "", dict[str, str]()
    for ref in wanted:
        found = await history.find(day, ref)
        if found is not None:
            catalogue = found.found["catalogue"]
            agent = {**found.found["agent"], "seen_at": utc(found.at), "catalogue": catalogue}
            yield between + json.dumps(agent)
            between = ",\n"
    notes = list(filter(None, [view.shard, history.told()]))
    end: dict[str, object] = {"catalogue": catalogue, "fleet": {"findings": []}, "problems": [], "notes": notes}
    yield f"], {json.dumps(end)[1:]}\n"
