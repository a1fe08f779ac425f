"""What may be asked of the fleet, in the API and on the page alike; what cannot be meant is said."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.fleet.made_fleet import BURNS, CALM, UNREAD, YOUNG, MadeFleet, smoke
from tests.web.markup import Markup
from watcher.web.fleet.fleet_query import FilterError, fleet_query

TARGETS = {
    "prod/search/search-0": [BURNS],
    "prod/search/search-1": [CALM, smoke("cellar", "Black")],
    "prod/orders/orders-0": [UNREAD],
    "lab/search/search-2": [YOUNG, smoke()],
    "lab/calm/calm-0": [CALM],
}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> MadeFleet:
    made = MadeFleet(tmp_path_factory.mktemp("fleet"), TARGETS)
    spiffe = ("spiffe://example.org/agent/Orders",)
    made.describe("prod/orders/orders-0", node="node-b", workload="orders-api", spiffe_ids=spiffe, problems=("odd",))
    return made


@pytest.mark.parametrize(
    ("query", "pods"),
    [
        ("severity=critical", ["search-0"]),
        ("severity=warning", ["search-1", "search-2"]),
        ("severity=unknown", ["orders-0"]),
        ("severity=healthy", ["calm-0"]),
        ("condition=Smoke", ["search-1", "search-2"]),
        ("condition=Fire", ["search-0"]),
        ("condition=Fire&status=unknown", ["orders-0", "search-2"]),
        ("condition=Smoke&reason=Black", ["search-1"]),
        ("probe=toy&reason=Malformed", ["orders-0"]),
        ("probe=toy", ["search-0", "search-1", "search-2"]),
        ("status=false", ["search-1", "calm-0"]),
        ("severity=warning&namespace=prod", ["search-1"]),
        ("agent=search&namespace=lab", ["search-2"]),
        ("node=node-b", ["orders-0"]),
        ("problems=true", ["orders-0"]),
        ("q=SEARCH+lab", ["search-2"]),
        ("q=orders-api", ["orders-0"]),
        ("q=spiffe://example.org/agent/orders", ["orders-0"]),
        ("q=node-b", ["orders-0"]),
        ("q=smoke", ["search-1", "search-2"]),
        ("q=fire", ["search-0", "orders-0"]),
        ("q=malformed", []),
        ("q=.*", []),
        ("q=%3Cscript%3E", []),
        ("limit=2", ["search-0", "search-1"]),
        ("limit=2&offset=1", ["search-1", "orders-0"]),
        ("offset=4", ["calm-0"]),
        ("offset=99", []),
        ("severity=warning&limit=1&offset=1", ["search-2"]),
    ],
)
def test_filters_combine(fleet: MadeFleet, query: str, pods: list[str]) -> None:
    assert fleet.pods(f"?{query}") == pods
    if "limit" not in query and "offset" not in query:
        seen = Markup(fleet.get(f"/?{query}").text).text
        assert {pod for name in TARGETS if (pod := name.split("/")[2]) in seen} == set(pods)


def test_total_counts_what_fits_and_not_what_is_shown(fleet: MadeFleet) -> None:
    assert fleet.get("/api/v1/targets?limit=1").json()["total"] == 5
    assert fleet.get("/api/v1/targets?severity=warning&limit=1").json()["total"] == 2


MISTAKES = {
    "severity=bad": "severity: expected one of critical, warning, unknown, healthy, nothing_to_judge, got 'bad'",
    "status=maybe": "status: expected one of true, false, unknown, got 'maybe'",
    "problems=maybe": "problems: expected true or false, got 'maybe'",
    "condition=Smoek": "condition: there is no 'Smoek'; expected the name of a condition such as Smoke",
    "probe=x": "probe: there is no 'x'; expected the name of a probe such as toy",
    "offset=-1": "offset: expected a whole number from 0 to 10000000, got '-1'",
    "limit=0": "limit: expected a whole number from 1 to 10000000, got '0'",
    "limit=ten": "limit: expected a whole number from 1 to 10000000, got 'ten'",
    "limit=%C2%B2": "limit: expected a whole number from 1 to 10000000, got '²'",
    f"q={'x' * 10_240}": "q: expected at most 300 characters, got 10240",
    f"namespace={'x' * 301}": "namespace: expected at most 300 characters, got 301",
    "q=a+b+c+d+e+f+g+h+i": "q: expected at most 8 words, got 9",
}


@pytest.mark.parametrize(("query", "said"), MISTAKES.items())
def test_a_filter_that_cannot_be_meant_is_said(fleet: MadeFleet, query: str, said: str) -> None:
    answer = fleet.get(f"/api/v1/targets?{query}")
    assert (answer.status_code, answer.json()) == (400, {"error": said})
    page = fleet.get(f"/?{query}")
    assert page.status_code == 400
    assert said in Markup(page.text).text
    assert len(page.content) < 20_000


def test_the_page_has_no_more_rows_than_it_can(fleet: MadeFleet) -> None:
    page = fleet.get("/?limit=201")
    assert page.status_code == 400
    assert "limit: expected at most 200 rows on a page, got 201; the API gives more" in Markup(page.text).text


def test_a_word_of_a_search_is_text_and_never_markup(fleet: MadeFleet) -> None:
    script, image = quote("<script>alert(1)</script>"), quote('"><img src=x>')
    page = fleet.get(f"/?q={script}&namespace={image}").text
    assert not Markup(page).tags & {"script", "img"}


NAMES = st.sampled_from(["q", "severity", "condition", "reason", "status", "namespace", "limit", "offset", "problems"])


@given(st.dictionaries(NAMES, st.text(max_size=400)))
def test_any_query_is_understood_or_refused_in_one_line(parameters: dict[str, str]) -> None:
    try:
        query = fleet_query(parameters, ["Fire"], ["toy"])
    except FilterError as error:
        name, _, rest = str(error).partition(": ")
        assert name in parameters
        assert 0 < len(rest) < 1500
    else:
        assert set(query.given) <= set(parameters)
        assert query.offset >= 0
