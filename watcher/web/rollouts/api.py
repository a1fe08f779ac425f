"""Rollouts as JSON and their deployment records as Markdown."""

from collections.abc import AsyncIterator, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from probes.contract.units import utc
from watcher.engine.engine import Engine
from watcher.rollouts.reports.json_form import rollout_json, summary_json
from watcher.rollouts.reports.markdown import as_markdown
from watcher.rollouts.reports.record import record_of
from watcher.rollouts.rollout import Rollout
from watcher.rollouts.view import RolloutsView
from watcher.web.json_list import json_list
from watcher.web.rollouts.surroundings import AroundRollouts
from watcher.web.serving.turns import Turns, caller_of

MARKDOWN = "text/markdown; charset=utf-8"
_NAMED = 100


def rollout_api(engine: Engine, view: RolloutsView, around: AroundRollouts, turns: Turns) -> list[Route]:
    """The routes; each rollout also as `.md`."""

    async def every(request: Request) -> Response:
        wanted = {part: request.query_params.get(part, "") for part in ("namespace", "agent")}
        one = bool(wanted["namespace"] and wanted["agent"])
        found = await view.of(**wanted) if one else view.listed(**wanted)
        pieces = turns.pieces(_listing(engine, found), caller_of(request))
        return StreamingResponse(pieces, media_type="application/json")

    async def as_json(request: Request) -> Response:
        found = await _asked(view, request)
        if found is None:
            return JSONResponse({"error": _missing(request)}, 404)
        return JSONResponse(rollout_json(found, record_of(found, await around.of(found))))

    async def as_text(request: Request) -> Response:
        found = await _asked(view, request)
        if found is None:
            return JSONResponse({"error": _missing(request)}, 404)
        text = as_markdown(record_of(found, await around.of(found)), found)
        return Response(text.encode(errors="replace"), media_type=MARKDOWN)

    paths = ("/api/v1/rollouts/{namespace}/{agent}", "/api/v1/rollouts/{namespace}/{agent}/{revision}")
    return [
        Route("/api/v1/rollouts", every),
        *(Route(f"{path}.md", as_text) for path in paths),
        *(Route(path, as_json) for path in paths),
    ]


async def _asked(view: RolloutsView, request: Request) -> Rollout | None:
    """Of the path: the newest of an agent, or that of a revision."""
    where, revision = (request.path_params["namespace"], request.path_params["agent"]), request.path_params
    if "revision" in revision:
        return await view.revision(*where, revision["revision"])
    return view.newest(*where)


def _missing(request: Request) -> str:
    parts = "/".join(request.path_params.values())
    return f"no rollout of {parts[:_NAMED]} was seen, or it is no longer kept"


def _listing(engine: Engine, found: Sequence[Rollout]) -> AsyncIterator[str]:
    standby = {} if engine.role.active else {"standby": True}
    head = {"generated_at": utc(engine.clock.wall()), **standby, "total": len(found)}
    return json_list(head, "rollouts", found, summary_json)
