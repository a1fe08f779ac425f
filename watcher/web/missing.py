"""What a reader sees of a page that is not there: the names nearest to the one that was asked for, and a search."""

from collections.abc import Awaitable, Callable, Iterable
from heapq import nlargest
from typing import NamedTuple
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from watcher.engine.board import Board
from watcher.runtime.cooperative import TimeSlice
from watcher.web.rendering import html_page, page_templates, rendered

NEAREST = 5
"""Names that are offered."""

PAGES = {
    "/": "Fleet",
    "/rollouts": "Rollouts",
    "/readiness": "Readiness",
    "/records": "Records",
    "/controls": "Controls",
    "/discovery": "Discovery",
}
PAGES |= {"/runbooks": "Runbooks", "/metrics": "Metrics", "/api/v1/targets": "API: targets"}

_ALIKE = 0.3
_NAMED = 100
_SLICE = 50


class Near(NamedTuple):
    """A page that may have been meant."""

    name: str
    path: str


async def nearest(wanted: str, names: Iterable[str]) -> list[str]:
    """The names most alike, by the triples of letters that they share; what has little in common is left out."""
    asked, time_slice, found = _triples(wanted[:_NAMED].casefold()), TimeSlice(), list[tuple[float, str]]()
    for place, name in enumerate(names):
        if place % _SLICE == 0:
            await time_slice.checkpoint()
        triples = _triples(name[:_NAMED].casefold())
        alike = 2 * len(asked & triples) / (len(asked) + len(triples))
        if alike >= _ALIKE:
            found.append((alike, name))
    return [name for _, name in nlargest(NEAREST, found)]


def _triples(text: str) -> set[str]:
    padded = f"  {text} "
    return {padded[at : at + 3] for at in range(len(padded) - 2)}


async def missing_page(now: float, said: str, near: Iterable[Near], search: str = "") -> Response:
    """The page that says that there is none; `search`: what to begin a search of the fleet with."""
    template = page_templates().get_template("missing.html")
    wanted = {"q": search[:_NAMED]}
    return html_page(await rendered(template, now=now, said=said, near=list(near), wanted=wanted), 404)


async def missing_agent(board: Board, now: float, namespace: str, pod: str) -> Response:
    """The page of a target that is not watched, or no longer."""
    pods = {f"{key.namespace}/{key.pod}": key for key in list(board.states)}
    names = await nearest(f"{namespace}/{pod}", pods)
    near = [Near(name, f"/agents/{_quoted(pods[name].namespace)}/{_quoted(pods[name].pod)}") for name in names]
    said = f"No target {namespace[:_NAMED]}/{pod[:_NAMED]} is watched; it may be gone."
    return await missing_page(now, said, near, pod)


def page_not_found(clock: Callable[[], float]) -> Callable[[Request, Exception], Awaitable[Response]]:
    """What answers where no route does: JSON below `/api`, a page elsewhere."""

    async def not_found(request: Request, error: Exception) -> Response:
        path = request.url.path
        if path.startswith("/api/"):
            detail = error.detail if isinstance(error, HTTPException) else "not found"
            return JSONResponse({"error": f"{detail}: {path[:_NAMED]}"}, 404)
        near = [Near(PAGES[name], name) for name in await nearest(path, PAGES)]
        return await missing_page(clock(), f"There is no page {path[:_NAMED]}.", near)

    return not_found


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")
