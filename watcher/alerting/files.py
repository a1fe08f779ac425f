"""Where do the alerts' files lie in the installed package, and what do they say of themselves?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ALERT_FILES = Path(__file__).parent / "alerts"
"""In the source tree a link to the folder of the same name at the top."""

FOLDERS = ("rules", "optional-rules", "runbooks", "dashboards", "alertmanager")

WATCHER_URL = "http://127.0.0.1:9847/"
RUNBOOK_URL = f"{WATCHER_URL}runbooks/"
DASHBOARD_URL = "http://127.0.0.1:3000/d/"
"""What rules and dashboards of the package begin their links with: a watcher and a Grafana on the same machine."""


class Rank(NamedTuple):
    """How urgent an alert is, and what it is about: labels of its rule."""

    severity: str
    component: str


def alert_files(folder: str) -> list[Path]:
    """The files of one of FOLDERS, by name; none where the package has no such folder."""
    where = ALERT_FILES / folder
    return sorted(path for path in where.iterdir() if path.is_file()) if where.is_dir() else []


def runbook_texts() -> dict[str, str]:
    """The Markdown of each runbook, by the name of its alert."""
    files = [path for path in alert_files("runbooks") if path.suffix == ".md"]
    return {path.stem: path.read_text(encoding="utf-8") for path in files}


def rule_texts() -> list[str]:
    """The rule files, as YAML; those that are optional too."""
    files = [*alert_files("rules"), *alert_files("optional-rules")]
    return [path.read_text(encoding="utf-8") for path in files if path.suffix == ".yaml"]


def ranks(rules: str) -> Iterator[tuple[str, Rank]]:
    """The alerts in the text of a rule file."""
    document: dict[str, Any] = yaml.load(rules, Loader=yaml.CSafeLoader)
    for group in document["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                yield rule["alert"], Rank(rule["labels"]["severity"], rule["labels"]["component"])
