"""The kinds of panels, as the JSON of Grafana (10.1 and later) has them. What a field looks like goes by its name."""

from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any, NamedTuple

Json = dict[str, Any]
Colours = Mapping[float | None, str]
"""The colour from each number on; None: below all of them, and where there is no number."""

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREY = "#8e8e8e"
TELL_NOTHING: Colours = {None: "blue"}
RED_FROM_ONE: Colours = {None: GREY, 0: "green", 1: "red"}
ORANGE_FROM_ONE: Colours = {None: GREY, 0: "green", 1: "orange"}

STATES = {"0": ("closed", "green"), "1": ("half-open", "orange"), "2": ("open", "red")}
CONDITIONS = {
    "0": ("no trouble", "green"),
    "1": ("warning", "orange"),
    "2": ("unknown", GREY),
    "3": ("critical", "red"),
}


class Asked(NamedTuple):
    """A query, the name of what it gives, and its colour where that does not go by the number."""

    query: str
    legend: str = "__auto"
    colour: str = ""


def panel(kind: str, title: str, text: str, size: tuple[int, int], asked: list[Json], **more: Any) -> Json:
    """What all kinds have in common; `size`: of 24 columns, and in rows."""
    place = {"w": size[0], "h": size[1]}
    return {"type": kind, "title": title, "description": text, "datasource": SOURCE, "gridPos": place} | {
        "targets": asked,
        **more,
    }


def targets(asked: Sequence[Asked], *, form: str = "time_series", instant: bool = False) -> list[Json]:
    """The queries A, B and so on."""
    return [
        {"refId": ref, "datasource": SOURCE, "expr": each.query, "legendFormat": each.legend, "format": form}
        | ({"instant": True, "range": False} if instant else {"instant": False, "range": True})
        for ref, each in zip(ascii_uppercase, asked, strict=False)
    ]


def mapped(words: Mapping[str, tuple[str, str]]) -> list[Json]:
    """Numbers or words -> what is shown, and its colour."""
    options = {
        told: {"text": text, "color": colour, "index": n} for n, (told, (text, colour)) in enumerate(words.items())
    }
    return [{"type": "value", "options": options}, EMPTY]


EMPTY: Json = {"type": "special", "options": {"match": "null+nan", "result": {"text": "-"}}}


def steps(colours: Colours) -> Json:
    """Thresholds."""
    return {"mode": "absolute", "steps": [{"value": at, "color": colour} for at, colour in colours.items()]}


def _coloured(asked: Sequence[Asked]) -> list[Json]:
    return [
        override("byFrameRefID", ref, color={"mode": "fixed", "fixedColor": each.colour})
        for ref, each in zip(ascii_uppercase, asked, strict=False)
        if each.colour
    ]


def override(matcher: str, of: str, **properties: object) -> Json:
    """What is other for one field; in names of properties `__` stands for a dot."""
    told = [{"id": name.replace("__", "."), "value": value} for name, value in properties.items()]
    return {"matcher": {"id": matcher, "options": of}, "properties": told}


def row(title: str) -> Json:
    """A heading."""
    return {"type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": {"w": 24, "h": 1}}


def stat(
    title: str,
    text: str,
    asked: Sequence[Asked],
    *,
    unit: str = "none",
    colours: Colours = TELL_NOTHING,
    words: Mapping[str, tuple[str, str]] | None = None,
    nothing: str = "not watched",
    size: tuple[int, int] = (3, 4),
) -> Json:
    """A number; `words` for some of its values."""
    told = {"-1": ("not watched", GREY)} | dict(words or {})
    defaults = {"unit": unit, "decimals": 0, "noValue": nothing, "color": {"mode": "thresholds"}}
    shown = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "graphMode": "none"}
    return panel(
        *("stat", title, text, size, targets(asked, instant=True)),
        fieldConfig={
            "defaults": defaults | {"thresholds": steps(colours), "mappings": mapped(told)[:1]},
            "overrides": _coloured(asked),
        },
        options=shown | {"colorMode": "value", "textMode": "auto"},
    )


def lines(
    title: str,
    text: str,
    asked: Sequence[Asked],
    *,
    unit: str = "none",
    stacked: bool = False,
    most: float | None = None,
    size: tuple[int, int] = (12, 9),
) -> Json:
    """Numbers over time; what has a colour is a limit, dashed."""
    drawn = {"lineWidth": 1, "fillOpacity": 15 if stacked else 0, "showPoints": "auto", "spanNulls": False}
    custom = drawn | {"axisSoftMin": 0, "stacking": {"mode": "normal" if stacked else "none", "group": "A"}}
    dashed = [
        override("byFrameRefID", ref, custom__lineStyle={"fill": "dash", "dash": [10, 10]})
        for ref, each in zip(ascii_uppercase, asked, strict=False)
        if each.colour
    ]
    defaults = {"unit": unit, "noValue": "none seen", "color": {"mode": "palette-classic"}, "custom": custom}
    return panel(
        *("timeseries", title, text, size, targets(asked)),
        fieldConfig={
            "defaults": defaults | ({} if most is None else {"max": most}),
            "overrides": [*_coloured(asked), *dashed],
        },
        options={
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
    )


def timeline(
    title: str, text: str, asked: Sequence[Asked], words: Mapping[str, tuple[str, str]], size: tuple[int, int] = (12, 9)
) -> Json:
    """States over time, by the words for their numbers."""
    return panel(
        *("state-timeline", title, text, size, targets(asked)),
        fieldConfig={
            "defaults": {"unit": "none", "noValue": "none seen", "color": {"mode": "thresholds"}}
            | {"thresholds": steps({None: GREY}), "mappings": mapped(words), "custom": {"fillOpacity": 80}},
            "overrides": [],
        },
        options={"mergeValues": True, "showValue": "auto", "rowHeight": 0.85}
        | {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}},
    )


def bars(title: str, text: str, query: str, by: str, *, unit: str = "none", size: tuple[int, int] = (12, 9)) -> Json:
    """How many have each value of the label `by`."""
    tidy = [
        {"id": "organize", "options": {"excludeByName": {"Time": True}, "renameByName": {"Value": "count"}}},
        {"id": "sortBy", "options": {"fields": {}, "sort": [{"field": by}]}},
    ]
    return panel(
        *("barchart", title, text, size, targets([Asked(query)], form="table", instant=True)),
        fieldConfig={
            "defaults": {"unit": unit, "noValue": "none seen", "color": {"mode": "fixed", "fixedColor": "blue"}},
            "overrides": [],
        },
        options={"xField": by, "showValue": "always", "legend": {"showLegend": False}},
        transformations=tidy,
    )
