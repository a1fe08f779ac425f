"""Jaeger's query API: `/api/traces`, the traces of a service. Its own config it does not tell."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic_core import from_json

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentRef, Missing, TraceSample
from watcher.checklist.live.outside.client import OutsideClient, OutsideError
from watcher.checklist.live.traces.spans import HOUR, MOST_TRACES, Span, counted, service_of
from watcher.kube.objects import MALFORMED_OBJECT


class Jaeger:
    """Asks Jaeger."""

    REQUESTS = 1
    """Of one agent."""

    def __init__(self, client: OutsideClient, service: str, date: Callable[[], float]) -> None:
        """`service`: the name of an agent as a service, with `${agent}`; `date`: Unix seconds."""
        self._client, self._service, self._date = client, service, date
        self._heard = False  # whether it had a trace of any agent

    async def sample(self, agent: AgentRef) -> tuple[TraceSample, str] | Missing:
        """What it has of the last hour."""
        service, now = service_of(self._service, *agent), self._date()
        span = {"start": f"{(now - HOUR) * 1e6:.0f}", "end": f"{now * 1e6:.0f}", "limit": str(MOST_TRACES)}
        try:
            found = from_json(await self._client.get("/api/traces", {"service": service, **span}))
            if found.get("errors"):
                return Missing(UnknownReason.UNREACHABLE, "Jaeger says that it could not find all traces.")
            traces = [each for each in found["data"] or () if _has(each, service)]
            spans = [span for trace in traces for span in _spans(trace, service)]
        except OutsideError as error:
            return error.missing
        except (*MALFORMED_OBJECT, RecursionError):
            return Missing(UnknownReason.UNPARSEABLE, "What Jaeger answers is not as its API has it.")
        self._heard = self._heard or bool(traces)
        return counted(len(traces), spans, heard=self._heard), f"Jaeger service {service}"


def _has(trace: Mapping[str, Any], service: str) -> bool:
    return any(each.get("serviceName") == service for each in trace["processes"].values())


def _spans(trace: Mapping[str, Any], service: str) -> Iterator[Span]:
    own = {name for name, each in trace["processes"].items() if each.get("serviceName") == service}
    for span in trace["spans"]:
        tags = {str(each["key"]): each.get("value") for each in span.get("tags") or ()}
        kind = tags.get("span.kind")
        if span.get("processID") in own and kind in ("server", "client"):
            failed = tags.get("error") in (True, "true") or tags.get("otel.status_code") == "ERROR"
            texts = tuple(value for value in tags.values() if isinstance(value, str))
            yield Span(kind == "client", failed, texts)
