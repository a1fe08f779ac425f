"""What is to be pasted scrapes the watcher as often as the rules expect."""

import re
from typing import Any

import pytest
import yaml

from probes.contract.units import parse_duration
from tests.repository import ROOT

EXPECTED = 30.0
"""Seconds: so says AgentWeaveScrapeTooSlow."""

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("helm/*/README.md")])
CHART: dict[str, Any] = yaml.load(
    (ROOT / "helm" / "agentweave-watcher" / "values.yaml").read_text(), Loader=yaml.CSafeLoader
)


def jobs() -> list[tuple[str, dict[str, Any]]]:
    """Every scrape job of every page, and where it stands."""
    blocks = [
        (page.name, text) for page in PAGES for text in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    ]
    return [
        (page, job)
        for page, text in blocks
        if "scrape_configs" in text
        for job in yaml.load(text, Loader=yaml.CSafeLoader)["scrape_configs"]
    ]


def test_there_are_some() -> None:
    assert {page for page, _ in jobs()} >= {"README.md", "security.md"}


@pytest.mark.parametrize("job", [job for _, job in jobs()], ids=[page for page, _ in jobs()])
def test_a_job_that_a_page_shows_scrapes_every_half_minute(job: dict[str, Any]) -> None:
    assert parse_duration(job["scrape_interval"]) <= EXPECTED
    assert job["honor_labels"] is True


@pytest.mark.parametrize("kind", ["serviceMonitor", "podMonitor", "vmServiceScrape"])
def test_the_monitors_of_the_chart_scrape_every_half_minute(kind: str) -> None:
    assert parse_duration(CHART[kind]["interval"]) <= EXPECTED
