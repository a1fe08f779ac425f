"""One cause is one incident, through a real Alertmanager with the example's routes."""

import re
from pathlib import Path

import pytest

from tests.alerting.notified import Count, notified, storms, table
from tests.repository import ROOT

SMALL = ("3 of 3 agents dead", "the same, and OPA of one of them allows what must be denied")
WRITTEN = re.findall(r"^\| (.*?) \| (\d+) \|", (ROOT / "docs" / "alerting.md").read_text(), re.MULTILINE)


def test_the_page_has_all_storms() -> None:
    told = [words for words, _ in WRITTEN]
    assert [words for words in told if words in {storm.words for storm in storms()}] == [
        each.words for each in storms()
    ]


@pytest.mark.parametrize("words", [SMALL], ids=["small"])
def test_a_storm_makes_the_incidents_that_the_page_says(words: tuple[str, ...], tmp_path: Path) -> None:
    counts = notified((storm for storm in storms() if storm.words in words), tmp_path)
    incidents = {name: int(count) for name, count in WRITTEN}
    assert {name: each.incidents for name, each in counts.items()} == {name: incidents[name] for name in words}
    assert [each.incidents for each in counts.values()] == [1, 2], counts


def test_the_table_has_a_row_a_storm() -> None:
    assert table({"a": Count(1, 2, 3)}).splitlines()[-1] == "| a | 1 | 2 | 3 |"
