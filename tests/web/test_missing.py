"""A page that is not there says what may have been meant, and goes on with a search."""

import asyncio
from pathlib import Path

import pytest

from tests.web.fleet.made_fleet import CALM, MadeFleet
from tests.web.markup import Markup
from watcher.web.missing import nearest

TARGETS = {"prod/search/search-7f9c-0": [CALM], "prod/orders/orders-0": [CALM], "lab/search/search-7f9c-1": [CALM]}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> MadeFleet:
    made: Path = tmp_path_factory.mktemp("missing")
    return MadeFleet(made, TARGETS)


@pytest.mark.parametrize(
    ("path", "said", "link"),
    [
        ("/agents/prod/search-7f9c-9", "No target prod/search-7f9c-9 is watched; it may be gone.", "search-7f9c-0"),
        ("/runbooks/AgentWeaveSVIDExpird", "There is no runbook AgentWeaveSVIDExpird.", "AgentWeaveSVIDExpired"),
        ("/readyness", "There is no page /readyness.", "/readiness"),
        ("/<script>", "There is no page /<script>.", "/"),
    ],
)
def test_the_nearest_names_are_offered_with_a_search(fleet: MadeFleet, path: str, said: str, link: str) -> None:
    page = fleet.get(path)
    assert page.status_code == 404
    seen = Markup(page.text)
    assert said in seen.text
    assert [each for each in seen.own_links if each.endswith(link)]
    assert not seen.tags & {"script"}
    assert {"form", "input", "header"} <= seen.tags
    assert seen.text.index("search-7f9c-0") < seen.text.index("search-7f9c-1") if "agents" in path else True


def test_what_is_not_there_below_the_api_is_json(fleet: MadeFleet) -> None:
    answer = fleet.get("/api/v1/target")
    assert (answer.status_code, answer.json()) == (404, {"error": "Not Found: /api/v1/target"})


def test_names_that_have_little_in_common_are_not_offered() -> None:
    names = ["search", "research", "orders", "s", ""]
    assert asyncio.run(nearest("serach", names)) == ["search"]
    assert asyncio.run(nearest("\ud800" * 10_000, names)) == []


def test_a_long_name_is_cut(fleet: MadeFleet) -> None:
    assert len(fleet.get(f"/agents/prod/{'x' * 5000}").content) < 5000
