"""The page about AgentWeave's own chart names conditions, reasons, alerts, values and settings that there are."""

import json
import re
import shlex

import pytest
import yaml

from probes import load_probes, load_sources
from probes.contract import Unknown
from tests.alerting.rules import alerts
from tests.chart.render import CHART, helm
from tests.repository import ROOT

PAGE = ROOT / "docs" / "first-day-with-agentweaves-chart.md"
TEXT = PAGE.read_text()
NOT_OURS = {"ContainerCreating", "ClusterSPIFFEID", "ConfigMap"}


def test_every_condition_reason_and_alert_of_the_page_is_one() -> None:
    known = {kind.name for probe in load_probes() for kind in probe.conditions} | {*Unknown}
    known |= {alert.name for alert in alerts()} | NOT_OURS
    named = set(re.findall(r"`([A-Z][A-Za-z]+[a-z][A-Za-z]*)`", TEXT))
    assert {"OPAPolicyMissing", "NeverReached", "AgentWeaveWatcherBlind"} <= named
    assert named - known == set()


def test_it_pages_once_for_each_of_as_many_sources_as_the_page_says() -> None:
    assert "once for each of the three sources" in TEXT
    assert len({kind.name for kind in load_sources()}) == 3


@pytest.mark.parametrize("page", [PAGE, ROOT / "README.md"], ids=lambda page: page.name)
def test_the_two_settings_that_help_stand_where_it_is_said_how_to_try_it(page: object) -> None:
    text = page.read_text() if page is PAGE else (ROOT / "README.md").read_text()
    assert "--set affinity=null --set spireRegistration.enabled=false" in text


def test_the_commands_for_our_own_chart_are_such_as_it_takes() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    [command] = re.findall(r"^helm upgrade watcher (?:.*\\\n)*.*", TEXT, re.MULTILINE)
    words = shlex.split(command)
    given = words[words.index("--set") + 1]
    assert given.split(".")[0] in schema["properties"]
    told = helm("helm4", "template", "w", CHART, "--set", given)
    assert told.returncode == 0, told.stderr
    kinds = [each["metadata"].get("namespace") for each in yaml.safe_load_all(told.stdout) if each]
    assert "agentweave" in kinds
