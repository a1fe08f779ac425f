"""The fleet's page: the worst first, everything findable, what many have in common in one row."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from watcher.engine.board import Board, TargetState
from watcher.engine.engine import Engine
from watcher.pictures.drawing import DrawnBar
from watcher.runtime.cooperative import TimeSlice
from watcher.web.fleet.agent_rows import AgentRow, Row, Rows, SharedRow, fleet_rows
from watcher.web.fleet.fleet_query import FILTERS, FilterError, FleetQuery, fleet_query
from watcher.web.fleet.row_words import SHOWN_AGENTS, SHOWN_PODS, Said, others_of, reason_words, reasons_of, said_of
from watcher.web.fleet.selection import Selection, select
from watcher.web.fleet.target_health import Cause, TargetHealth
from watcher.web.pictures.of_target import Pictures
from watcher.web.rendering import html_page, page_templates, rendered

ROWS = 100
"""Rows on one page; the URL may ask for fewer, or for up to twice as many."""

SHOWN_CONDITIONS = 3
"""Conditions of one agent in its row."""

SHOWN_IN_ALL = 150
"""Conditions on the page, after which each row has room for one."""

SHOWN_CAUSES, FIRST_CAUSES = 24, 5
"""Causes in the strip above the rows, and those that need no unfolding: on a phone rows are to be seen at once."""

LABELS = {
    "q": "text",
    "severity": "state",
    "status": "status",
    "problems": "discovery problems",
}
"""How filters are called for people, where that is not their name."""


class Paging(NamedTuple):
    """Which rows are shown, counted from 0."""

    first: int
    after: int
    rows: int
    size: int

    @property
    def before(self) -> int:
        """Where the page before this one begins."""
        return max(0, self.first - self.size)


@dataclass(frozen=True, slots=True)
class Shown:
    """One row with what it says; of what many have in common there is nothing more to say."""

    row: Row
    said: Said | None
    is_shared: bool
    bars: Sequence[DrawnBar] = ()  # of the pod that leads it


def fleet_route(engine: Engine, troubles: Callable[[], Iterable[str]]) -> Route:
    """The route of the page; `troubles`: what is to be known of the watcher itself now, a sentence each."""
    template, board, pictures = page_templates().get_template("fleet.html"), engine.board, Pictures(engine)
    conditions = sorted({kind.name for probe in board.probes for kind in probe.conditions})
    probes = [probe.name for probe in board.probes]

    async def fleet(request: Request) -> Response:
        try:
            query, mistake = fleet_query(request.query_params, conditions, probes), ""
            size = _size(query)
        except FilterError as error:
            query, mistake, size = FleetQuery(), str(error), ROWS
        now = engine.clock.steady()
        selection = Selection() if mistake else await select(board, query, now)
        by_pod, fold = "namespace" in query.given and "agent" in query.given, not query.asks_for_outcomes
        found = await fleet_rows(board, selection, by_pod=by_pod, fold=fold and not by_pod, now=now)
        page = _paging(query, size, len(found.rows))
        bars_of = pictures.bars if size <= ROWS else no_bars  # of more rows they would be too many bytes
        shown = await shown_rows(board, found.rows[page.first : page.after], bars_of, now)
        given = {
            "query": query.given,
            "mistake": mistake,
            "selection": selection,
            "found": found,
            "shown": shown,
            "page": page,
            "strip": _strip(found),
            "by_pod": by_pod,
            "conditions": conditions,
            "wanted": dict.fromkeys(FILTERS, "") | dict(query.given),
            "asked_size": {"limit": str(size)} if size != ROWS else {},
        }
        words = {
            "LABELS": LABELS,
            "HEALTHS": list(TargetHealth),
            "SHOWN_PODS": SHOWN_PODS,
            "SHOWN_AGENTS": SHOWN_AGENTS,
            "FIRST_CAUSES": FIRST_CAUSES,
        }
        words |= {"others_of": others_of, "reasons_of": reasons_of, "reason_words": reason_words}
        when = {"now": engine.clock.wall(), "date_of": engine.clock.date_of}
        body = await rendered(template, troubles=list(troubles()), **when, **given, **words)
        return html_page(body, 400 if mistake else 200)

    return Route("/", fleet)


def _size(query: FleetQuery) -> int:
    if query.limit is not None and query.limit > 2 * ROWS:
        raise FilterError(f"limit: expected at most {2 * ROWS} rows on a page, got {query.limit}; the API gives more")
    return query.limit or ROWS


def _paging(query: FleetQuery, size: int, rows: int) -> Paging:
    first = min(query.offset, max(0, rows - 1) // size * size) if query.offset >= rows else query.offset
    return Paging(first, min(first + size, rows), rows, size)


def no_bars(_: TargetState) -> Sequence[DrawnBar]:
    """None of any target."""
    return ()


async def shown_rows(
    board: Board, rows: Sequence[Row], bars_of: Callable[[TargetState], Sequence[DrawnBar]], now: float
) -> list[Shown]:
    """These rows with what each says at `now`, steady seconds; the more is said already, the less of the next."""
    shown, told, time_slice = list[Shown](), 0, TimeSlice()
    for row in rows:
        said: Said | None = None
        bars: Sequence[DrawnBar] = ()
        if isinstance(row, AgentRow):
            bars = bars_of(row.pods[0].state)
            said = said_of(board, row, SHOWN_CONDITIONS if told < SHOWN_IN_ALL else 1, now)
            told += len(said.told)
        shown.append(Shown(row, said, isinstance(row, SharedRow), bars))
        await time_slice.checkpoint()
    return shown


def _strip(found: Rows) -> Sequence[tuple[Cause, int, Mapping[str, str]]]:
    """The causes that most have, the worst first: each with how many targets, and as filters."""
    ordered = sorted(found.causes.items(), key=lambda each: (each[0].health.rank, -each[1], each[0]))
    return [(cause, count, _as_filter(cause)) for cause, count in ordered[:SHOWN_CAUSES]]


def _as_filter(cause: Cause) -> Mapping[str, str]:
    if cause.condition:
        return {"condition": cause.condition, "probe": "", "reason": ""}
    return {"condition": "", "probe": cause.probe, "reason": cause.reason}
