"""What is served over HTTP: the metrics, the health, the API and the pages, as applications of starlette."""

import zlib
from collections.abc import AsyncIterator, Callable, Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from probes.contract.condition import Status
from watcher.checklist.live.view import ChecklistView
from watcher.engine.board import TargetState
from watcher.engine.engine import Engine
from watcher.scheduling.poll_loops import PollLoops
from watcher.web.checklist.api import checklist_routes
from watcher.web.checklist.exposition import agent_families
from watcher.web.checklist.pages import readiness_routes
from watcher.web.discovery_page import Discovered, discovery_route, pods_route
from watcher.web.exposition import render, render_own
from watcher.web.pages import WITH_PROBLEMS, page_routes, troubles
from watcher.web.pictures.as_json import pictures_route
from watcher.web.runbook_pages import runbook_routes
from watcher.web.serving.access import Access
from watcher.web.serving.places import FullError, Places, shares, too_many
from watcher.web.serving.server import Server
from watcher.web.serving.shared_page import SharedPages
from watcher.web.serving.turns import Turns, caller_of
from watcher.web.target_json import listing

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def open_server(
    engine: Engine,
    poll_loops: PollLoops,
    unready: Callable[[], str],
    refresh: Callable[[], None],
    access: Access,
    discovered: Discovered,
    checklist: ChecklistView | None,
) -> Server:
    """The port of the pages and that of health.

    `unready` says why nobody should rely on the daemon yet; `refresh` is called before its own metrics are read;
    `checklist` is None where the config wants none.
    """
    health = _health_routes(poll_loops, unready)
    app = make_app(engine, health, refresh, discovered, checklist)
    return Server(app, Starlette(routes=health), access, engine.descriptors)


def make_app(
    engine: Engine,
    health: Sequence[Route],
    refresh: Callable[[], None],
    discovered: Discovered,
    checklist: ChecklistView | None = None,
) -> Starlette:
    """The whole of what the daemon serves; `refresh` is called before its own metrics are read."""
    # Apart: whoever asks for many pages is not in Prometheus's way.
    scrapes, others = SharedPages(Places(shares(engine.descriptors.readers).scrapes)), Turns()

    async def metrics(request: Request) -> Response:
        openmetrics = _prefers_openmetrics(request.headers.get("accept", ""))
        zipped = _accepts_gzip(request.headers.get("accept-encoding", ""))

        def page() -> AsyncIterator[bytes]:
            refresh()
            own = engine.own_metrics.registry
            if engine.role.active:
                beside = agent_families(checklist) if checklist is not None else ()
                pieces = render(engine.board, own, engine.clock.steady(), beside, openmetrics=openmetrics)
            else:
                pieces = render_own(own, openmetrics=openmetrics)
            return _gzip(pieces) if zipped else _joined(pieces)

        headers = {"Content-Type": OPENMETRICS if openmetrics else TEXT, "Vary": "Accept, Accept-Encoding"}
        encoding = {"Content-Encoding": "gzip"} if zipped else {}
        connection = request.scope["state"]["connection"]
        try:
            body = await scrapes.page((openmetrics, zipped), page, connection, caller_of(request))
        except FullError:
            return too_many()
        return StreamingResponse(body, headers=headers | encoding)

    async def targets(request: Request) -> Response:
        query = request.query_params
        status = query.get("status")
        if status not in (None, *Status):
            return JSONResponse({"error": f"status: expected one of {', '.join(Status)}, got {status!r}"}, 400)
        problems = query.get("problems")
        if problems not in (None, *WITH_PROBLEMS):
            return JSONResponse({"error": f"problems: expected true or false, got {problems!r}"}, 400)
        states = _selected(engine, query.get("namespace"), query.get("agent"), WITH_PROBLEMS.get(problems or ""))
        only, standby = Status(status) if status else None, not engine.role.active
        document = listing(engine.board, states, engine.clock.steady(), status=only, standby=standby)
        return StreamingResponse(others.pieces(document, caller_of(request)), media_type="application/json")

    async def target(request: Request) -> Response:
        namespace, pod = request.path_params["namespace"], request.path_params["pod"]
        found = [state for key, state in engine.board.states.items() if (key.namespace, key.pod) == (namespace, pod)]
        if not found:
            return JSONResponse({"error": f"no target {namespace}/{pod}"}, 404)
        document = listing(engine.board, found, engine.clock.steady(), evidence=True, standby=not engine.role.active)
        return StreamingResponse(others.pieces(document, caller_of(request)), media_type="application/json")

    return Starlette(
        routes=[
            Route("/metrics", metrics),
            *health,
            Route("/api/v1/targets", targets),
            Route("/api/v1/targets/{namespace}/{pod}", target),
            pictures_route(engine, others),
            pods_route(engine, discovered, others),
            *checklist_routes(engine, checklist, others),
            *map(others.route, (discovery_route(engine, discovered), *page_routes(engine))),
            *map(others.route, runbook_routes(engine)),
            *map(others.route, readiness_routes(checklist, engine.clock.wall, lambda: troubles(engine))),
        ]
    )


def _health_routes(poll_loops: PollLoops, unready: Callable[[], str]) -> list[Route]:
    async def livez(_: Request) -> Response:
        return _health("" if poll_loops.live else "the schedule makes no progress")

    async def readyz(_: Request) -> Response:
        return _health(unready())

    return [Route("/livez", livez), Route("/readyz", readyz)]


def _selected(
    engine: Engine, namespace: str | None, agent: str | None, with_problems: bool | None
) -> list[TargetState]:
    return [
        state
        for key, state in engine.board.states.items()
        if namespace in (None, key.namespace) and agent in (None, key.agent)
        if with_problems in (None, bool(state.target.problems))
    ]


def _health(trouble: str) -> Response:
    return PlainTextResponse(f"{trouble or 'ok'}\n", 503 if trouble else 200)


def _prefers_openmetrics(accept: str) -> bool:
    weights = dict(map(_weighed, accept.split(",")))
    text = max(weights.get("text/plain", 0.0), weights.get("*/*", 0.0))
    return weights.get("application/openmetrics-text", 0.0) > text or (
        0.0 < weights.get("application/openmetrics-text", 0.0) == text
    )


def _accepts_gzip(accept_encoding: str) -> bool:
    return dict(map(_weighed, accept_encoding.split(","))).get("gzip", 0.0) > 0.0


def _weighed(item: str) -> tuple[str, float]:
    """A media type or coding and its q (RFC 9110, 12.4.2); what cannot be read is not wanted."""
    name, *parameters = (part.strip().lower() for part in item.split(";"))
    weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    try:
        return name, float(weight)
    except ValueError:
        return name, 0.0


_PIECE = 128 * 1024


async def _joined(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Pieces worth a write each: a family that a fleet does not have is a few bytes."""
    kept, size = [], 0
    async for piece in pieces:
        kept.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield b"".join(kept)
            kept, size = [], 0
    yield b"".join(kept)


async def _gzip(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    squeeze = zlib.compressobj(1, wbits=31)
    async for piece in _joined(pieces):
        yield squeeze.compress(piece)
    yield squeeze.flush()
