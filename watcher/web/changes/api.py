"""The past as JSON: each verdict that turned, the newest first."""

from collections.abc import AsyncIterator, Collection

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from probes.contract.units import utc
from watcher.changes.change import Change, Found
from watcher.changes.store import ChangeStore
from watcher.engine.engine import Engine
from watcher.web.changes.asked import Asked, AskedError, asked
from watcher.web.changes.failing import FailingNow, find
from watcher.web.json_list import json_list
from watcher.web.serving.turns import Turns, caller_of

LIMIT = 1000
"""Changes in one answer, where no limit is asked for."""


def changes_api(
    engine: Engine, store: ChangeStore, known: Collection[str], failing_now: FailingNow, turns: Turns
) -> Route:
    """`known`: the names of conditions and controls that may be asked for."""

    async def changes(request: Request) -> Response:
        try:
            wanted = asked(request.query_params, known, engine.clock.wall(), LIMIT)
        except AskedError as error:
            return JSONResponse({"error": str(error)}, 400)
        document = _document(engine, store, wanted, failing_now)
        return StreamingResponse(turns.pieces(document, caller_of(request)), media_type="application/json")

    return Route("/api/v1/changes", changes)


async def _document(engine: Engine, store: ChangeStore, wanted: Asked, failing_now: FailingNow) -> AsyncIterator[str]:
    found = await find(store, wanted, failing_now)
    async for piece in json_list(_head(engine, store, wanted, found), "changes", found.changes, _shown):
        yield piece


def _head(engine: Engine, store: ChangeStore, wanted: Asked, found: Found) -> dict[str, object]:
    return {
        "generated_at": utc(engine.clock.wall()),
        **({} if engine.role.active else {"standby": True}),
        "known_since": utc(found.known_since) if found.known_since is not None else None,
        "watched": [{"from": utc(each.began), "to": utc(each.ended)} for each in found.watched],
        "survives_restart": store.survives,
        "problems": [found.trouble] if found.trouble else [],
        "total": found.total,
        "limit": wanted.limit,
        "offset": wanted.offset,
    }


def _shown(change: Change) -> dict[str, object]:
    condition = change.name if change.kind == "condition" else ""
    return {
        "at": utc(change.at),
        "kind": change.kind,
        "namespace": change.namespace,
        "agent": change.agent,
        "pod": change.pod,
        "condition": condition,
        "control": "" if condition else change.name,
        "subject": change.subject,
        "from": change.before,
        "to": change.after,
        "reason": change.reason,
        "message": change.message,
        "lasted_seconds": round(change.lasted, 1),
    }
