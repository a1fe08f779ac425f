"""Every pod that the selector finds: what it is to the watcher, since when and why. A page, and as JSON."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from heapq import nsmallest
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from probes.contract.units import utc
from watcher.discovery.pod.workload import workload
from watcher.discovery.pods.scope import SeenPod
from watcher.discovery.pods.target import PodState
from watcher.engine.engine import Engine
from watcher.runtime.clock import Clock
from watcher.runtime.cooperative import TimeSlice
from watcher.web.json_list import in_chunks, items
from watcher.web.pages import troubles
from watcher.web.rendering import html_page, page_templates, rendered
from watcher.web.serving.turns import Turns, caller_of

SHOWN = 200
"""Pods on one page; the rest is counted and found by its filters."""

_SLICE = 200
_FIRST = (PodState.REFUSED, PodState.NOT_AGENT, PodState.PENDING, PodState.TERMINATING, PodState.FINISHED)
_ORDER = {state: place for place, state in enumerate((*_FIRST, PodState.TARGET))}


class Discovered(Protocol):
    """All pods that were seen, and whether they are all that there are."""

    def seen_pods(self) -> Sequence[SeenPod]:
        """All that were seen, whatever they are."""

    @property
    def failure(self) -> str:
        """Which of them cannot be asked for right now, and why; empty where all can."""

    @property
    def unready(self) -> str:
        """Why they are not known yet; empty after they were."""


def discovery_route(engine: Engine, discovered: Discovered) -> Route:
    """The page for people: what is not watched comes first."""
    template, clock = page_templates().get_template("discovery.html"), engine.clock

    async def discovery(request: Request) -> Response:
        wanted = {name: request.query_params.get(name, "") for name in ("namespace", "state")}
        counts, shown, matching = await _first(discovered.seen_pods(), wanted)
        values = {"counts": counts, "pods": shown, "states": list(_ORDER), "wanted": wanted, "matching": matching}
        values |= {"troubles": troubles(engine), "failure": _failure(discovered), "shown": SHOWN}
        body = await rendered(template, now=clock.wall(), date_of=clock.date_of, why_of=_why, agent_of=_agent, **values)
        return html_page(body, 200)

    return Route("/discovery", discovery)


def pods_route(engine: Engine, discovered: Discovered, turns: Turns) -> Route:
    """All of them as JSON, those of one state or namespace where that is asked for."""

    async def pods(request: Request) -> Response:
        state = request.query_params.get("state", "")
        if state not in ("", *PodState):
            return JSONResponse({"error": f"state: expected one of {', '.join(PodState)}, got {state!r}"}, 400)
        wanted = {"state": state, "namespace": request.query_params.get("namespace", "")}
        said = '"standby": true, ' if not engine.role.active else ""
        said += f'"failure": {json.dumps(failure)}, ' if (failure := _failure(discovered)) else ""
        document = _listing(engine.clock, discovered.seen_pods(), wanted, said)
        return StreamingResponse(turns.pieces(document, caller_of(request)), media_type="application/json")

    return Route("/api/v1/pods", pods)


def _failure(discovered: Discovered) -> str:
    return discovered.failure or discovered.unready


async def _first(
    seen_pods: Sequence[SeenPod], wanted: Mapping[str, str]
) -> tuple[Counter[PodState], list[SeenPod], int]:
    """How many there are of each state, the first of those that are wanted, and how many these are."""
    counts: Counter[PodState] = Counter()
    by_state: dict[PodState, list[SeenPod]] = {state: [] for state in _ORDER}
    time_slice = TimeSlice()
    for place, seen in enumerate(seen_pods):
        if place % _SLICE == 0:
            await time_slice.checkpoint()
        counts[seen.state] += 1
        if _is_wanted(seen, wanted):
            by_state[seen.state].append(seen)
    shown: list[SeenPod] = []
    for found in by_state.values():
        shown += nsmallest(SHOWN - len(shown), found, key=_name)
        await time_slice.checkpoint()
    return counts, shown, sum(map(len, by_state.values()))


async def _listing(
    clock: Clock, seen_pods: Sequence[SeenPod], wanted: Mapping[str, str], said: str
) -> AsyncIterator[str]:
    yield f'{{"generated_at": "{utc(clock.wall())}", {said}"pods": ['
    found = (each for each in seen_pods if _is_wanted(each, wanted))
    async for piece in in_chunks(items([json.dumps(dict(_described(clock, each)))] for each in found)):
        yield piece
    yield "]}\n"


def _described(clock: Clock, seen: SeenPod) -> Iterator[tuple[str, object]]:
    yield "namespace", seen.pod.namespace
    yield "pod", seen.pod.name
    yield "state", seen.state.value
    yield "since", utc(clock.date_of(seen.since))
    yield "why", _why(seen)
    yield "agent", _agent(seen)
    yield "workload", workload(seen.pod)
    yield "node", seen.pod.node


def _why(seen: SeenPod) -> str:
    """Why it is no target; of one, empty."""
    return seen.found.why if seen.found is not None else "it has not been probed yet"


def _agent(seen: SeenPod) -> str:
    target = seen.found.target if seen.found is not None else None
    return target.key.agent if target is not None else ""


def _is_wanted(seen: SeenPod, wanted: Mapping[str, str]) -> bool:
    return wanted["state"] in ("", seen.state) and wanted["namespace"] in ("", seen.pod.namespace)


def _name(seen: SeenPod) -> tuple[str, str]:
    return seen.pod.namespace, seen.pod.name
