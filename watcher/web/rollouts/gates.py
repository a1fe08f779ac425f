"""Gates for pipelines: whether one rollout is verified, as an HTTP status, or as JSON that is always 200."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from watcher.rollouts.reports.gate_answer import Answer, gate_answer, status_of
from watcher.rollouts.reports.json_form import gate_json
from watcher.rollouts.reports.words import MARKS, line_said
from watcher.rollouts.terms import Window
from watcher.rollouts.view import RolloutsView
from watcher.text.printable import printable
from watcher.web.changes.asked import AskedError, moment

ROLLBACK = "rollback"
"""The only `signal`: of hooks that read 200 as: roll back."""

_METHODS = ["GET", "POST"]
_LONGEST = 1024  # characters of an image or a revision
_NAMED = 100


class _Question(NamedTuple):
    until: Window
    image: str
    revision: str
    since: float | None
    wants_rollback: bool


def gate_routes(
    view: RolloutsView, clock: Callable[[], float], impaired: Callable[[], str], *, alone: bool
) -> list[Route]:
    """The routes of a port. `clock`: Unix seconds; `impaired`: the watcher's own trouble, a sentence, or nothing.

    `alone`: the verdict alone is told, for a port that anybody may read.
    """

    async def answer_to(request: Request, asked: _Question) -> Answer:
        where = request.path_params["namespace"], request.path_params["agent"]
        found = await view.asked(*where, image=asked.image, revision=asked.revision, since=asked.since)
        newest = view.newest(*where)
        # What is deployed once more is not verified, or failed, by what came of it the last time.
        is_past = found is not None and newest is not None and found.began_at != newest.began_at
        return gate_answer(None if is_past and asked.since is None else found, asked.until, impaired())

    async def gate(request: Request) -> Response:
        try:
            asked = _question(request.query_params, clock())
        except AskedError as error:
            return PlainTextResponse(f"{printable(str(error))}\n", 400)
        answer = await answer_to(request, asked)
        status = status_of(answer.outcome, wants_rollback=asked.wants_rollback)
        return PlainTextResponse(_text(answer, alone=alone).encode(errors="replace"), status)

    async def as_json(request: Request) -> Response:
        try:
            asked = _question(request.query_params, clock())
        except AskedError as error:
            return JSONResponse({"error": str(error)}, 400)
        return JSONResponse(gate_json(await answer_to(request, asked), alone=alone))

    return [
        Route("/gate/{namespace}/{agent}", gate, methods=_METHODS),
        Route("/api/v1/gate/{namespace}/{agent}", as_json, methods=_METHODS),
    ]


def _question(query: Mapping[str, str], now: float) -> _Question:
    """Which rollout is meant and what is asked of it; AskedError."""
    until, signal = query.get("until") or Window.SHORT.value, query.get("signal", "")
    if until not in list(Window):
        raise AskedError(f"until: expected {', '.join(Window)}, got {until[:_NAMED]!r}")
    if signal not in ("", ROLLBACK):
        raise AskedError(f"signal: expected {ROLLBACK}, got {signal[:_NAMED]!r}")
    texts = {part: query.get(part, "").strip() for part in ("image", "revision", "since")}
    if not any(texts.values()):
        raise AskedError("expected image, revision or since: which rollout is meant is part of the question")
    if any(len(text) > _LONGEST for text in texts.values()):
        raise AskedError(f"expected at most {_LONGEST} characters of image, revision and since")
    since = moment("since", now, texts["since"]) if texts["since"] else None
    return _Question(Window(until), texts["image"], texts["revision"], since, signal == ROLLBACK)


def _text(answer: Answer, *, alone: bool) -> str:
    """The verdict and what was judged; for who may read more, why, and each line."""
    judged = f"revision {answer.revision} image {answer.image}" if answer.revision else "no revision"
    reason = f" {answer.reason}" if answer.reason else ""
    first = f"{answer.outcome}{reason}: {judged}, until {answer.until}"
    if alone:
        return f"{printable(first)}\n"
    lines = [f"{MARKS[each.state]} {each.name} ({each.window}): {line_said(each)}" for each in answer.lines]
    return "".join(f"{printable(each)}\n" for each in (first, answer.why, *lines))
