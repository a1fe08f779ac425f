"""What is served over HTTP: the metrics, the health, the API and the pages, as applications of starlette."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from itertools import chain

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from watcher.changes.store import ChangeStore
from watcher.checklist.live.view import ChecklistView
from watcher.engine.engine import Engine
from watcher.scheduling.poll_loops import PollLoops
from watcher.web.changes.api import changes_api
from watcher.web.changes.failing import failing_by
from watcher.web.changes.page import changes_page
from watcher.web.checklist.api import checklist_routes
from watcher.web.checklist.exposition import agent_families
from watcher.web.checklist.pages import readiness_routes
from watcher.web.checklist.records import records_api, records_page
from watcher.web.discovery_page import Discovered, discovery_route, pods_route
from watcher.web.exposition import render, render_own
from watcher.web.fleet.api import fleet_rows_route
from watcher.web.fleet.badge import badge_route
from watcher.web.fleet.fleet_query import FilterError, fleet_query
from watcher.web.fleet.page import fleet_route
from watcher.web.missing import page_not_found
from watcher.web.pages import page_routes, troubles
from watcher.web.pictures.as_json import pictures_route
from watcher.web.pictures.of_agent import pictured_agent
from watcher.web.rollouts.api import rollout_api
from watcher.web.rollouts.exposition import rollout_families
from watcher.web.rollouts.followed import NOT_FOLLOWED, Followed, NotFollowed
from watcher.web.rollouts.gates import gate_routes
from watcher.web.rollouts.pages import rollout_pages
from watcher.web.rollouts.surroundings import AroundRollouts
from watcher.web.runbooks.pages import runbook_routes
from watcher.web.serving.access import Access
from watcher.web.serving.compression import Compression, accepts_gzip, weighed
from watcher.web.serving.gzipped import gzipped
from watcher.web.serving.places import FullError, Places, shares, too_many
from watcher.web.serving.server import Server
from watcher.web.serving.shared_page import SharedPages
from watcher.web.serving.turns import Turns, caller_of
from watcher.web.target_json import fleet_listing, listing
from watcher.web.told import told_by

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
    past: ChangeStore,
    rollouts: Followed | None,
) -> Server:
    """The port of the pages and that of health.

    `unready` says why nobody should rely on the daemon yet; `refresh` is called before its own metrics are read;
    `checklist` and `rollouts` are None where the config wants none.
    """
    health = _health_routes(poll_loops, unready)
    app = make_app(engine, health, refresh, discovered, checklist, past, rollouts)
    gates = gate_routes(rollouts or NotFollowed(), engine.clock.wall, lambda: _unable(engine, rollouts), alone=True)
    return Server(app, Starlette(routes=[*health, *gates]), access, engine.descriptors)


def make_app(
    engine: Engine,
    health: Sequence[Route],
    refresh: Callable[[], None],
    discovered: Discovered,
    checklist: ChecklistView | None,
    past: ChangeStore,
    rollouts: Followed | None = None,
) -> Starlette:
    """The whole of what the daemon serves; `refresh` is called before its own metrics are read.

    `rollouts` is None where none are followed.
    """
    # Apart: whoever asks for many pages is not in Prometheus's way.
    conditions = sorted({kind.name for probe in engine.board.probes for kind in probe.conditions})
    probes = [probe.name for probe in engine.board.probes]
    told, failing_now = told_by(engine), failing_by(engine.board, checklist)
    scrapes, others = SharedPages(Places(shares(engine.descriptors.readers).scrapes)), Turns()

    known = {*conditions, *(checklist.catalogue.by_id if checklist is not None else ())}

    async def metrics(request: Request) -> Response:
        openmetrics = _prefers_openmetrics(request.headers.get("accept", ""))
        zipped = accepts_gzip(request.headers.get("accept-encoding", ""))

        def page() -> AsyncIterator[bytes]:
            refresh()
            own = engine.own_metrics.registry
            if engine.role.active:
                beside = [] if checklist is None else [agent_families(checklist)]
                beside += [] if rollouts is None else [rollout_families(rollouts)]
                pieces = render(engine.board, own, engine.clock.steady(), chain(*beside), openmetrics=openmetrics)
            else:
                pieces = render_own(own, openmetrics=openmetrics)
            joined = _joined(pieces)
            return gzipped(joined) if zipped else joined

        headers = {"Content-Type": OPENMETRICS if openmetrics else TEXT, "Vary": "Accept, Accept-Encoding"}
        encoding = {"Content-Encoding": "gzip"} if zipped else {}
        connection = request.scope["state"]["connection"]
        try:
            body = await scrapes.page((openmetrics, zipped), page, connection, caller_of(request))
        except FullError:
            return too_many()
        return StreamingResponse(body, headers=headers | encoding)

    async def targets(request: Request) -> Response:
        try:
            query = fleet_query(request.query_params, conditions, probes)
        except FilterError as error:
            return JSONResponse({"error": str(error)}, 400)
        document = fleet_listing(engine.board, query, engine.clock.steady(), told, standby=not engine.role.active)
        return StreamingResponse(others.pieces(document, caller_of(request)), media_type="application/json")

    async def target(request: Request) -> Response:
        namespace, pod = request.path_params["namespace"], request.path_params["pod"]
        found = [state for key, state in engine.board.states.items() if (key.namespace, key.pod) == (namespace, pod)]
        if not found:
            return JSONResponse({"error": f"no target {namespace}/{pod}"}, 404)
        document = listing(
            engine.board, found, engine.clock.steady(), told, evidence=True, standby=not engine.role.active
        )
        return StreamingResponse(others.pieces(document, caller_of(request)), media_type="application/json")

    return Starlette(
        routes=[
            Route("/metrics", metrics),
            *health,
            Route("/api/v1/targets", targets),
            Route("/api/v1/targets/{namespace}/{pod}", target),
            others.route(fleet_rows_route(engine, lambda: troubles(engine))),
            pictures_route(engine, others),
            pods_route(engine, discovered, others),
            *checklist_routes(engine, checklist, others),
            records_api(checklist, others),
            changes_api(engine, past, known, failing_now, others),
            *map(others.route, _pages(engine, discovered, past)),
            others.route(changes_page(engine, past, known, failing_now)),
            *map(others.route, runbook_routes(engine, past, rollouts)),
            *map(others.route, _readiness(engine, checklist)),
            *_rollouts(engine, rollouts, checklist, others),
            others.route(records_page(checklist, engine.clock.wall)),
        ],
        middleware=[Middleware(Compression)],
        exception_handlers={404: page_not_found(engine.clock.wall)},
    )


def _pages(engine: Engine, discovered: Discovered, past: ChangeStore) -> list[Route]:
    fleet = fleet_route(engine, lambda: troubles(engine))
    return [discovery_route(engine, discovered), fleet, badge_route(engine), *page_routes(engine, past)]


def _rollouts(
    engine: Engine, rollouts: Followed | None, checklist: ChecklistView | None, others: Turns
) -> Iterator[Route]:
    """Gates wait for nobody's turn: a pipeline is answered however many read pages."""
    view = rollouts or NotFollowed()
    around = AroundRollouts(view, checklist, engine.settings.checklist.environment, engine.settings.rollouts.staging)
    beside = () if rollouts is not None else (NOT_FOLLOWED,)
    yield from gate_routes(view, engine.clock.wall, lambda: _unable(engine, rollouts), alone=False)
    yield from rollout_api(engine, view, around, others)
    yield from map(others.route, rollout_pages(engine, view, around, lambda: (*beside, *troubles(engine))))


