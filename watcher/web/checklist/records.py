"""What people and pipelines say of controls: the page `/records` and `/api/v1/records`, of the same lines."""

import asyncio
import heapq
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from probes.contract.units import utc
from probes.controls.catalogue.control import UnknownReason
from probes.controls.catalogue.terms import Scope
from probes.controls.finding import State
from probes.controls.records import Problem, Record
from watcher.checklist.live.records.book import RecordBook
from watcher.checklist.live.view import ChecklistView
from watcher.runtime.cooperative import TimeSlice
from watcher.web.json_list import json_list
from watcher.web.rendering import html_page, page_templates, rendered
from watcher.web.serving.turns import Turns, caller_of

SHOWN = 100
"""Lines of each table of the page; the rest is counted, and found by filters or in the API."""

FILTERS = ("namespace", "agent", "control", "kind", "state")
_RESTING = (State.ATTESTED, State.WAIVED)
_REMOVED = UnknownReason.RECORD_REMOVED


class Standing(StrEnum):
    """What becomes of a record now; those to be mended first."""

    INVALID = "invalid"
    REMOVED = "removed"  # it was seen, and was taken away
    UNREAD = "unread"  # it was seen, and where it stood cannot be read now
    HOLDS = "holds"  # a finding rests on it
    UNUSED = "unused"  # valid, and no finding rests on it now
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class RecordLine:
    """One record, or a document that is none."""

    id: str
    standing: Standing
    record: Record | None
    problems: Sequence[Problem]
    holds_for: int  # agents whose findings rest on it
    origin: Mapping[str, str] = field(default_factory=dict)  # what an auditor finds it by

    @property
    def control(self) -> str:
        """Of which it speaks; empty where that cannot be read."""
        return self.record.control if self.record is not None else ""

    @property
    def whom(self) -> str:
        """Of whom it speaks, short."""
        record = self.record
        if record is None:
            return ""
        if record.scope is Scope.FLEET:
            return "the fleet"
        if record.scope is Scope.NAMESPACE:
            return f"namespace {record.namespace}"
        more = f" and {len(record.agents) - 3} more" if len(record.agents) > 3 else ""
        return f"{record.namespace}: {', '.join(record.agents[:3])}{more}"


async def record_lines(view: ChecklistView, wanted: Mapping[str, str]) -> list[RecordLine]:
    """Those that fit the wanted FILTERS, as they come; "" is any."""
    book, time_slice, holds = view.records, TimeSlice(), Counter[str]()
    if book is None:
        return []
    for agent in view.agents():
        holds.update({record.id for _, state, record in view.resting(agent) if state in _RESTING})
        await time_slice.checkpoint()
    lines = list[RecordLine]()
    for line in _all(book, holds, view.now):
        if _fits(line, wanted):
            lines.append(line)
        await time_slice.checkpoint()
    return lines


def _all(book: RecordBook, holds: Mapping[str, int], now: float) -> Iterator[RecordLine]:
    for each, origin in list(book.with_origins()):
        holds_for = holds.get(each.id, 0)
        standing = Standing.INVALID if each.problems else _standing(each.record, holds_for, now)
        yield RecordLine(each.id, standing, each.record, each.problems, holds_for, origin)
    for record in book.gone():
        standing = Standing.REMOVED if record.gone is _REMOVED else Standing.UNREAD
        yield RecordLine(record.id, standing, record, (), 0)


def _standing(record: Record | None, holds_for: int, now: float) -> Standing:
    if record is not None and (record.expires_at or 0.0) <= now:
        return Standing.ENDED
    return Standing.HOLDS if holds_for else Standing.UNUSED


def _fits(line: RecordLine, wanted: Mapping[str, str]) -> bool:
    record = line.record
    if wanted["state"] not in ("", line.standing):
        return False
    if record is None:
        return not any(wanted[each] for each in ("namespace", "agent", "control", "kind"))
    of_all = record.scope is not None
    return (
        wanted["namespace"] in ("", record.namespace)
        and (of_all or wanted["agent"] == "" or wanted["agent"] in record.agents)
        and wanted["control"] in ("", record.control)
        and wanted["kind"] in ("", record.kind)
    )


