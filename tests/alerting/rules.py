"""The rule files as they are shipped."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from probes import load_probes
from probes.contract import ConditionKind
from probes.contract.units import parse_duration
from tests.repository import ROOT

RULES = ROOT / "alerts" / "rules"
CORE = RULES / "watcher.yaml"
OPTIONAL = ROOT / "alerts" / "optional-rules"


@dataclass(frozen=True)
class Alert:
    """One alerting rule."""

    file: Path
    name: str
    expression: str
    held: float  # `for`, seconds
    kept: float  # `keep_firing_for`, seconds
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@cache
def groups(file: Path) -> list[dict[str, Any]]:
    """The groups of a shipped file. Read once: a hundred stories ask for them, and YAML is slow."""
    found: list[dict[str, Any]] = yaml.load(file.read_text(), yaml.CSafeLoader)["groups"]
    return found


def rules(folder: Path = RULES) -> Iterator[tuple[Path, dict[str, Any]]]:
    """All rules, recording ones too, with their files; those of `OPTIONAL` too where they are asked for."""
    for file in sorted(folder.glob("*.yaml")):
        for group in groups(file):
            for rule in group["rules"]:
                yield file, rule


def alerts(folder: Path = RULES) -> list[Alert]:
    """All alerting rules."""
    return [
        Alert(
            file,
            rule["alert"],
            rule["expr"],
            _seconds(rule, "for"),
            _seconds(rule, "keep_firing_for"),
            rule["labels"],
            rule["annotations"],
        )
        for file, rule in rules(folder)
        if "alert" in rule
    ]


def alert(name: str, folder: Path = RULES) -> Alert:
    """The alerting rule of this name."""
    return next(each for each in alerts(folder) if each.name == name)


def conditions() -> dict[str, tuple[str, ConditionKind]]:
    """Name of the alert -> probe and condition, of all conditions that there are."""
    return {f"AgentWeave{kind.name}": (probe.name, kind) for probe in load_probes() for kind in probe.conditions}


def _seconds(rule: Mapping[str, Any], key: str) -> float:
    return parse_duration(rule[key]) if key in rule else 0.0
