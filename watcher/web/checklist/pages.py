"""The pages `/readiness`, `/readiness/{namespace}/{agent}`, `/controls` and `/controls/{id}`."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from importlib.metadata import version
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from probes.contract import say_duration
from probes.controls.catalogue.loading import Catalogue
from probes.controls.catalogue.terms import Automation, Bind
from probes.controls.evidence import AgentRef, Missing
from probes.controls.judging import Judges, load_judges
from probes.controls.readiness import Readiness, Verdict
from watcher.checklist.control_words import TURN_ON, described, headline, today
from watcher.checklist.live.turns import KEPT_FOR
from watcher.checklist.reports.wording import MARKS, bounds, counted, state_words, verdict_words
from watcher.config.checklist import LONGEST_ROUND
from watcher.pictures.shown import PicturedAgent
from watcher.web.checklist.agent_checklist import parts_of, to_know, to_mend
from watcher.web.checklist.control_counts import ORDER as STATES
from watcher.web.checklist.control_counts import counts_by_control, one_control
from watcher.web.checklist.fleet_readiness import ORDER as VERDICTS
from watcher.web.checklist.fleet_readiness import SHOWN, fleet_readiness
from watcher.web.checklist.judged_agents import JudgedAgents
from watcher.web.checklist.sections import sections
from watcher.web.missing import Near, missing_page, nearest
from watcher.web.rendering import html_page, page_templates, rendered

_NAMED = 100
_COLOURS = {
    Verdict.NOT_READY: "true",
    Verdict.INDETERMINATE: "unknown",
    Verdict.VACUOUS: "unknown",
    Verdict.READY_WITH_WAIVERS: "unknown",
    Verdict.READY: "false",
}
_BOUND = {
    Bind.IMAGE_DIGEST: "image",
    Bind.CONFIG_DIGEST: "agent's config",
    Bind.POLICY_DIGEST: "policy",
}


Clock = Callable[[], float]
"""Says what time it is, Unix seconds."""

Pictured = Callable[[str, str], Awaitable[PicturedAgent | None]]
"""The pictures of an agent, by its namespace and name."""


def readiness_routes(
    checklist: JudgedAgents | None, clock: Clock, own_troubles: Callable[[], Iterable[str]], pictured: Pictured
) -> list[Route]:
    """The routes; `own_troubles`: what is to be known of the watcher itself now, a sentence each.

    Without a live checklist it is turned off, and each page says so.
    """
    if checklist is None:
        return _routes_while_off(clock)
    templates, judges = page_templates(), load_judges()
    not_judged = _not_judged(checklist.catalogue, judges)
    templates.globals |= _words() | {"OWN_VERSION": version("agentweave-watcher")}

    def common() -> dict[str, object]:
        now = clock()
        said = [*own_troubles(), *_troubles_of(checklist, now)]
        about = {"catalogue": checklist.catalogue, "last_complete": checklist.last_complete}
        return {"now": now, "troubles": said, **about}

    async def fleet(request: Request) -> Response:
        wanted = {part: request.query_params.get(part, "") for part in ("namespace", "agent", "verdict", "control")}
        found = await fleet_readiness(checklist, wanted)
        given = {"found": found, "wanted": wanted, "shown": SHOWN}
        return html_page(await rendered(templates.get_template("readiness.html"), **common(), **given), 200)

    async def agent(request: Request) -> Response:
        ref = AgentRef(request.path_params["namespace"], request.path_params["agent"])
        given = _report_of(checklist, ref, not_judged)
        if not given:
            return await _not_there(checklist, ref, clock())
        given |= {"pictured": await pictured(*ref)}
        return html_page(await rendered(templates.get_template("checklist.html"), ref=ref, **common(), **given), 200)

    return [
        Route("/readiness", fleet),
        Route("/readiness/{namespace}/{agent}", agent),
        *_control_routes(clock, checklist, judges),
    ]


async def _not_there(checklist: JudgedAgents, ref: AgentRef, now: float) -> Response:
    known = {str(each): each for each in checklist.agents()}
    names = await nearest(str(ref), known)
    near = [Near(f"Production readiness of {name}", _path(known[name])) for name in names]
    name = f"{ref.namespace[:_NAMED]}/{ref.agent[:_NAMED]}"
    said = f"No agent {name} is judged; it may be gone, or was not judged yet."
    return await missing_page(now, said, near, ref.agent)


def _path(ref: AgentRef) -> str:
    return "/readiness/" + "/".join(quote(part, safe="", errors="replace") for part in ref)


def _not_judged(catalogue: Catalogue, judges: Judges) -> frozenset[str]:
    """Controls that a machine decides, in a later version."""
    machine = (each for each in catalogue.controls if each.automation is Automation.AUTO)
    return frozenset(each.id for each in machine if not today(each, judges).can_pass)


def _report_of(checklist: JudgedAgents, ref: AgentRef, not_judged: Collection[str]) -> dict[str, object]:
    try:
        readiness, profile = checklist.readiness(ref), checklist.profile(ref)
    except LookupError:  # it was not judged, or is not there
        return {}
    parts = parts_of(checklist, ref, profile.required(checklist.catalogue))
    lines = [line for part in parts for line in part.lines]
    return {
        "readiness": readiness,
        "profile": profile,
        "required": counted(each.finding for each in lines if each.required),
        "parts": parts,
        "to_mend": to_mend(lines),
        "to_know": to_know(lines, not_judged),
        "digests": list(_digests(checklist.digests(ref))),
    }


def _digests(found: Mapping[Bind, frozenset[str] | Missing]) -> Iterator[tuple[str, str]]:
    """What runs of the agent, in words; what is not known says why."""
    for bind, name in _BOUND.items():
        digests = found.get(bind)
        if isinstance(digests, Missing):
            yield f"digest of the {name}", f"not known: {digests.message}"
        elif digests:
            yield f"digest of the {name}", ", ".join(sorted(digests))


def _control_routes(clock: Clock, checklist: JudgedAgents, judges: Judges) -> list[Route]:
    templates = page_templates()

    async def every(_: Request) -> Response:
        template = templates.get_template("controls.html")
        counts = await counts_by_control(checklist)
        given = {"catalogue": checklist.catalogue, "sections": sections(checklist.catalogue.controls), "counts": counts}
        body = await rendered(template, now=clock(), **given)
        return html_page(body, 200)

    async def one(request: Request) -> Response:
        name, now = request.path_params["id"], clock()
        control = checklist.catalogue.by_id.get(name)
        if control is None:
            near = [Near(each, f"/controls/{each}") for each in await nearest(name, checklist.catalogue.by_id)]
            return await missing_page(now, f"There is no control {name[:_NAMED]}.", near)
        given = {"control": control, "parts": described(control, judges), "headline": headline(control)}
        given |= {"catalogue": checklist.catalogue}
        found = await one_control(checklist, name)
        return html_page(await rendered(templates.get_template("control.html"), now=now, found=found, **given), 200)

    return [Route("/controls", every), Route("/controls/{id:path}", one)]


def _routes_while_off(clock: Clock) -> list[Route]:
    template = page_templates().get_template("checklist_off.html")

    async def off(_: Request) -> Response:
        return html_page(template.render(now=clock()), 404)

    paths = ("/readiness", "/readiness/{namespace}/{agent}", "/controls", "/controls/{id:path}")
    return [Route(path, off) for path in paths]


def _troubles_of(checklist: JudgedAgents, now: float) -> Iterator[str]:
    last = checklist.last_complete
    if last is not None and now - last > 2 * LONGEST_ROUND:
        yield f"The last round over all agents was complete {say_duration(now - last)} ago: rounds no longer end."
    if last is None:
        yield "The checklist has not been judged as a whole since the watcher began: agents may be missing here."
    if waiting := checklist.waiting:
        yield f"{waiting} agent{' was' if waiting == 1 else 's were'} not judged yet."
    for source, reason in sorted(checklist.sources().items()):
        if reason:
            yield f"The source {source} gives no evidence: {reason}. Controls that need it are unknown."


def _words() -> dict[str, object]:
    return {
        "MARKS": MARKS,
        "STATES": STATES,
        "VERDICTS": VERDICTS,
        "COLOURS": _COLOURS,
        "TURN_ON": TURN_ON,
        "REMEMBERED_DAYS": round(KEPT_FOR / 86400),
        "bounds": bounds,
        "state_words": state_words,
        "verdict_name": lambda verdict: _NAMES[verdict],
        "verdict_words": verdict_words,
        "counts_words": _counts_words,
    }


_NAMES = {
    Verdict.NOT_READY: "not ready",
    Verdict.INDETERMINATE: "indeterminate",
    Verdict.VACUOUS: "nothing applies",
    Verdict.READY_WITH_WAIVERS: "ready with waivers",
    Verdict.READY: "ready",
}


def _counts_words(readiness: Readiness) -> str:
    """`9 fail, 99 unknown, 60 pass`: of all controls, required or not."""
    return ", ".join(f"{readiness.counts[state]} {state_words(state)}" for state in STATES if readiness.counts[state])
