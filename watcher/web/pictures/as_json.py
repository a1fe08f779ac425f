"""The pictures of a target as JSON: what is drawn on its page, for programs."""

import json
import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from probes.contract.picture import Picture
from probes.contract.units import utc
from watcher.engine.board import TargetState
from watcher.engine.engine import Engine
from watcher.runtime.failures import FailuresLogger
from watcher.web.json_list import in_chunks, items
from watcher.web.pictures.of_target import Remembered, remembered
from watcher.web.serving.turns import Turns, caller_of

log = logging.getLogger(__name__)

MOST = 50
"""Pictures of one probe: as many subjects of a target as are exported."""


def pictures_route(engine: Engine, turns: Turns) -> Route:
    """The route of the API; pictures are made when it is asked."""
    logger = FailuresLogger(log)

    async def pictures(request: Request) -> Response:
        where = request.path_params["namespace"], request.path_params["pod"]
        states = [state for key, state in engine.board.states.items() if (key.namespace, key.pod) == where]
        if not states:
            return JSONResponse({"error": f"no target {'/'.join(where)}"}, 404)
        document = _document(engine, states, logger)
        return StreamingResponse(turns.pieces(document, caller_of(request)), media_type="application/json")

    return Route("/api/v1/targets/{namespace}/{pod}/pictures", pictures)


async def _document(engine: Engine, states: Iterable[TargetState], logger: FailuresLogger) -> AsyncIterator[str]:
    """In pieces; times as dates, by the clock as it is set now."""
    date, failed = engine.clock.wall(), list[str]()
    yield f'{{"generated_at": "{utc(date)}", "pictures": ['
    async for piece in in_chunks(items(_drawn(engine, states, date, failed, logger))):
        yield piece
    yield f'], "failed": {json.dumps(failed)}}}\n'


def _drawn(
    engine: Engine, states: Iterable[TargetState], date: float, failed: list[str], logger: FailuresLogger
) -> Iterator[list[str]]:
    for each in (each for state in states for each in remembered(engine, state)):
        try:
            for picture in islice(each.probe.pictures(each.history, each.context), MOST):
                yield [json.dumps(_described(picture, each, date), allow_nan=False)]
        except Exception:  # the boundary: a probe that raises costs its pictures, never the document
            logger.exception("pictures cannot be made", probe=each.probe.name)
            failed.append(each.probe.name)


def _described(picture: Picture, of: Remembered, date: float) -> dict[str, object]:
    def at(seconds: float) -> str:
        return utc(date + seconds)

    lines = (
        {**each._asdict(), "points": [[at(when), value] for when, value in each.points]} for each in picture.series
    )
    return {
        **of.context.target.key._asdict(),
        "probe": of.probe.name,
        "title": picture.title,
        "subject": picture.subject,
        "text": picture.text,
        "conditions": [each.name for each in picture.conditions],
        "start": at(picture.start),
        "end": at(picture.end),
        "unit": picture.unit,
        "series": list(lines),
        "levels": [each._asdict() for each in picture.levels],
        "bands": [{**each._asdict(), "start": at(each.start), "end": at(each.end)} for each in picture.bands],
        "marks": [{**each._asdict(), "at": at(each.at)} for each in picture.marks],
        "bars": [{**each._asdict(), "levels": [one._asdict() for one in each.levels]} for each in picture.bars],
    }
