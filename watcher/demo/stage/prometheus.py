"""Prometheus as far as the watcher asks it: with the shipped rules, and those of the agent's own team.

It stores nothing, and evaluates no rule. Which series a rule selects is told by what the watcher exports at that
moment, as by a Prometheus that scrapes it. No other series is there, and no alert fires but the one that always does.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from watcher.alerting.files import alert_files
from watcher.demo.stage.server import Answer

JOB = "agentweave-demo"
"""The label `job` of the watcher's series."""

_SELECTOR = r'(?P<name>[a-zA-Z_:][\w:]*)?\{(?P<matchers>(?:\s*\w+\s*(?:=~|!~|!=|=)\s*"(?:[^"\\]|\\.)*"\s*,?)*)\s*\}'
_ASKED = re.compile(
    rf'group by \((?P<by>[^)]*)\) \({_SELECTOR}\)|"agentweave_slot", "(?P<slot>[0-9]+)"',
)
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
_SAMPLE = re.compile(r"^(\w+)\{([^}]*)\} \S+", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")

_WATCHDOG = "AgentWeaveWatchdog"
Labels = Mapping[str, str]


class StagedPrometheus:
    """Its rules are files, as Prometheus has them, read whenever it is asked: whoever edits one has reloaded it."""

    def __init__(self, rules: Path, exported: Callable[[], str]) -> None:
        """`rules`: the directory of the files; `exported`: the watcher's own metrics page."""
        self._rules, self._exported = rules, exported

    def load(self, of_team: Sequence[Mapping[str, Any]]) -> None:
        """Put the shipped rules there, and these beside them."""
        self._rules.mkdir()
        for path in alert_files("rules"):
            shutil.copyfile(path, self._rules / path.name)
        own = {"groups": [{"name": "team", "interval": "30s", "rules": list(of_team)}]}
        (self._rules / "team.yaml").write_text(yaml.safe_dump(own, sort_keys=False))

    def answer(self, path: str, query: Mapping[str, str], /) -> Answer | None:
        """Of its HTTP API."""
        match path:
            case "/api/v1/rules":
                return _success({"groups": list(self._groups())})
            case "/api/v1/targets":
                return _success({"activeTargets": [], "droppedTargets": []})
            case "/api/v1/query":
                return _success({"resultType": "vector", "result": list(self._rows(query.get("query", "")))})
        return None

    def _groups(self) -> Iterator[dict[str, Any]]:
        at = datetime.now(UTC).isoformat()
        for path in sorted(self._rules.glob("*.yaml")):
            for group in yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["groups"]:
                rules = [_told(rule, at) for rule in group["rules"]]
                yield {
                    "name": group["name"],
                    "file": path.name,
                    "interval": _seconds(group["interval"]),
                    "rules": rules,
                }

    def _rows(self, promql: str) -> Iterator[dict[str, Any]]:
        """Of the questions which series selectors have; of all others nothing, for no other series is there."""
        asked: list[tuple[Sequence[str], str, str]] = []
        series = _series(self._exported()) if "agentweave_slot" in promql else {}
        for found in _ASKED.finditer(promql):
            if found["slot"] is None:
                by = [each.strip() for each in found["by"].split(",")]
                asked.append((by, found["name"] or "", found["matchers"]))
                continue
            rows = {
                tuple((label, each[label]) for label in by if label in each)
                for by, name, matchers in asked
                for each in _selected(series, name, matchers)
            }
            asked = []
            for row in sorted(rows):
                yield {"metric": dict(row) | {"agentweave_slot": found["slot"]}, "value": [0, "1"]}


def _series(page: str) -> Mapping[str, Sequence[Labels]]:
    """The series of a metrics page, by name."""
    found: dict[str, list[Labels]] = {}
    for name, labels in _SAMPLE.findall(page):
        given = {label: _ESCAPED.sub(r"\1", value) for label, value in _LABEL.findall(labels)}
        found.setdefault(name, []).append(given | {"job": JOB})
    return found


def _selected(series: Mapping[str, Sequence[Labels]], name: str, matchers: str) -> Iterator[Labels]:
    wanted = [(label, how, _ESCAPED.sub(r"\1", value)) for label, how, value in _MATCHER.findall(matchers)]
    for each in series.get(name, ()):
        if all(_holds(each.get(label, ""), how, value) for label, how, value in wanted):
            yield each


def _holds(value: str, how: str, wanted: str) -> bool:
    same = re.fullmatch(wanted, value) is not None if "~" in how else value == wanted
    return same is not how.startswith("!")


def _told(rule: Mapping[str, Any], at: str) -> dict[str, Any]:
    name, labels = rule.get("alert"), rule.get("labels") or {}
    told = {
        "name": name or rule["record"],
        "query": rule["expr"],
        "labels": labels,
        "health": "ok",
        "lastEvaluation": at,
    }
    if name is None:
        return told | {"type": "recording"}
    state = "firing" if name == _WATCHDOG else "inactive"
    return told | {"type": "alerting", "state": state, "annotations": rule.get("annotations") or {}, "alerts": []}


def _seconds(interval: str) -> float:
    return float(interval[:-1]) * {"s": 1, "m": 60, "h": 3600}[interval[-1]]


def _success(data: Mapping[str, Any]) -> Answer:
    return Answer(json.dumps({"status": "success", "data": data}).encode())
