"""The page for people: the fleet, trouble first, then one agent with everything known about it."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from probes.contract import Status, TargetKey, Unknown, say_duration
from watcher.engine.board import Board, Row, Standing
from watcher.engine.engine import Watch
from watcher.metrics.own import IMPAIRED, Impairment, Vitals
from watcher.runtime.cooperative import Turns
from watcher.runtime.role import Role
from watcher.web.exposition import PREFIX
from watcher.web.target_json import moment, sentence

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
_LOGGED = {
    Impairment.CONFIG_REJECTED: "the newest config was refused and the old one goes on; the log names the mistakes.",
    Impairment.DISCOVERY_STALE: "the fleet was not discovered lately; what is listed here may be gone, and more there.",
    Impairment.STATE_UNWRITABLE: "the state file cannot be written; the log says why.",
}
_TROUBLE_FIRST = (Status.TRUE, Status.UNKNOWN, Status.FALSE)


@dataclass(frozen=True, slots=True)
class Line:
    """One target on the fleet's page."""

    row: Row
    status: Status
    telling: list[Standing]  # what is true, or unknown for a reason of its own
    folded: list["Folded"]  # the rest of what is unknown


class Folded(NamedTuple):
    """Conditions that are unknown for a reason which says nothing of each."""

    said: str
    names: list[str]


@cache
def page_templates() -> Environment:
    """The templates of all pages for people, compiled; whatever is put into one comes out as text."""
    templates = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters |= {
        "moment": moment,
        "sentence": sentence,
        "duration": say_duration,
        "pretty": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
    }
    templates.globals |= {"runbook_of": _runbook_of}
    for name in templates.list_templates(extensions=["html"]):
        templates.get_template(name)  # a tenth of a second for all: now, and not between looks
    return templates


def _runbook_of(standing: Standing, key: TargetKey) -> str:
    """The link to the runbook of a condition, with what this target fills in."""
    query = {**key._asdict(), "subject": standing.verdict.subject}
    given = urlencode({name: value for name, value in query.items() if value}, errors="replace")
    return f"/runbooks/AgentWeave{standing.verdict.kind.name}?{given}"


def page_routes(watch: Watch) -> list[Route]:
    """The routes of the page."""
    templates = page_templates()

    async def fleet(request: Request) -> Response:
        wanted = {name: request.query_params.get(name, "") for name in ("namespace", "agent", "status")}
        counts, lines = await _fleet(watch.board, wanted, watch.board.oldest(watch.now()))
        body = templates.get_template("fleet.html").render(
            now=watch.now(), counts=counts, lines=lines, wanted=wanted, shown=SHOWN, troubles=troubles(watch)
        )
        return html_page(body, 200)

    async def agent(request: Request) -> Response:
        where = (request.path_params["namespace"], request.path_params["pod"])
        rows = [row for key, row in watch.board.rows.items() if (key.namespace, key.pod) == where]
        found = [(row, _by_probe(watch.board, row)) for row in rows]
        body = templates.get_template("agent.html").render(now=watch.now(), found=found, where=where)
        return html_page(body, 200 if found else 404)

    async def style(_: Request) -> Response:
        return FileResponse(_HERE / "style.css", media_type="text/css")

    return [Route("/", fleet), Route("/agents/{namespace}/{pod}", agent), Route("/style.css", style)]


async def rendered(template: Template, **values: object) -> str:
    """A page that may be long, made in turns with the looks."""
    pieces, turns = [], Turns()
    for piece in template.generate(**values):
        pieces.append(piece)
        await turns.pause()
    return "".join(pieces)


def html_page(body: str, status: int) -> Response:
    """A page that can load nothing but our own style."""
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
    telling = [each for each in found if each.verdict.reason not in (Unknown.WARMING_UP, Unknown.SOURCE_FAILED)]
    folded = [Folded("not told by a look that failed", _names(found, Unknown.SOURCE_FAILED))]
    if not telling:
        folded.append(Folded("warming up", _names(found, Unknown.WARMING_UP)))
    return Line(row, status, telling, [each for each in folded if each.names])


def _names(found: Sequence[Standing], reason: Unknown) -> list[str]:
    return sorted({each.verdict.kind.name for each in found if each.verdict.reason == reason})


def _by_probe(board: Board, row: Row) -> dict[str, list[Standing]]:
    # Trouble first, so the probe of the worst condition leads.
    found: dict[str, list[Standing]] = {}
    for each in board.conditions(row):
        found.setdefault(each.probe, []).append(each)
    return found


def troubles(watch: Watch) -> Iterator[str]:
    """What is to be known of the watcher itself now, a sentence each."""
    if watch.settings.standby is not None:
        yield from _role(watch.role, watch.settings.standby.lease)
    if watch.settings.identity is not None and watch.identity.trouble:
        yield f"{Impairment.NO_IDENTITY}: {watch.identity.trouble}"
    if watch.fleet.isolation.isolated:
        yield f"{Impairment.ISOLATED}: most targets fell silent at once; the trouble may be the watcher's own."
    if watch.fleet.lag.overloaded:
        yield f"{Impairment.OVERLOADED}: the watcher's event loop lags; missed deadlines are not blamed on agents."
    impaired = _impaired(watch.vitals)
    yield from (f"{reason}: {why}" for reason, why in _LOGGED.items() if reason in impaired)


def _role(role: Role, lease: str) -> Iterator[str]:
    if not role.active:
        holder = f"{role.holder} leads" if role.holder else "nobody leads"
        yield f"On standby: {holder}, by the lease {lease}. What is seen here is not exported and told to nobody."
    if role.trouble:
        yield f"The lease {lease} cannot be had: {role.trouble}"


def _impaired(vitals: Vitals) -> set[str]:
    """The reasons that /metrics gave last."""
    families = vitals.registry.restricted_registry([PREFIX + IMPAIRED.name]).collect()
    return {sample.labels["reason"] for family in families for sample in family.samples if sample.value}
