"""`/api/v1/fleet`: the rows of the fleet's page, for programs; `agentweave-watcher status` shows them."""

from collections.abc import Callable, Iterable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from watcher.engine.engine import Engine
from watcher.web.fleet.as_json import fleet_json
from watcher.web.fleet.fleet_query import FilterError, fleet_query


def fleet_rows_route(engine: Engine, troubles: Callable[[], Iterable[str]]) -> Route:
    """The same filters as the page; `troubles`: what is to be known of the watcher itself now, a sentence each."""
    board = engine.board
    conditions = sorted({kind.name for probe in board.probes for kind in probe.conditions})
    probes = [probe.name for probe in board.probes]

    async def rows(request: Request) -> Response:
        try:
            query = fleet_query(request.query_params, conditions, probes)
            document = await fleet_json(board, query, engine.clock.steady())
        except FilterError as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse({**document, "standby": not engine.role.active, "troubles": list(troubles())})

    return Route("/api/v1/fleet", rows)
