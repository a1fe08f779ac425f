"""The page `/changes`: what turned, the newest first, by day."""

from collections.abc import Collection, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from watcher.changes.change import Found
from watcher.changes.store import ChangeStore
from watcher.engine.engine import Engine
from watcher.web.changes.asked import DEFAULT_SINCE, FAILING, FAILING_NOW, Asked, AskedError, asked
from watcher.web.changes.failing import FailingNow, find
from watcher.web.pages import troubles
from watcher.web.rendering import html_page, page_templates, rendered

SHOWN = 100
"""Changes on one page."""

FILTERS = ("namespace", "agent", "pod", "condition", "since", "until", "explained", "only")
SPANS = ("1h", "24h", "7d", "30d")
ONLY = {"": "all changes", FAILING: "turned to failing", FAILING_NOW: "failing now"}
"""What `only` may say -> what it is called."""


def changes_page(engine: Engine, store: ChangeStore, known: Collection[str], failing_now: FailingNow) -> Route:
    """`known`: the names of conditions and controls that may be asked for."""
    templates = page_templates()
    severities = {kind.name: kind.severity.value for probe in engine.board.probes for kind in probe.conditions}

    async def changes(request: Request) -> Response:
        query, now = request.query_params, engine.clock.wall()
        wanted = {name: query.get(name, "") for name in FILTERS}
        given: Mapping[str, object]
        try:
            parts = asked(query, known, now, SHOWN, plain=True)
        except AskedError as error:
            given, status = {"mistake": str(error), "found": Found(0, [], []), "first": 0, "earlier": None}, 400
        else:
            given, status = {"mistake": "", **await _found(store, parts, failing_now)}, 200
        about = {"wanted": wanted, "spans": SPANS, "every": ONLY, "severities": severities, "default": DEFAULT_SINCE}
        said = {"troubles": list(troubles(engine)), "survives": store.survives, "known": sorted(known), "shown": SHOWN}
        body = await rendered(templates.get_template("changes.html"), now=now, **about, **said, **given)
        return html_page(body, status)

    return Route("/changes", changes)


async def _found(store: ChangeStore, parts: Asked, failing_now: FailingNow) -> Mapping[str, object]:
    found = await find(store, parts, failing_now)
    offset, limit = parts.offset, parts.limit
    return {
        "found": found,
        "first": offset + 1,
        "later": str(max(0, offset - limit)) if offset else None,
        "earlier": str(offset + limit) if offset + limit < found.total else None,
    }
