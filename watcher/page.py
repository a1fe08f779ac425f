"""The page for people: the fleet, trouble first, then one agent with everything known about it."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from probes.contract import Status, Unknown, say_duration
from watcher.board import Board, Row, Standing
from watcher.report import moment, sentence
from watcher.turns import Turns
from watcher.vitals import Impairment
from watcher.watch import Watch

SHOWN = 200
"""Targets on one page; the rest is counted and found by its filters."""

_SLICE = 200
_HERE = Path(__file__).parent / "templates"
_HEADERS = {
    # Nothing on the page comes from elsewhere, and nothing that an agent says can become more than text.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_TROUBLE_FIRST = (Status.TRUE, Status.UNKNOWN, Status.FALSE)


@dataclass(frozen=True, slots=True)
class Line:
    """One target on the fleet's page."""

    row: Row
    status: Status
    telling: list[Standing]  # what is true, or unknown for another reason than too short a watch
    warming: list[str]  # conditions that need more history


def page_routes(watch: Watch) -> list[Route]:
    """The routes of the page."""
    templates = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters |= {
        "moment": moment,
        "sentence": sentence,
        "duration": say_duration,
        "pretty": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
    }

    async def fleet(request: Request) -> Response:
        wanted = {name: request.query_params.get(name, "") for name in ("namespace", "agent", "status")}
        counts, lines = await _fleet(watch.board, wanted, watch.board.oldest(watch.now()))
        body = templates.get_template("fleet.html").render(
            now=watch.now(), counts=counts, lines=lines, wanted=wanted, shown=SHOWN, troubles=_troubles(watch)
        )
        return _html(body, 200)

    async def agent(request: Request) -> Response:
        where = (request.path_params["namespace"], request.path_params["pod"])
        rows = [row for key, row in watch.board.rows.items() if (key.namespace, key.pod) == where]
        found = [(row, _by_probe(watch.board, row)) for row in rows]
        body = templates.get_template("agent.html").render(now=watch.now(), found=found, where=where)
        return _html(body, 200 if found else 404)

    async def style(_: Request) -> Response:
        return FileResponse(_HERE / "style.css", media_type="text/css")

    return [Route("/", fleet), Route("/agents/{namespace}/{pod}", agent), Route("/style.css", style)]


def _html(body: str, status: int) -> Response:
    return HTMLResponse(body.encode(errors="replace"), status, headers=_HEADERS)


async def _fleet(board: Board, wanted: dict[str, str], oldest: tuple[float, ...]) -> tuple[Counter[Status], list[Line]]:
    counts: Counter[Status] = Counter()
    turns = Turns()
    by_status: dict[Status, list[Row]] = {status: [] for status in _TROUBLE_FIRST}
    for place, row in enumerate(list(board.rows.values())):
        if place % _SLICE == 0:
            await turns.pause()
        status = _worst(board, row, oldest)
        counts[status] += 1
        if _is_wanted(row, status, wanted):
            by_status[status].append(row)
    rows = [(row, status) for status in _TROUBLE_FIRST for row in sorted(by_status[status], key=_name)][:SHOWN]
    return counts, [_line(board, row, status) for row, status in rows]


def _name(row: Row) -> tuple[str, str, str]:
    return row.target.key


def _worst(board: Board, row: Row, oldest: tuple[float, ...]) -> Status:
    seen = {status for _, _, verdicts in board.fresh(row.sheets, oldest) for _, status, _ in verdicts.outcomes}
    return next((status for status in _TROUBLE_FIRST if status in seen), Status.UNKNOWN)


def _is_wanted(row: Row, status: Status, wanted: dict[str, str]) -> bool:
    namespace, agent, _ = row.target.key
    return (
        wanted["namespace"] in ("", namespace) and wanted["agent"] in ("", agent) and wanted["status"] in ("", status)
    )


def _line(board: Board, row: Row, status: Status) -> Line:
    found = [each for each in board.conditions(row) if each.verdict.status is not Status.FALSE]
    warming = [each for each in found if each.verdict.reason == Unknown.WARMING_UP]
    telling = [each for each in found if each not in warming]
    return Line(row, status, telling, sorted({each.verdict.kind.name for each in warming}))


def _by_probe(board: Board, row: Row) -> dict[str, list[Standing]]:
    # Trouble first, so the probe of the worst condition leads.
    found: dict[str, list[Standing]] = {}
    for each in board.conditions(row):
        found.setdefault(each.probe, []).append(each)
    return found


def _troubles(watch: Watch) -> Iterator[str]:
    if watch.settings.identity is not None and watch.identity.trouble:
        yield f"{Impairment.NO_IDENTITY}: {watch.identity.trouble}"
    if watch.fleet.isolation.isolated:
        yield f"{Impairment.ISOLATED}: most targets fell silent at once; the trouble may be the watcher's own."
    if watch.fleet.lag.overloaded:
        yield f"{Impairment.OVERLOADED}: the watcher's event loop lags; missed deadlines are not blamed on agents."
