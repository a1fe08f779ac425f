"""The state of one agent as a small picture, for a README or a portal."""

from collections import Counter

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from watcher.engine.engine import Engine
from watcher.web.fleet.target_health import Summaries, TargetHealth, worst
from watcher.web.rendering import page_templates

_COLOURS = {
    TargetHealth.CRITICAL: "#b42318",
    TargetHealth.WARNING: "#8a5c00",
    TargetHealth.UNKNOWN: "#6e5494",
    TargetHealth.HEALTHY: "#1a7f37",
    TargetHealth.NOTHING: "#59636e",
}
_WIDTH, _ROOM = 7, 12  # pixels of a character, and beside a text
_NAMED = 40


def badge_route(engine: Engine) -> Route:
    """`/badge/{namespace}/{agent}.svg`: the worst of its pods; 404, with a badge that says so, where it has none."""
    template = page_templates().get_template("badge.svg")

    async def badge(request: Request) -> Response:
        agent = request.path_params["agent"]
        where = (request.path_params["namespace"], agent)
        summaries = Summaries(engine.board, engine.clock.steady())
        states = [state for key, state in engine.board.states.items() if key[:2] == where]
        healths = Counter(summaries.of(state).health for state in states)
        health, said = worst(healths), _words(healths)
        name = agent if len(agent) <= _NAMED else f"{agent[: _NAMED - 1]}…"
        left, right = (_WIDTH * len(text) + _ROOM for text in (name, said))
        given = {"name": name, "said": said, "left": left, "right": right, "colour": _COLOURS[health]}
        body = template.render(**given).encode(errors="replace")
        return Response(body, 200 if states else 404, media_type="image/svg+xml")

    return Route("/badge/{namespace}/{agent}.svg", badge)


def _words(healths: Counter[TargetHealth]) -> str:
    """`healthy`, or `critical: 2 of 8 pods`."""
    if not healths:
        return "not watched"
    health, pods = worst(healths), healths.total()
    name = "nothing judged" if health is TargetHealth.NOTHING else health.value
    return name if pods == healths[health] else f"{name}: {healths[health]} of {pods} pods"
