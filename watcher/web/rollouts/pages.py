"""The pages `/rollouts`, `/rollouts/{namespace}/{agent}` and `/rollouts/{namespace}/{agent}/{revision}`."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from watcher.engine.engine import Engine
from watcher.rollouts.reports.record import BLANK, TO_FILL_IN, record_of
from watcher.rollouts.reports.way_back import way_back
from watcher.rollouts.reports.words import (
    COLOURS,
    MARKS,
    PHASES,
    STATES,
    WINDOWS,
    line_said,
    short_image,
    version_of,
)
from watcher.rollouts.rollout import Rollout, verdict
from watcher.rollouts.terms import Phase, Window
from watcher.rollouts.view import RolloutsView
from watcher.web.missing import Near, missing_page, nearest
from watcher.web.rendering import html_page, page_templates, rendered
from watcher.web.rollouts.surroundings import AroundRollouts
from watcher.web.rollouts.timeline import WIDTH, timeline

SHOWN = 100
"""Rollouts on one page, the last that began first."""

SHOWN_OF_AGENT = 50
FILTERS = ("namespace", "agent", "phase")
_NAMED = 100


class _Listed(NamedTuple):
    shown: Sequence[Rollout]
    phases: Mapping[Phase, int]
    matching: int


def rollout_pages(
    engine: Engine, view: RolloutsView, around: AroundRollouts, own_troubles: Callable[[], Iterable[str]]
) -> list[Route]:
    """The routes of the pages; `own_troubles`: what is to be known of the watcher itself now, a sentence each."""
    templates = page_templates()
    templates.globals |= _words()

    async def every(request: Request) -> Response:
        wanted = {part: request.query_params.get(part, "") for part in FILTERS}
        found = _listed(view, wanted)
        given = {"found": found, "wanted": wanted, "shown": SHOWN, "phases": list(Phase)}
        body = await rendered(templates.get_template("rollouts.html"), **_common(engine, own_troubles), **given)
        return html_page(body, 200)

    async def one(request: Request) -> Response:
        parts = request.path_params
        where = parts["namespace"], parts["agent"]
        found = await view.revision(*where, parts["revision"]) if "revision" in parts else view.newest(*where)
        if found is None:
            return await _missing(engine, view, "/".join(parts.values()))
        record = record_of(found, await around.of(found))
        kept = (await view.of(*where))[:SHOWN_OF_AGENT]
        given = {"rollout": found, "record": record, "kept": kept, "drawn": timeline(found, engine.clock.wall())}
        body = await rendered(templates.get_template("rollout.html"), **_common(engine, own_troubles), **given)
        return html_page(body, 200)

    return [
        Route("/rollouts", every),
        Route("/rollouts/{namespace}/{agent}", one),
        Route("/rollouts/{namespace}/{agent}/{revision}", one),
    ]


def _common(engine: Engine, own_troubles: Callable[[], Iterable[str]]) -> dict[str, object]:
    return {"now": engine.clock.wall(), "troubles": list(own_troubles())}


def _listed(view: RolloutsView, wanted: Mapping[str, str]) -> _Listed:
    found = view.listed(wanted["namespace"], wanted["agent"])
    phases = Counter(each.phase for each in found)
    matching = [each for each in found if wanted["phase"] in ("", each.phase)]
    return _Listed(matching[:SHOWN], phases, len(matching))


async def _missing(engine: Engine, view: RolloutsView, asked: str) -> Response:
    names = {f"{each.namespace}/{each.agent}": each for each in view.listed()}
    near = [Near(name, f"/rollouts/{name}") for name in await nearest(asked, names)]
    said = f"No rollout of {asked[:_NAMED]} was seen, or it is no longer kept."
    return await missing_page(engine.clock.wall(), said, near)


def _words() -> dict[str, object]:
    return {
        "BLANK": BLANK,
        "TO_FILL_IN": TO_FILL_IN,
        "PHASES": PHASES,
        "WINDOWS": WINDOWS,
        "ROLLOUT_WINDOWS": list(Window),
        "LINE_MARKS": MARKS,
        "LINE_STATES": STATES,
        "ROLLOUT_COLOURS": COLOURS,
        "TIMELINE_WIDTH": WIDTH,
        "line_said": line_said,
        "short_image": short_image,
        "version_of": version_of,
        "verdict_until": verdict,
        "way_back": way_back,
        "drawn_of": timeline,
    }
