"""The page for people: the fleet, trouble first, then one agent with everything known about it."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from probes.contract import Unknown
from probes.contract.condition import Status
from watcher.engine.board import Board, ConditionStatus, TargetState
from watcher.engine.engine import Engine
from watcher.metrics.families import IMPAIRED, PREFIX
from watcher.metrics.own import Impairment, OwnMetrics
from watcher.runtime.cooperative import TimeSlice
from watcher.runtime.role import Role
from watcher.web.pictures.of_target import Pictures
from watcher.web.rendering import TEMPLATES, html_page, page_templates, rendered

SHOWN = 200
"""Targets on one page; the rest is counted and found by its filters."""

WITH_PROBLEMS = {"true": True, "false": False}
"""What may be asked of the targets' problems; without it all are meant."""

SHOWN_CONDITIONS = 10
"""Conditions of one target on the fleet's page; the rest is counted."""

SHOWN_IN_ALL = 400
"""Conditions on the fleet's page, after which each target has room for one."""

SHOWN_OF_A_PROBE = 200
"""Conditions of one probe on the page of a target; it may have three thousand."""

_SLICE = 200
_FOLDED = (Unknown.WARMING_UP, Unknown.SOURCE_FAILED, Unknown.FACT_UNKNOWN)
_LOGGED = {
    Impairment.CONFIG_REJECTED: "the newest config or server file was refused, the last one stays; the log says why.",
    Impairment.DISCOVERY_STALE: "the fleet was not discovered lately; what is listed here may be gone, and more there.",
    Impairment.DESCRIPTORS_SHORT: "the process may not open enough files for all its looks; the log says how many.",
    Impairment.STATE_UNWRITABLE: "the state cannot be written, or not all of it; the log says why.",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One target on the fleet's page."""

    state: TargetState
    status: Status
    telling: list[ConditionStatus]  # what is true, or unknown for a reason of its own
    folded: list["Folded"]  # the rest of what is unknown
    left_out: int  # of what is telling


class Folded(NamedTuple):
    """Conditions that are unknown for one reason which says nothing of each."""

    said: str
    names: list[str]
    why: str = ""


def page_routes(engine: Engine) -> list[Route]:
    """The routes of the page."""
    templates, pictures = page_templates(), Pictures(engine)

    async def fleet(request: Request) -> Response:
        wanted = {name: request.query_params.get(name, "") for name in ("namespace", "agent", "status", "problems")}
        counts, lines, matching = await fleet_lines(engine.board, wanted, engine.board.oldest(engine.clock.steady()))
        body = await rendered(
            templates.get_template("fleet.html"),
            now=engine.clock.wall(),
            counts=counts,
            lines=lines,
            problems=sum(bool(state.target.problems) for state in list(engine.board.states.values())),
            wanted=wanted,
            shown=SHOWN,
            matching=matching,
            troubles=troubles(engine),
        )
        return html_page(body, 200)

    async def agent(request: Request) -> Response:
        where = (request.path_params["namespace"], request.path_params["pod"])
        states = [state for key, state in engine.board.states.items() if (key.namespace, key.pod) == where]
        found = [
            (state, _by_probe(engine.board, state), await pictures.of(state, f"picture-{place}"))
            for place, state in enumerate(states)
        ]
        body = await rendered(
            templates.get_template("agent.html"),
            now=engine.clock.wall(),
            date_of=engine.clock.date_of,
            found=found,
            where=where,
            shown=SHOWN_OF_A_PROBE,
        )
        return html_page(body, 200 if found else 404)

    async def style(_: Request) -> Response:
        return FileResponse(TEMPLATES / "style.css", media_type="text/css")

    return [Route("/", fleet), Route("/agents/{namespace}/{pod}", agent), Route("/style.css", style)]


async def fleet_lines(
    board: Board, wanted: dict[str, str], oldest: tuple[float, ...]
) -> tuple[Counter[Status], list[Line], int]:
    """How many targets there are by their worst status; the first that are wanted, trouble first; how many are."""
    counts: Counter[Status] = Counter()
    time_slice = TimeSlice()
    by_status: dict[Status, list[TargetState]] = {status: [] for status in sorted(Status, key=_rank)}
    for place, state in enumerate(list(board.states.values())):
        if place % _SLICE == 0:
            await time_slice.checkpoint()
        status = _worst(board, state, oldest)
        counts[status] += 1
        if _is_wanted(state, status, wanted):
            by_status[status].append(state)
    states = [(state, status) for status, found in by_status.items() for state in sorted(found, key=_name)][:SHOWN]
    lines: list[Line] = []
    shown = 0
    for state, status in states:
        lines.append(_line(board, state, status, SHOWN_CONDITIONS if shown < SHOWN_IN_ALL else 1))
        shown += len(lines[-1].telling)
        await time_slice.checkpoint()
    return counts, lines, sum(map(len, by_status.values()))


def _rank(status: Status) -> int:
    return status.rank


def _name(state: TargetState) -> tuple[str, str, str]:
    return state.target.key


def _worst(board: Board, state: TargetState, oldest: tuple[float, ...]) -> Status:
    seen = {status for _, _, verdicts in board.fresh(state.results, oldest) for _, status, _ in verdicts.outcomes}
    return min(seen, key=_rank, default=Status.UNKNOWN)


def _is_wanted(state: TargetState, status: Status, wanted: dict[str, str]) -> bool:
    namespace, agent, _ = state.target.key
    meant = wanted["namespace"] in ("", namespace) and wanted["agent"] in ("", agent)
    with_problems = WITH_PROBLEMS.get(wanted.get("problems", ""))
    return meant and wanted["status"] in ("", status) and with_problems in (None, bool(state.target.problems))


def _line(board: Board, state: TargetState, status: Status, most: int) -> Line:
    found = [each for each in board.conditions(state) if each.verdict.status is not Status.FALSE]
    telling = [each for each in found if each.verdict.reason not in _FOLDED]
    folded = [Folded("unknown because the look failed", _names(found, Unknown.SOURCE_FAILED))]
    facts = dict.fromkeys(each.verdict.text for each in found if each.verdict.reason == Unknown.FACT_UNKNOWN)
    folded += [Folded("unknown", _names(found, Unknown.FACT_UNKNOWN, why), why) for why in facts]
    if not telling and not facts:
        folded.append(Folded("warming up", _names(found, Unknown.WARMING_UP)))
    folded = [each for each in folded if each.names]
    return Line(state, status, telling[:most], folded, len(telling[most:]))


def _names(found: Sequence[ConditionStatus], reason: Unknown, why: str | None = None) -> list[str]:
    verdicts = [each.verdict for each in found if each.verdict.reason == reason and why in (None, each.verdict.text)]
    return sorted({each.kind.name for each in verdicts})


def _by_probe(board: Board, state: TargetState) -> dict[str, list[ConditionStatus]]:
    # Trouble first, so the probe of the worst condition leads.
    found: dict[str, list[ConditionStatus]] = {}
    for each in board.conditions(state):
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
        yield f"On standby: {holder}, by the lease {lease}. What is seen here is not exported and told to nobody."
    if why := role.unconfirmed(time.monotonic()):
        yield f"{Impairment.LEASE_UNCONFIRMED}: {why}"
    elif role.trouble:
        yield f"The lease {lease} cannot be had: {role.trouble}"


def _impaired(own_metrics: OwnMetrics) -> set[str]:
    """The reasons that /metrics gave last."""
    families = own_metrics.registry.restricted_registry([PREFIX + IMPAIRED.name]).collect()
    return {sample.labels["reason"] for family in families for sample in family.samples if sample.value}
