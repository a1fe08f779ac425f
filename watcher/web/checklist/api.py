"""The checklist as JSON: readiness of all agents, of one, and the controls."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from probes.contract.units import parse_duration
from probes.controls.evidence import AgentRef
from probes.controls.judging import load_judges
from watcher.checklist.agent_report import Chosen
from watcher.checklist.control_words import as_json
from watcher.checklist.live.view import ChecklistView
from watcher.checklist.reports.json_report import agent_alone, head, pieces_of_agent, turned_json
from watcher.engine.engine import Engine
from watcher.web.checklist.past import with_past
from watcher.web.json_list import in_chunks, items
from watcher.web.serving.turns import Turns, caller_of

_YES_OR_NO = {"true": True, "false": False}
_ALL = Chosen()


def checklist_routes(engine: Engine, view: ChecklistView | None, turns: Turns) -> list[Route]:
    """The API of the checklist; where the config wants none, each answers 404 and says so."""

    async def readiness(request: Request) -> Response:
        if view is None:
            return _off()
        query = request.query_params
        asked = query.get("findings", "false")
        if asked not in _YES_OR_NO:
            return JSONResponse({"error": f"findings: expected true or false, got {asked!r}"}, 400)
        try:
            since = view.now - parse_duration(query["since"]) if "since" in query else None
        except ValueError as error:
            return JSONResponse({"error": f"since: {error}"}, 400)
        wanted = [each for each in view.agents() if _is_wanted(each, query.get("namespace"), query.get("agent"))]
        document = _document(view, wanted, since, findings=_YES_OR_NO[asked], standby=not engine.role.active)
        return StreamingResponse(turns.pieces(document, caller_of(request)), media_type="application/json")

    async def one(request: Request) -> Response:
        if view is None:
            return _off()
        ref = AgentRef(request.path_params["namespace"], request.path_params["agent"])
        if view.verdict(ref) is None:
            return JSONResponse({"error": f"no agent {ref}, or it is not judged yet"}, 404)
        document = _document(view, [ref], findings=True, standby=not engine.role.active)
        return StreamingResponse(turns.pieces(document, caller_of(request)), media_type="application/json")

    async def controls(request: Request) -> Response:
        if view is None:
            return _off()
        return StreamingResponse(turns.pieces(_controls(view), caller_of(request)), media_type="application/json")

    return [
        Route("/api/v1/readiness", with_past(view, turns, readiness)),
        Route("/api/v1/readiness/{namespace}/{agent}", with_past(view, turns, one)),
        Route("/api/v1/controls", controls),
    ]


def _off() -> Response:
    return JSONResponse({"error": "the checklist is off, by checklist.enabled of the config"}, 404)


def _is_wanted(ref: AgentRef, namespace: str | None, agent: str | None) -> bool:
    return namespace in (None, ref.namespace) and agent in (None, ref.agent)


async def _document(
    view: ChecklistView, agents: Sequence[AgentRef], since: float | None = None, *, findings: bool, standby: bool
) -> AsyncIterator[str]:
    """`since`: Unix seconds, where what turned since then is asked for too."""
    begin = {**head(view.catalogue, view.now), **({"standby": True} if standby else {})}
    end = {"fleet": {"findings": []}, "problems": list(view.problems), "notes": list(view.notes)}
    yield f'{json.dumps(begin)[:-1]}, "agents": ['
    async for piece in in_chunks(items(_agent(view, ref, findings=findings) for ref in agents)):
        yield piece
    yield "], "
    if since is not None:
        yield '"turned": ['
        async for piece in turned_pieces(view, frozenset(agents), since):
            yield piece
        yield "], "
    yield f"{json.dumps(end)[1:]}\n"


def turned_pieces(view: ChecklistView, agents: frozenset[AgentRef], since: float) -> AsyncIterator[str]:
    """Pieces of a list without its brackets: a bad hour of a large fleet has thousands of turns."""
    return in_chunks(items([json.dumps(turned_json(each))] for each in view.turned(since) if each.agent in agents))


def _agent(view: ChecklistView, ref: AgentRef, *, findings: bool) -> Iterator[str]:
    """The text of one agent, in pieces; nothing of one that is gone meanwhile."""
    verdict = view.verdict(ref)
    if verdict is not None and findings:
        yield from pieces_of_agent(view.report_of(ref, _ALL), view.catalogue)
    elif verdict is not None:
        yield json.dumps(agent_alone(ref, verdict.profile.name, verdict.labels, verdict.readiness))


async def _controls(view: ChecklistView) -> AsyncIterator[str]:
    about = {"version": view.catalogue.version, "digest": view.catalogue.digest}
    yield f'{{"catalogue": {json.dumps(about)}, "controls": ['
    judges, between = load_judges(), ""
    for control in view.catalogue.controls:
        yield between + json.dumps(as_json(control, judges))
        between = ",\n"
    yield "]}\n"
