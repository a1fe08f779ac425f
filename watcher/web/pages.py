"""The page of one agent with everything known about it, and what is to be known of the watcher itself."""

import time
from collections.abc import Iterable, Iterator

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from watcher.changes.store import ChangeStore
from watcher.engine.board import ConditionStatus
from watcher.engine.engine import Engine
from watcher.metrics.families import IMPAIRED, PREFIX
from watcher.metrics.own import Impairment, OwnMetrics
from watcher.runtime.role import Role
from watcher.web.changes.day import past_of
from watcher.web.fleet.learning import judged, needs
from watcher.web.fleet.target_health import Summaries
from watcher.web.links import links_of
from watcher.web.missing import missing_agent
from watcher.web.pictures.of_target import Pictures
from watcher.web.rendering import ASSETS, html_page, page_templates, rendered
from watcher.web.told import told_by
from watcher.web.unknown_reasons import help_of, runbook_step

SHOWN_OF_A_PROBE = 200
"""Conditions of one probe on the page of a target; it may have three thousand."""

_LOGGED = {
    Impairment.CONFIG_REJECTED: "the newest config or server file was rejected, the old one is in use; see the log.",
    Impairment.DISCOVERY_STALE: "discovery has not succeeded recently: targets may be gone, and new ones are missing.",
    Impairment.DESCRIPTORS_SHORT: "the process may not open enough files for all its probes; the log says how many.",
    Impairment.STATE_UNWRITABLE: "the state cannot be written, or not all of it; the log says why.",
}


def page_routes(engine: Engine, store: ChangeStore) -> list[Route]:
    """The routes of the page."""
    templates, pictures, told = page_templates(), Pictures(engine), told_by(engine)

    async def agent(request: Request) -> Response:
        where = (request.path_params["namespace"], request.path_params["pod"])
        states = [state for key, state in engine.board.states.items() if (key.namespace, key.pod) == where]
        now = engine.clock.wall()
        if not states:
            return await missing_agent(engine.board, now, *where)
        summaries = Summaries(engine.board, engine.clock.steady())
        found = [
            (
                state,
                _by_probe(told(state)),
                await past_of(store, engine.board, state, now),
                await pictures.of(state, f"picture-{place}"),
            )
            for place, state in enumerate(states)
        ]
        body = await rendered(
            templates.get_template("agent.html"),
            now=now,
            date_of=engine.clock.date_of,
            found=found,
            where=where,
            shown=SHOWN_OF_A_PROBE,
            links={state.target.key: links_of(engine.settings.links, state.target) for state in states},
            judged={state.target.key: judged(engine.board, [state], engine.clock.steady()) for state in states},
            needs={state.target.key: needs(engine.board, state, engine.clock.steady()) for state in states},
            state_of=lambda state: summaries.of(state).health,
            help_of=help_of,
            runbook_step=runbook_step,
        )
        return html_page(body, 200)

    async def asset(request: Request) -> Response:
        file, media_type = ASSETS[request.url.path]
        return FileResponse(file, media_type=media_type)

    return [Route("/agents/{namespace}/{pod}", agent), *(Route(path, asset) for path in ASSETS)]


def _by_probe(conditions: Iterable[ConditionStatus]) -> dict[str, list[ConditionStatus]]:
    # Trouble first, so the probe of the worst condition leads.
    found: dict[str, list[ConditionStatus]] = {}
    for each in conditions:
        found.setdefault(each.probe, []).append(each)
    return found


def troubles(engine: Engine) -> Iterator[str]:
    """What is to be known of the watcher itself now, a sentence each."""
    if engine.settings.standby is not None:
        yield from _role(engine.role, engine.settings.standby.lease)
    if engine.settings.identity is not None and engine.identity.trouble:
        yield f"{Impairment.NO_IDENTITY}: {engine.identity.trouble}"
    if engine.fleet.isolation.isolated:
        yield f"{Impairment.ISOLATED}: most targets fell silent at once; the trouble may be the watcher's own."
    if engine.clock_watch.trouble:
        yield f"{Impairment.CLOCK_JUMPED}: {engine.clock_watch.trouble}"
    if engine.overload.trouble:
        yield f"{Impairment.OVERLOADED}: {engine.overload.trouble}"
    impaired = _impaired(engine.own_metrics)
    yield from (f"{reason}: {why}" for reason, why in _LOGGED.items() if reason in impaired)


def _role(role: Role, lease: str) -> Iterator[str]:
    if not role.active:
        holder = f"{role.holder} leads" if role.holder else "nobody leads"
        yield f"On standby: {holder}, by the lease {lease}. Nothing of what is seen here is exported."
    if why := role.unconfirmed(time.monotonic()):
        yield f"{Impairment.LEASE_UNCONFIRMED}: {why}"
    elif role.trouble:
        yield f"The lease {lease} cannot be acquired: {role.trouble}"


def _impaired(own_metrics: OwnMetrics) -> set[str]:
    """The reasons that /metrics gave last."""
    families = own_metrics.registry.restricted_registry([PREFIX + IMPAIRED.name]).collect()
    return {sample.labels["reason"] for family in families for sample in family.samples if sample.value}
