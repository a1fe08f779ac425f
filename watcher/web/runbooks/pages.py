"""The runbooks for people: all of them, and each with what the watcher sees now of the alert that led there."""

from collections.abc import Mapping
from functools import cache
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from probes.contract import TargetKey
from watcher.alerting.files import Rank, ranks, rule_texts, runbook_texts
from watcher.alerting.runbook_commands import installation_values, safe_values
from watcher.changes.store import ChangeStore
from watcher.engine.engine import Engine
from watcher.pictures.shown import ProbePictures
from watcher.rollouts.reports.way_back import way_back
from watcher.rollouts.view import RolloutsView
from watcher.runtime.cooperative import TimeSlice
from watcher.web.missing import Near, missing_page, nearest
from watcher.web.pages import troubles
from watcher.web.pictures.of_target import Pictures
from watcher.web.rendering import html_page, page_templates, rendered
from watcher.web.runbooks.affected import AlertSelection
from watcher.web.runbooks.context import Live, live_of
from watcher.web.runbooks.text import RunbookText, meaning
from watcher.web.told import told_by

_NO_RULE = Rank("without a rule", "")
_NAMED = 100
_OF_ROLLOUTS = "AgentWeaveRolloutFailed"
_PICTURED = 5
"""Targets whose pictures a page has room for."""


def runbook_routes(engine: Engine, store: ChangeStore, rollouts: RolloutsView | None) -> list[Route]:
    """The routes of the runbooks; the files are read here, once. `rollouts`: None where none are followed."""
    templates, texts, rules = page_templates(), runbook_texts(), rule_texts()
    pictures, told = Pictures(engine), told_by(engine)
    known: dict[str, Rank] = {}

    @cache
    def text_of(name: str) -> RunbookText:
        return RunbookText(texts[name], texts)

    async def every(_: Request) -> Response:
        if not known:
            known.update(await _ranks(rules))
        entries = sorted((known.get(name, _NO_RULE), name, meaning(text)) for name, text in texts.items())
        return html_page(templates.get_template("runbooks.html").render(now=engine.clock.wall(), entries=entries), 200)

    async def one(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in texts:  # a name is one of the list, and never part of a path on disk
            near = [Near(each, f"/runbooks/{each}") for each in await nearest(name, texts)]
            return await missing_page(engine.clock.wall(), f"There is no runbook {name[:_NAMED]}.", near)
        wanted = _wanted(engine, name, request.query_params)
        live = await live_of(engine, store, wanted, request.query_params, told)
        words = _words(engine, request, wanted, live, text_of(name))
        template = templates.get_template("runbook.html")
        now, date_of, own = engine.clock.wall(), engine.clock.date_of, list(troubles(engine))
        drawn = await _drawn(pictures, wanted, live)
        rolled = rollouts.newest(wanted.namespace, wanted.agent) if rollouts and name == _OF_ROLLOUTS else None
        given = {"name": name, "wanted": wanted, "live": live, "drawn": drawn, "troubles": own, **words}
        given |= {"rollout": rolled, "way_back": way_back(rolled) if rolled is not None else None}
        return html_page(await rendered(template, now=now, date_of=date_of, **given), 200)

    return [Route("/runbooks", every), Route("/runbooks/", every), Route("/runbooks/{name:path}", one)]


async def _drawn(pictures: Pictures, wanted: AlertSelection, live: Live) -> dict[TargetKey, dict[str, ProbePictures]]:
    """What the alert's condition was judged by, of the targets that are in most trouble."""
    if wanted.kind is None or live.affected is None:
        return {}
    shown = enumerate(each.state for each in live.affected.seen[:_PICTURED])
    return {
        state.target.key: await pictures.of(state, f"picture-{place}", wanted.kind, wanted.subject)
        for place, state in shown
    }


async def _ranks(rules: list[str]) -> dict[str, Rank]:
    found: dict[str, Rank] = {}
    time_slice = TimeSlice()
    for text in rules:
        found.update(ranks(text))
        await time_slice.checkpoint()
    return found


def _wanted(engine: Engine, name: str, query: Mapping[str, str]) -> AlertSelection:
    condition = name.removeprefix("AgentWeave")
    kinds = (kind for probe in engine.board.probes for kind in probe.conditions)
    kind = next((each for each in kinds if each.name == condition), None)
    return AlertSelection(kind, **{part: query.get(part, "") for part in ("namespace", "agent", "pod", "subject")})


def _words(
    engine: Engine, request: Request, wanted: AlertSelection, live: Live, text: RunbookText
) -> dict[str, object]:
    """The runbook's text with the values that are safe in a shell, and what could not be filled in."""
    query = request.query_params
    true = live.affected.true if live.affected is not None else []
    workloads = live.affected.workloads if live.affected is not None and wanted.agent else frozenset[str]()
    values = safe_values(
        {
            "NAMESPACE": wanted.namespace,
            "AGENT": wanted.agent,
            "POD": wanted.pod or (true[0].pod if wanted.agent and len(true) == 1 else ""),
            "WORKLOAD": min(workloads) if len(workloads) == 1 else "",
            "SUBJECT": wanted.subject,
            "CONTROL": query.get("control", ""),
            "WATCHER": f"{request.url.scheme}://{request.headers.get('host', '')}",
            **installation_values(engine.settings.installation, engine.role.holder, query.get("watcher_pod", "")),
        }
    )
    left = [name for name in text.placeholders() if name not in values.fit]
    asked = {name: query.get(name, "") for name in ("condition", "probe", "source", "reason", "control", "evidence")}
    return {
        "asked": asked,
        "step": text.step(asked["condition"] or asked["reason"]),
        "unfit": [name for name in left if name in values.unfit],
        "absent": [name for name in left if name not in values.unfit],
        "steps": text.steps,
        "text": text.html(values, urlencode(query.multi_items())),
    }
