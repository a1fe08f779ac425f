"""A badge says the state of an agent over all of its pods; what an agent is called is text in it."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.web.fleet.made_fleet import BURNS, CALM, MadeFleet, smoke
from tests.web.markup import Markup

MARKUP = '<script>alert(1)</script>"&'


@pytest.mark.parametrize(
    ("agent", "pods", "label"),
    [
        ("search", [[CALM], [CALM]], "search: healthy"),
        ("search", [[CALM], [BURNS], [CALM]], "search: critical: 1 of 3 pods"),
        ("search", [[smoke()], [CALM, smoke()]], "search: warning"),
        ("search", [[]], "search: nothing judged"),
        (MARKUP.replace("/", "|"), [[CALM]], f"{MARKUP.replace('/', '|')}: healthy"),
        ("x" * 50, [[CALM]], f"{'x' * 39}…: healthy"),
    ],
)
def test_a_badge_says_the_state_of_the_agent(tmp_path: Path, agent: str, pods: list[list[object]], label: str) -> None:
    given = {f"prod/{agent}/pod-{at}": found for at, found in enumerate(pods)}
    answer = MadeFleet(tmp_path, given).get(f"/badge/prod/{quote(agent)}.svg")  # type: ignore[arg-type]  # verdicts
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")
    drawn = answer.text
    said = [
        re.findall(pattern, drawn) for pattern in ('aria-label="([^"]*)"', "<title>([^<]*)<", "<text[^>]*>([^<]*)<")
    ]
    assert [unescape(": ".join(each)) for each in said] == [label] * 3
    assert Markup(drawn).tags == {"svg", "title", "rect", "path", "g", "text"}
    assert Markup(drawn).handlers == []


def test_an_agent_that_is_not_watched_has_a_badge_that_says_so(tmp_path: Path) -> None:
    answer = MadeFleet(tmp_path, {}).get("/badge/prod/search.svg")
    assert answer.status_code == 404
    assert 'aria-label="search: not watched"' in answer.text
