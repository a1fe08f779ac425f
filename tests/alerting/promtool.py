"""promtool, of the oldest Prometheus that we support and of a current one."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
import yaml

from tests.alerting.rules import Alert, groups
from tests.servers.tools import debian_package, tool

Expected = dict[str, Any]
"""An alert that must fire: its labels and annotations, as promtool has them."""

TEXTS: dict[str, dict[str, str]] = yaml.load(
    (Path(__file__).parent / "texts.yaml").read_text(), Loader=yaml.CSafeLoader
)
"""Alert -> its annotations, with the labels of the agent in braces."""

both_versions = pytest.mark.parametrize("version", ["oldest", "current"])

FRUGAL = {"GOMAXPROCS": "1", "GOGC": "800", "GOMEMLIMIT": "512MiB"}
"""Surroundings of promtool: a quarter of its time went into garbage, on a core that another test wants."""

WATCHER = {"job": "watcher", "instance": "10.0.0.1:9847"}


def promtool(version: str) -> Path:
    """`oldest`: that of Debian, which is 2.42; `current`: the pinned 3.x."""
    return debian_package("promtool", "prometheus") if version == "oldest" else tool("promtool", pinned=True)


@dataclass
class Story:
    """Made-up series, scraped every 30 s, and the alerts that must fire at given moments."""

    name: str
    series: dict[str, str] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)
    questions: list[dict[str, Any]] = field(default_factory=list)
    interval: str = "30s"

    def watcher(self, values: str, *, shards: int = 1) -> None:
        """The series by which a watcher is known to be there."""
        for name in ("build_info", "discovery_last_success_timestamp_seconds"):
            self.add(name, values, **WATCHER)
        self.add("shards", values.replace("1x", f"{shards}x"), **WATCHER)
        self.add("active", values, shard="0", **WATCHER)

    def add(self, series: str, values: str, **labels: str) -> None:
        """One series of the watcher's, by its name without the prefix."""
        told = ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items() if value)
        self.series[f"agentweave_watcher_{series}{{{told}}}"] = values

    def expect(self, at: float, alert: str, *expected: Expected) -> None:
        """At so many seconds exactly these instances of the alert fire."""
        self.checks.append({"eval_time": f"{at:g}s", "alertname": alert, "exp_alerts": list(expected)})

    def count(self, at: float, expression: str, count: int) -> None:
        """At so many seconds the expression gives so many series."""
        samples = [{"labels": "{}", "value": count}] if count else []
        self.questions.append({"eval_time": f"{at:g}s", "expr": f"count({expression})", "exp_samples": samples})

    def document(self) -> dict[str, Any]:
        """As promtool wants it."""
        return {
            "name": self.name,
            "interval": self.interval,
            "input_series": [{"series": series, "values": values} for series, values in self.series.items()],
            "alert_rule_test": self.checks,
            "promql_expr_test": self.questions,
        }


def told_by(
    version: str, stories: Sequence[Story], files: Sequence[Path], directory: Path, *, every: str = "15s"
) -> str:
    """What promtool has to say against these stories, with an evaluation so often; empty when all came true."""
    test = directory / "stories.yaml"
    document = {
        "rule_files": [str(file) for file in files],
        "evaluation_interval": every,
        "group_eval_order": in_order(files),  # else by chance, and an alert may come one evaluation later
        "tests": [story.document() for story in stories],
    }
    passed, said = run_test(version, document, test, 300)
    return "" if passed else said


def run_test(version: str, document: Mapping[str, object], test: Path, timeout: float) -> tuple[bool, str]:
    """Whether all of a test of rules came true, written to this file, and what promtool says; `timeout` in seconds."""
    test.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False))
    said = subprocess.run(
        [promtool(version), "test", "rules", test],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        env=os.environ | FRUGAL,
    )
    return said.returncode == 0, said.stdout + said.stderr


def expected(alert: Alert, *, words: Mapping[str, str] | None = None, **labels: str) -> Expected:
    """The alert with these labels, and with the text that is written down for it; `words` fill in what is no label.

    It is of the job of the watcher, unless the labels say otherwise.
    """
    told = {name: value for name, value in ({"job": WATCHER["job"]} | labels).items() if value}
    usual = {"namespace": "", "agent": "", "subject": "", "pod": f"{labels.get('agent')}-0"}
    named = usual | {"since": moment(0)} | told | _chosen(told) | dict(words or {})
    texts = {name: text.format(**named) for name, text in TEXTS[alert.name].items()}
    return {"exp_labels": dict(alert.labels) | told, "exp_annotations": texts}


def _chosen(labels: Mapping[str, str]) -> dict[str, str]:
    """How a link to a dashboard goes on: with the installation, as far as the alert names it."""
    told = "&".join(f"var-{name}={quote_plus(labels[name])}" for name in ("job", "cluster") if name in labels)
    return {"of_job": f"?{told}", "and_job": f"&{told}"} if "job" in labels else {"of_job": "", "and_job": ""}


def moment(seconds: float) -> str:
    """So many seconds from the begin of a story, as texts tell a time."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


def in_order(files: Sequence[Path]) -> list[str]:
    """The groups of these files, in the order in which they read each other."""
    names = [group["name"] for file in files for group in groups(file)]
    return sorted(names, key=lambda name: name != "agentweave-core")
