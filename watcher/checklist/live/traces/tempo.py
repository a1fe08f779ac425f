"""Tempo's HTTP API: `/api/search` by TraceQL, `/api/traces/ID` of some that were found, `/status/config`."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic_core import from_json

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentRef, Missing, Retention, TraceSample
from watcher.checklist.live.outside.client import OutsideClient, OutsideError
from watcher.checklist.live.outside.stated_config import is_zero, stated
from watcher.checklist.live.traces.spans import HOUR, MOST_SPANS, MOST_TRACES, Span, counted, service_of
from watcher.kube.objects import MALFORMED_OBJECT

_ID = re.compile(r"[0-9a-fA-F]{1,32}")
_MOST_READ = 3
"""Traces that are read whole."""

_CONFIG_EVERY = 3600.0
_RETENTION = "compactor.compaction.block_retention"
_NOT_ASKED = Missing(UnknownReason.NO_DATA, "Tempo was not asked for its config.")
_KINDS = {"SPAN_KIND_SERVER": False, "SPAN_KIND_CLIENT": True, 2: False, 3: True}


class Tempo:
    """Asks Tempo."""

    REQUESTS = 1 + _MOST_READ
    """Of one agent."""

    def __init__(self, client: OutsideClient, service: str, date: Callable[[], float]) -> None:
        """`service`: the name of an agent as a service, with `${agent}`; `date`: Unix seconds."""
        self._client, self._service, self._date = client, service, date
        self._retention: Retention | Missing = _NOT_ASKED
        self._asked_at = -_CONFIG_EVERY
        self._heard = False  # whether it had a trace of any agent

    async def sample(self, agent: AgentRef) -> tuple[TraceSample, str] | Missing:
        """What it has of the last hour."""
        service, now = service_of(self._service, *agent), self._date()
        query = f"{{ resource.service.name = {json.dumps(service)} }}"
        span = {"start": f"{now - HOUR:.0f}", "end": f"{now:.0f}", "limit": str(MOST_TRACES)}
        try:
            found = from_json(await self._client.get("/api/search", {"q": query, **span}))
            if not found.get("traces") and _is_part(found.get("metrics") or {}):
                return Missing(UnknownReason.UNREACHABLE, "Tempo searched a part of its traces only, and found none.")
            ids = [str(each["traceID"]) for each in found.get("traces") or ()]
            spans = await self._spans(ids, service)
        except OutsideError as error:
            return error.missing
        except (*MALFORMED_OBJECT, RecursionError):
            return Missing(UnknownReason.UNPARSEABLE, "What Tempo answers is not as its API has it.")
        self._heard = self._heard or bool(ids)
        retention = await self._retention_now()
        return counted(len(ids), spans, retention, heard=self._heard), f"Tempo service {service}"

    async def _spans(self, ids: list[str], service: str) -> list[Span]:
        spans: list[Span] = []
        for each in ids[:_MOST_READ]:
            if len(spans) < MOST_SPANS and _ID.fullmatch(each):
                spans += _spans_of(from_json(await self._client.get(f"/api/traces/{each}", {})), service)
        return spans

    async def _retention_now(self) -> Retention | Missing:
        if self._date() - self._asked_at >= _CONFIG_EVERY:
            self._asked_at = self._date()
            try:
                self._retention = _retention(await self._client.get("/status/config", {}), self._client.place.url)
            except OutsideError as error:
                self._retention = error.missing
        return self._retention


def _is_part(metrics: Mapping[str, Any]) -> bool:
    """Whether it did not search all that there is, by what it counts itself; by its JSON numbers may be texts."""
    return float(metrics.get("completedJobs") or 0) < float(metrics.get("totalJobs") or 0)


def _spans_of(trace: Mapping[str, Any], service: str) -> Iterator[Span]:
    """As OTLP has them in JSON."""
    whole = trace.get("trace") or trace
    for batch in whole.get("batches") or whole.get("resourceSpans") or ():
        if service not in _texts(batch["resource"], "service.name"):
            continue
        for scope in batch.get("scopeSpans") or batch.get("instrumentationLibrarySpans") or ():
            for span in scope["spans"]:
                if (is_call := _KINDS.get(span.get("kind"))) is not None:
                    code = (span.get("status") or {}).get("code")
                    yield Span(is_call, code in ("STATUS_CODE_ERROR", 2), tuple(_texts(span)))


def _texts(carrier: Mapping[str, Any], key: str = "") -> list[str]:
    """Texts of its attributes; of one alone, where its key is given."""
    wanted = (each for each in carrier.get("attributes") or () if key in ("", each["key"]))
    values = (each.get("value", {}).get("stringValue") for each in wanted)
    return [each for each in values if isinstance(each, str)]


def _retention(body: bytes, url: str) -> Retention | Missing:
    found = stated(body, _RETENTION)
    if not found:
        return Missing(UnknownReason.UNPARSEABLE, "Tempo's own config does not say how long it keeps traces.")
    said = found[_RETENTION]
    refuted = f"Tempo keeps all traces forever: {_RETENTION} is {said}." if is_zero(said) else ""
    return Retention(refuted, f"{url}/status/config")