def _unable(engine: Engine, rollouts: Followed | None) -> str:
    """Why a gate cannot be answered now; empty where it can."""
    if rollouts is None:
        return NOT_FOLLOWED
    return " ".join(troubles(engine)) or ("" if engine.role.active else "It is on standby.")


def _readiness(engine: Engine, checklist: ChecklistView | None) -> list[Route]:
    pictured = partial(pictured_agent, engine)
    return readiness_routes(checklist, engine.clock.wall, lambda: troubles(engine), pictured)


def _health_routes(poll_loops: PollLoops, unready: Callable[[], str]) -> list[Route]:
    async def livez(_: Request) -> Response:
        return _health("" if poll_loops.live else "the scheduler makes no progress")

    async def readyz(_: Request) -> Response:
        return _health(unready())

    return [Route("/livez", livez), Route("/readyz", readyz)]


def _health(trouble: str) -> Response:
    return PlainTextResponse(f"{trouble or 'ok'}\n", 503 if trouble else 200)


def _prefers_openmetrics(accept: str) -> bool:
    weights = dict(map(weighed, accept.split(",")))
    text = max(weights.get("text/plain", 0.0), weights.get("*/*", 0.0))
    return weights.get("application/openmetrics-text", 0.0) > text or (
        0.0 < weights.get("application/openmetrics-text", 0.0) == text
    )


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
