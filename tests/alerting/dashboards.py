"""The dashboards as they are shipped: what they ask, and what Grafana shows of the answers."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.repository import ROOT
from tests.servers.prometheus_server import Series

FILES = sorted((ROOT / "alerts" / "dashboards").glob("*.json"))
GREY = "#8e8e8e"
LABEL_VALUES = re.compile(r"label_values\((.+), (\w+)\)")

Json = dict[str, Any]


class Query(NamedTuple):
    """One question to Prometheus, and where it stands."""

    file: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.where}: {self.text}"


class Cell(NamedTuple):
    """Something that a panel shows: its text, its colour (empty where that tells nothing), the labels of its series."""

    text: str
    colour: str
    labels: Mapping[str, str]


def read(file: Path) -> Json:
    """A dashboard; ValueError names the file."""
    try:
        told: Json = json.loads(file.read_text())
    except ValueError as error:
        raise ValueError(f"{file.name}: {error}") from error
    return told


def panels(dashboard: Json) -> list[Json]:
    """Without headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(file: str, dashboard: Json) -> Iterator[Query]:
    """Every query of the panels, the variables and the annotations."""
    for panel in dashboard["panels"]:
        yield from (Query(file, panel["title"], each["expr"]) for each in panel.get("targets", ()))
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield Query(file, f"variable {variable['name']}", variable["query"]["query"])
    yield from (Query(file, f"annotation {each['name']}", each["expr"]) for each in dashboard["annotations"]["list"])


def chosen(text: str, **variables: str) -> str:
    """The query as Grafana asks it; a variable that is not named is All."""
    text = text.replace("$__rate_interval", "2m").replace("$__range", "10m")
    return re.sub(r"\$([a-z]+)", lambda found: variables.get(found[1], ".*"), text)


def shown(panel: Json, answers: Sequence[Sequence[Series]]) -> list[Cell]:
    """What the panel shows of the answers to its queries now, as Grafana does."""
    defaults, kind = panel["fieldConfig"]["defaults"], panel["type"]
    if not any(answers):
        base = defaults.get("thresholds", {"steps": [{"color": ""}]})["steps"][0]["color"]
        return [Cell(defaults["noValue"], base if kind == "stat" else "", {})]
    cells: list[Cell] = []
    for target, answer in zip(panel["targets"], answers, strict=True):
        for each in answer:
            if kind == "table":
                cells += _row(panel, each)
            elif not math.isnan(each.value):
                cells.append(_number(panel, target["refId"], each))
    return cells


def _number(panel: Json, ref: str, series: Series) -> Cell:
    found = _mapped(panel["fieldConfig"]["defaults"].get("mappings", ()), f"{series.value:g}")
    if found:
        return Cell(*found, series.labels)
    if panel["type"] not in ("stat", "state-timeline"):
        return Cell(f"{series.value:g}", "", series.labels)  # a line's own colour tells nothing
    fixed = _properties(panel, "byFrameRefID", ref).get("color", {}).get("fixedColor", "")
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    return Cell(f"{series.value:g}", fixed or _step(steps, series.value), series.labels)


def _row(panel: Json, series: Series) -> Iterator[Cell]:
    for label, value in series.labels.items():
        mappings = _properties(panel, "byName", label).get("mappings", ())
        yield Cell(*(_mapped(mappings, value) or (value, "")), series.labels)
    if not math.isnan(series.value):
        yield Cell(f"{series.value:g}", "", series.labels)


def _properties(panel: Json, matcher: str, of: str) -> Json:
    return {
        told["id"]: told["value"]
        for each in panel["fieldConfig"]["overrides"]
        if each["matcher"] == {"id": matcher, "options": of}
        for told in each["properties"]
    }


def _mapped(mappings: Sequence[Json], value: str) -> tuple[str, str] | None:
    for each in mappings:
        if each["type"] == "value" and value in each["options"]:
            told = each["options"][value]
            return told["text"], told["color"]
    return None


def _step(steps: Sequence[Json], value: float) -> str:
    return next((str(step["color"]) for step in reversed(steps) if step["value"] is None or step["value"] <= value), "")
