"""The newest lines of an agent that Loki has, and whether lines of each of its pods reach it.

Its HTTP API: `query_range` of lines, `query_range` of counts by pod, `query` of how many lines are audit records, and
`/config`, once in a while for all agents.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any

from pydantic_core import from_json

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentRef, Arrived, LogSample, Missing, Retention
from watcher.checklist.live.logs.counting import AUDIT_KEYS, LONGEST_LINE, LogCounts
from watcher.checklist.live.logs.sampled import Sampled
from watcher.checklist.live.outside.client import OutsideClient, OutsideError
from watcher.checklist.live.outside.stated_config import is_zero, stated
from watcher.discovery.pods.scope import SeenPod
from watcher.kube.objects import MALFORMED_OBJECT
from watcher.runtime.cooperative import TimeSlice

_RANGE, _NOW = "/loki/api/v1/query_range", "/loki/api/v1/query"
_DAY, _HOUR, _QUARTER = 86400.0, 3600, 900
_MOST_PODS = 500
_CONFIG_EVERY = 3600.0
_PERIOD, _ENABLED = "limits_config.retention_period", "compactor.retention_enabled"
_BY_TABLES = "table_manager.retention_deletes_enabled"
_AUDITS = " | ".join(
    (
        f"|~ `{'|'.join(AUDIT_KEYS)}`",
        "json " + ", ".join(f'agentweave_{key}="{key}"' for key in AUDIT_KEYS),
        '__error__=""',
        " or ".join(f'agentweave_{key}!=""' for key in AUDIT_KEYS),
    )
)
"""Lines that are audit records, as LogQL: JSON with one of the keys at top level, as for the lines that are read."""

_NOT_ASKED = Missing(UnknownReason.NO_DATA, "Loki was not asked for its config.")
_NEVER_HEARD = Missing(
    UnknownReason.NO_DATA,
    "Loki has had no line of any agent yet: maybe its labels are not those that checklist.logs names.",
)


class Loki:
    """Asks Loki; `labels` name the namespace and the pod in its streams."""

    REQUESTS = 3
    """Of one sample."""

    def __init__(self, client: OutsideClient, lines: int, labels: tuple[str, str], date: Callable[[], float]) -> None:
        """`lines`: of a sample, at most; `date`: Unix seconds."""
        self._client, self._lines, self._date = client, lines, date
        self._namespace_label, self._pod_label = labels
        self._retention: Retention | Missing = _NOT_ASKED
        self._asked_at = -_CONFIG_EVERY
        self._heard = False  # whether it had a line of any agent

    async def sample(self, agent: AgentRef, pods: Mapping[str, SeenPod | None]) -> Sampled | Missing:
        """What the newest lines of these pods have, and how many lines of each arrived."""
        names = sorted(name for name, seen in pods.items() if _may_write(seen))[:_MOST_PODS]
        if not names:
            return Missing(UnknownReason.NO_DATA, "The agent has no pod.")
        selector = self._selector(agent.namespace, names)
        try:
            counted = await self._lines_of(selector)
            arrived = self._believed(counted, await self._arrived(selector, names))
            audited, retention = await self._audited(selector), await self._retention_now()
            value = replace(counted, arrived=arrived, audited=audited, retention=retention)
        except OutsideError as error:
            return error.missing
        except MALFORMED_OBJECT:
            return Missing(UnknownReason.UNPARSEABLE, "What Loki answers is not as its API has it.")
        return Sampled(value, f"Loki {selector}"[:200])

    async def _lines_of(self, selector: str) -> LogSample:
        now = self._date()
        found = await self._query(selector, now - _DAY, {"limit": str(self._lines), "direction": "backward"})
        counts, time_slice = LogCounts(), TimeSlice()
        for stream in found["result"]:
            for value in reversed(stream["values"]):  # it gives the newest first
                line = str(value[1]).encode(errors="replace")
                counts.add(line[:LONGEST_LINE], cut=len(line) > LONGEST_LINE)
                await time_slice.checkpoint()
        return counts.sample()

    def _believed(self, counted: LogSample, arrived: tuple[Arrived, ...]) -> tuple[Arrived, ...] | Missing:
        """That nothing arrived of an agent says something only where anything ever arrived of one."""
        self._heard = self._heard or counted.lines > 0 or any(each.hour for each in arrived)
        return arrived if self._heard else _NEVER_HEARD

    async def _arrived(self, selector: str, names: Sequence[str]) -> tuple[Arrived, ...]:
        """By quarters of the last hour: a range query that steps so far has four points, or five at its ends."""
        query = f"sum by ({self._pod_label}) (count_over_time({selector}[{_QUARTER}s]))"
        now = self._date()
        found = await self._query(query, now - _HOUR + _QUARTER, {"step": str(_QUARTER)})
        by_pod = {str(each["metric"].get(self._pod_label)): list(_points(each)) for each in found["result"]}
        return tuple(
            Arrived(
                name,
                hour=sum(count for _, count in by_pod.get(name, ())),
                quarter=sum(count for at, count in by_pod.get(name, ()) if at > now - _QUARTER),
            )
            for name in names
        )

    async def _audited(self, selector: str) -> int | None:
        """Audit records of the last hour; None where that cannot be counted, as of lines over a limit of its own."""
        asked = {"query": f"sum(count_over_time({selector} {_AUDITS} [{_HOUR}s]))", "time": f"{self._date():.0f}"}
        try:
            found = _data(await self._client.get(_NOW, asked))
        except OutsideError:
            return None
        if found["resultType"] != "vector":
            raise ValueError("expected a vector")
        return sum(_count(each["value"][1]) for each in found["result"])

    async def _query(self, query: str, start: float, more: Mapping[str, str]) -> Any:
        span = {"query": query, "start": f"{start * 1e9:.0f}", "end": f"{self._date() * 1e9:.0f}"}
        return _data(await self._client.get(_RANGE, {**span, **more}))

    async def _retention_now(self) -> Retention | Missing:
        """Its config, where it shows it: many a gateway does not."""
        if self._date() - self._asked_at >= _CONFIG_EVERY:
            self._asked_at = self._date()
            try:
                self._retention = _retention(await self._client.get("/config", {}), self._client.place.url)
            except OutsideError as error:
                self._retention = error.missing
        return self._retention

    def _selector(self, namespace: str, names: Sequence[str]) -> str:
        pods = "|".join(re.escape(name) for name in names)
        return f"{{{self._namespace_label}={json.dumps(namespace)}, {self._pod_label}=~{json.dumps(pods)}}}"


def _may_write(seen: SeenPod | None) -> bool:
    return seen is None or seen.kept is None or seen.kept.run.ends_since is None


def _points(series: Any) -> Iterator[tuple[float, int]]:
    return ((float(at), _count(count)) for at, count in series["values"])


def _data(body: bytes) -> Any:
    """What it answers in full; ValueError where it is another shape."""
    try:
        found = from_json(body)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    if found.get("status") != "success":
        raise ValueError("it does not say that it succeeded")
    if found.get("warnings"):
        raise OutsideError(UnknownReason.UNREACHABLE, "Loki warns that its answer may be a part only.")
    return found["data"]


def _count(text: object) -> int:
    """How many lines; ValueError where it is no such number."""
    number = float(str(text))
    if not (isfinite(number) and number >= 0):
        raise ValueError("expected a count")
    return int(number)


def _retention(body: bytes, url: str) -> Retention | Missing:
    found = stated(body, _PERIOD, _ENABLED, _BY_TABLES)
    if found is None or not found:
        return Missing(UnknownReason.UNPARSEABLE, "Loki's own config does not say how long it keeps lines.")
    refuted = ""
    if found.get(_PERIOD) is not None and is_zero(found[_PERIOD]):
        refuted = f"Loki keeps all lines forever: {_PERIOD} is {found[_PERIOD]}."
    elif found.get(_ENABLED) is False and found.get(_BY_TABLES) is not True:
        refuted = f"Loki keeps all lines forever: {_ENABLED} is false."
    return Retention(refuted, f"{url}/config")
