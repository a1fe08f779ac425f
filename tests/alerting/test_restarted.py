"""A restart of Prometheus neither ends a page, nor tells it again, nor loses what was about to be told."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest

from tests.alerting.restarted import FASTER, KILLED, ROWS, restarted
from tests.repository import ROOT
from tests.servers.webhook import Notification

PAGES = ["AgentWeaveErrorRateHigh", "AgentWeaveFleetWide", "AgentWeaveOPAUnreachable"]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Sequence[Notification]]:
    return restarted(tmp_path_factory.mktemp("restarted"))


@pytest.mark.parametrize("version", ["oldest", "current"])
def test_each_page_comes_once_and_none_is_said_to_be_over(
    version: str, told: Mapping[str, Sequence[Notification]]
) -> None:
    assert sorted((each.path, each.body["status"], each.names()) for each in told[version]) == [
        ("/pagerduty", "firing", [name]) for name in PAGES
    ]


@pytest.mark.parametrize("version", ["oldest", "current"])
def test_two_came_before_it_and_one_after(version: str, told: Mapping[str, Sequence[Notification]]) -> None:
    first, *_, last = told[version]
    assert last.names() == ["AgentWeaveOPAUnreachable"]
    assert last.at - first.at > 60 * (KILLED - 6) / FASTER


def test_a_prometheus_that_does_not_remember_how_long_an_alert_waited_says_that_it_is_over_and_tells_it_again(
    told: Mapping[str, Sequence[Notification]],
) -> None:
    """Why docs/alerting.md asks for the flag; newer ones need it no more."""
    counts = Counter((each.body["status"], *each.names(each.body["status"])) for each in told["oldest, by default"])
    again = "AgentWeaveErrorRateHigh"
    assert counts == {("firing", name): 1 + (name == again) for name in PAGES} | {("resolved", again): 1}


def test_the_page_of_alerting_has_both() -> None:
    page = (ROOT / "docs" / "alerting.md").read_text()
    rows = [re.findall(rf"^\| {re.escape(words)} \| (.*) \|$", page, re.MULTILINE) for words in ROWS]
    assert rows == [["3 | 3 | 0"], ["3 | 4 | 0"]]