def records_page(view: ChecklistView | None, clock: Callable[[], float]) -> Route:
    """`/records`; where the config wants no checklist, it says so."""
    templates = page_templates()

    async def page(request: Request) -> Response:
        if view is None:
            return html_page(templates.get_template("checklist_off.html").render(now=clock()), 404)
        wanted = _wanted(request)
        lines = await record_lines(view, wanted)
        given = {
            "tables": await asyncio.to_thread(lambda: list(_tables(lines))),
            "counts": Counter(each.standing for each in lines),
            "standings": list(Standing),
            "wanted": wanted,
            "shown": SHOWN,
            "is_read": "records" in view.sources(),
            "down": view.sources().get("records", ""),
        }
        return html_page(await rendered(templates.get_template("records.html"), now=clock(), **given), 200)

    return Route("/records", page)


def records_api(view: ChecklistView | None, turns: Turns) -> Route:
    """`/api/v1/records?namespace=&agent=&control=&kind=&state=`."""

    async def records(request: Request) -> Response:
        if view is None:
            return JSONResponse({"error": "the checklist is off, by checklist.enabled of the config"}, 404)
        lines = await record_lines(view, _wanted(request))
        document = _document(view, lines)
        return StreamingResponse(turns.pieces(document, caller_of(request)), media_type="application/json")

    return Route("/api/v1/records", records)


def _wanted(request: Request) -> dict[str, str]:
    return {each: request.query_params.get(each, "") for each in FILTERS}


def _tables(lines: Sequence[RecordLine]) -> Iterator[tuple[Standing, int, Sequence[RecordLine]]]:
    """By standing, with how many there are; those that end next first."""
    for standing in Standing:
        found = [each for each in lines if each.standing is standing]
        some = heapq.nlargest if standing is Standing.ENDED else heapq.nsmallest  # to sort all would be one long step
        if found:
            yield standing, len(found), some(SHOWN, found, key=lambda each: (_end(each), each.id))


def _end(line: RecordLine) -> float:
    return (line.record.expires_at if line.record is not None else None) or 0.0


def _document(view: ChecklistView, lines: Sequence[RecordLine]) -> AsyncIterator[str]:
    return json_list({"generated_at": utc(view.now)}, "records", lines, as_json)


def as_json(line: RecordLine) -> Mapping[str, object]:
    """One line of the API; of a document that is no record, its place and why."""
    problems = [{"name": each.name, "message": each.message} for each in line.problems]
    said: dict[str, object] = {"id": line.id, "state": line.standing, "holds_for": line.holds_for}
    said |= {"problems": problems, "origin": line.origin}
    return said | _record_json(line.record) if line.record is not None else said


def _record_json(record: Record) -> dict[str, object]:
    bind = {
        "image_digests": sorted(record.image_digests),
        "policy_digest": record.policy_digest,
        "config_digest": record.config_digest,
        "version": record.version,
    }
    return {
        "source": record.source,
        "kind": record.kind,
        "control": record.control,
        "revision": record.revision,
        "environment": record.environment,
        "namespace": record.namespace,
        "agents": record.agents,
        "scope": record.scope,
        "bind": {key: value for key, value in bind.items() if value},
        "statement": record.statement,
        "evidence_url": record.evidence_url,
        "evidence_sha256": record.evidence_sha256,
        "by": record.by,
        "approved_by": record.approved_by,
        "at": utc(record.at),
        "expires_at": None if record.expires_at is None else utc(record.expires_at),
        "run_id": record.run_id,
        "counts": record.counts,
        "reason": record.reason,
        "verified": record.verified,
        "signers": sorted(record.signers),
    }
