"""Makes the dashboards' files: the panels one after the other on the grid, and what all dashboards have."""

import json
from collections.abc import Iterator, Sequence

from watcher.alerting.dashboards.board import Annotation, Board, Variable
from watcher.alerting.dashboards.boards import agent, fleet, own, readiness
from watcher.alerting.dashboards.panels import SOURCE, Json

BOARDS = (fleet.BOARD, agent.BOARD, readiness.BOARD, own.BOARD)
_COLUMNS = 24
_LINE = 110


def dashboard_files() -> dict[str, str]:
    """Name of the file -> its text."""
    return {f"{each.name}.json": _written(_board(each), "") + "\n" for each in BOARDS}


def _written(value: object, indent: str) -> str:
    """JSON in which all that has room on a line stands on one, so that a diff shows what has changed."""
    text = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(text) < _LINE or not isinstance(value, dict | list) or not value:
        return text
    deeper = f"{indent}  "
    if isinstance(value, dict):
        begin, end = "{}"
        parts = [f"{json.dumps(key)}: {_written(each, deeper)}" for key, each in value.items()]
    else:
        begin, end = "[]"
        parts = [_written(each, deeper) for each in value]
    return f"{begin}\n{deeper}" + f",\n{deeper}".join(parts) + f"\n{indent}{end}"


def _board(board: Board) -> Json:
    return {
        "uid": f"agentweave-{board.name}",
        "title": f"AgentWeave / {board.name.title()}",
        "description": board.about,
        "tags": ["agentweave"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": f"now-{board.shows}", "to": "now"},
        "links": [_link(each) for each in BOARDS if each is not board],
        "annotations": {"list": [_annotation(each) for each in board.annotations]},
        "templating": {"list": [_SOURCES, *map(_variable, board.variables)]},
        "panels": list(_placed(board.panels)),
    }


def _link(to: Board) -> Json:
    """All that is chosen goes along, but not to where one is wanted and all may be chosen."""
    all_fit = all(each.many for each in to.variables)
    chosen = "" if all_fit else "?${datasource:queryparam}&${cluster:queryparam}"
    return {
        "type": "link",
        "title": to.name.title(),
        "tooltip": to.about,
        "url": f"/d/agentweave-{to.name}{chosen}",
        "icon": "dashboard",
        "tags": [],
        "asDropdown": False,
        "targetBlank": False,
        "keepTime": True,
        "includeVars": all_fit,
    }


_SOURCES = {
    "name": "datasource",
    "type": "datasource",
    "label": "Data source",
    "description": "The Prometheus that scrapes the watcher and loads its rules.",
    "query": "prometheus",
    "refresh": 1,
}


def _variable(variable: Variable) -> Json:
    every = {"multi": True, "includeAll": True, "allValue": ".*"}
    chosen = {"selected": True, "text": ["All"], "value": ["$__all"]}
    return {
        "name": variable.name,
        "type": "query",
        "label": variable.name.title(),
        "description": variable.about,
        "datasource": SOURCE,
        "query": {
            "query": f"label_values({variable.among}, {variable.name})",
            "refId": "StandardVariableQuery",
        },
        "refresh": 2,
        "sort": 1,
    } | (every | {"current": chosen} if variable.many else {"multi": False, "includeAll": False})


def _annotation(annotation: Annotation) -> Json:
    return {
        "name": annotation.name,
        "datasource": SOURCE,
        "enable": True,
        "iconColor": annotation.colour,
        "expr": annotation.query,
        "step": "60s",
        "titleFormat": annotation.title,
        "textFormat": annotation.text,
    }


def _placed(panels: Sequence[Json]) -> Iterator[Json]:
    """From left to right, in rows as high as their highest panel."""
    x = y = high = 0
    for number, panel in enumerate(panels, 1):
        size = panel["gridPos"]
        if x + size["w"] > _COLUMNS:
            x, y, high = 0, y + high, 0
        yield {"id": number} | panel | {"gridPos": {"x": x, "y": y} | size}
        x, high = x + size["w"], max(high, size["h"])
