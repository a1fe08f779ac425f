"""Loki and Jaeger as far as the watcher asks them: the lines that an agent wrote, and its requests as traces."""

import json
import re
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from watcher.demo.stage.server import Answer

_KEPT = 2000  # lines of an agent
_QUARTER, _STOPPED = 900.0, 7200.0
_NANO = 1e9
_PODS = re.compile(r'pod=~"((?:[^"\\]|\\.)*)"')
_CONFIG = b"limits_config:\n  retention_period: 744h\ncompactor:\n  retention_enabled: true\n"


class _Line(NamedTuple):
    at: float  # Unix seconds
    text: str


class LogStore:
    """The newest lines of pods; none come in any more once its collector has stopped."""

    def __init__(self) -> None:
        """Empty."""
        self._lines: dict[str, deque[_Line]] = {}
        self._collects = True

    def take(self, pod: str, line: bytes) -> None:
        """A pod wrote this."""
        if self._collects:
            text = line.decode(errors="replace").rstrip()
            self._lines.setdefault(pod, deque(maxlen=_KEPT)).append(_Line(time.time(), text))

    def stop(self) -> None:
        """The collector has stopped, two hours ago: what came before that is there."""
        self._collects = False
        for lines in self._lines.values():
            before = [each._replace(at=each.at - _STOPPED) for each in lines]
            lines.clear()
            lines.extend(before)

    def newest(self, pod: str, count: int) -> list[dict[str, Any]]:
        """The newest lines of a pod that are JSON."""
        return [json.loads(each.text) for each in list(self._lines.get(pod, ()))[-count:]]

    def answer(self, path: str, query: Mapping[str, str]) -> Answer | None:
        """Of Loki's HTTP API, and its own config."""
        if path == "/config":
            return Answer(_CONFIG)
        if path != "/loki/api/v1/query_range":
            return None
        asked = query.get("query", "")
        found = _PODS.search(asked)
        pods = [each for each in list(self._lines) if found and re.fullmatch(_unquoted(found[1]), each)]
        is_count = asked.startswith("sum by")
        result = list(self._counts(pods, query) if is_count else self._streams(pods, int(query.get("limit", "100"))))
        kind = "matrix" if is_count else "streams"
        return Answer(json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode())

    def _streams(self, pods: list[str], limit: int) -> Iterator[dict[str, Any]]:
        for pod in pods:
            lines = list(self._lines[pod])[-limit:]
            values = [[f"{each.at * _NANO:.0f}", each.text] for each in reversed(lines)]
            yield {"stream": {"pod": pod}, "values": values}

    def _counts(self, pods: list[str], query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """At each step, how many lines there were in the quarter of an hour before it."""
        start, end, step = (float(query[each]) for each in ("start", "end", "step"))
        moments = [start / _NANO + number * step for number in range(int((end - start) / _NANO / step) + 1)]
        for pod in pods:
            at = [each.at for each in self._lines[pod]]
            counts = ((moment, sum(moment - _QUARTER < each <= moment for each in at)) for moment in moments)
            yield {"metric": {"pod": pod}, "values": [[moment, str(count)] for moment, count in counts if count]}


class TraceStore:
    """Makes a trace of each request that an agent has logged."""

    def __init__(self, logs: LogStore) -> None:
        """A service is called as its agent is."""
        self._logs = logs

    def answer(self, path: str, query: Mapping[str, str]) -> Answer | None:
        """Of Jaeger's query API."""
        if path != "/api/traces":
            return None
        service = query.get("service", "")
        lines = self._logs.newest(f"{service}-0", int(query.get("limit", "20")))
        traces = [_trace(service, each) for each in lines if "trace_id" in each]
        return Answer(json.dumps({"data": traces, "total": len(traces)}).encode())


def _trace(service: str, line: Mapping[str, Any]) -> dict[str, Any]:
    tags = {"span.kind": "server", "spiffe.caller_id": line["caller_id"], "spiffe.id": line["spiffe_id"]}
    span = {
        "traceID": line["trace_id"],
        "spanID": line["trace_id"][:16],
        "processID": "p1",
        "operationName": line["path"],
        "tags": [{"key": key, "type": "string", "value": value} for key, value in tags.items()],
    }
    return {"traceID": line["trace_id"], "processes": {"p1": {"serviceName": service}}, "spans": [span]}


def _unquoted(text: str) -> str:
    unquoted: str = json.loads(f'"{text}"')
    return unquoted
