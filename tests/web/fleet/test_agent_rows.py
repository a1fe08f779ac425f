"""The rows of the fleet's page: the worst first, one for each agent, one for what many have in common."""

from pathlib import Path

import pytest

from probes.contract import Unknown
from tests.engine.toy import FIRE, SMOKE
from tests.web.fleet.made_fleet import BURNS, CALM, UNREAD, YOUNG, MadeFleet, smoke
from tests.web.markup import Markup

SMOKY = [CALM, smoke()]


def rows(page: str) -> list[str]:
    """The text of each row, in one line."""
    body = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return [" ".join(Markup(row).text.split()) for row in body.split("</tr>")[:-1]]


def test_the_worst_comes_first_then_the_newest_then_names(tmp_path: Path) -> None:
    fleet = MadeFleet(
        tmp_path,
        {
            "a/calm/p": [CALM],
            "b/calm/p": [CALM],
            "a/unread/p": [(UNREAD, 9.0)],
            "a/older/p": [(BURNS, 90.0), (smoke(), 1.0)],
            "a/newer/p": [(BURNS, 60.0)],
            "a/smoky/p": [(smoke(), 2.0)],
            "a/young/p": [YOUNG],
        },
    )
    assert [row.split(" It")[0].split(" /p")[0] for row in rows(fleet.get("/").text)] == [
        "critical newer a/p Fire",
        "critical older a/p Fire",
        "warning smoky a/p Smoke hall",
        "unknown unread a/p Fire unknown: What was received cannot be read. 9s none yet",
        "healthy calm a/p 1 check passes none yet",
        "healthy calm b/p 1 check passes none yet",
        rows(fleet.get("/?agent=young").text)[0],
    ]


def test_a_critical_fault_among_two_thousand_lesser_ones_is_the_first_row(tmp_path: Path) -> None:
    lesser = {f"prod/agent-{at:04}/pod": SMOKY for at in range(2000)}
    fleet = MadeFleet(tmp_path, {**lesser, "prod/agent-1999/pod": [(BURNS, 9999.0), smoke()]})
    page = fleet.get("/").text
    first, second, *rest = rows(page)
    assert first.startswith("critical agent-1999 prod/pod Fire It burns. Smoke hall It smokes.")
    assert second.startswith("warning 1,999 agents Smoke on 1,999 pods: one cause is more likely than many.")
    assert rest == []
    assert "<title>(1) Fleet" in page
    assert "1-2 of 2 rows: 2,000 agents, 2,000 targets" in Markup(page).text


def test_five_agents_with_one_cause_are_one_row_and_four_are_four(tmp_path: Path) -> None:
    five = {f"prod/agent-{at}/pod": SMOKY for at in range(5)}
    [row] = rows(MadeFleet(tmp_path, five).get("/").text)
    assert row.startswith("warning 5 agents Smoke on 5 pods")
    del five["prod/agent-4/pod"]
    assert len(rows(MadeFleet(tmp_path, five).get("/").text)) == 4


def test_a_row_of_many_agents_unfolds_to_agents_with_their_pods_and_reasons(tmp_path: Path) -> None:
    many = {f"prod/agent-{at}/pod-{pod}": SMOKY for at in range(12) for pod in range(2)}
    many |= {"prod/agent-3/pod-1": [CALM, smoke("attic", "Black")], "prod/agent-4/pod-1": [CALM]}
    many |= {"prod/agent-5/pod-0": [UNREAD, smoke()]}
    fleet = MadeFleet(tmp_path, many)
    page = fleet.get("/").text
    [row] = rows(page)
    assert "on 23 pods" in row
    assert "prod/agent-0: 2 of 2 pods: white" in row
    assert "prod/agent-3: 2 of 2 pods: black, white" in row
    assert "prod/agent-5: 2 of 2 pods: white; also malformed" in row
    assert "All 12 agents, one a row" in row
    links = Markup(page).own_links
    assert "/runbooks/AgentWeaveFleetWideWarning?condition=Smoke" in links
    assert "/?condition=Smoke" in links
    assert len(rows(fleet.get("/?condition=Smoke").text)) == 12


def test_what_is_less_bad_than_what_many_share_is_said_within_their_row(tmp_path: Path) -> None:
    burning = {f"prod/agent-{at}/pod": [BURNS] for at in range(5)}
    own = {"prod/agent-5/pod": [BURNS, UNREAD], "prod/other/pod": [UNREAD]}
    critical, unknown = rows(MadeFleet(tmp_path, {**burning, **own}).get("/").text)
    assert critical.startswith("critical 6 agents Fire on 6 pods")
    assert "; also malformed" in critical
    assert unknown.startswith("unknown other")


def test_an_agent_with_a_cause_of_its_own_that_is_as_bad_keeps_its_row(tmp_path: Path) -> None:
    unread = {f"prod/agent-{at}/pod": [UNREAD] for at in range(5)}
    own = {"prod/other/pod": [UNREAD, SMOKE.unknown(Unknown.STALE)]}
    found = rows(MadeFleet(tmp_path, {**unread, **own}).get("/").text)
    assert sorted(row.split(" prod")[0].split(" toy")[0] for row in found) == ["unknown 5 agents", "unknown other"]


def test_what_many_cannot_tell_for_one_reason_is_one_row(tmp_path: Path) -> None:
    lacking = [kind.unknown(Unknown.SIGNAL_ABSENT, "No metric.") for kind in (FIRE, SMOKE)]
    page = MadeFleet(tmp_path, {f"prod/agent-{at}/pod": lacking for at in range(5)}).get("/").text
    [row] = rows(page)
    assert row.startswith("unknown 5 agents toy: signal absent on 5 pods")
    assert "/runbooks/AgentWeaveVerdictUnknown?probe=toy&reason=SignalAbsent" in Markup(page).own_links
    assert "/?probe=toy&reason=SignalAbsent" in Markup(page).own_links


def test_one_agent_is_one_row_whose_pods_unfold_the_worst_first(tmp_path: Path) -> None:
    pods = {f"prod/search/search-{at}": [CALM] for at in range(8)} | {"prod/search/search-6": [BURNS]}
    fleet = MadeFleet(tmp_path, pods)
    page = fleet.get("/").text
    [row] = rows(page)
    assert row.startswith("critical search prod 8 pods critical search-6 healthy search-0 healthy search-1")
    assert "Fire (1 of 8 pods) It burns." in row
    assert "all pods" in row
    assert "/?namespace=prod&agent=search" in Markup(page).own_links
    alone = rows(fleet.get("/?namespace=prod&agent=search").text)
    assert [row.split()[1] for row in alone] == ["search-6", *(f"search-{at}" for at in (0, 1, 2, 3, 4, 5, 7))]
    [narrowed] = rows(fleet.get("/?severity=critical").text)
    assert "1 of 8 pods critical search-6" in narrowed


def test_tiles_count_within_the_filter_and_keep_it(tmp_path: Path) -> None:
    targets = {"prod/a/p": [BURNS], "prod/b/p": SMOKY, "lab/c/p": [BURNS], "lab/d/p": [CALM]}
    fleet = MadeFleet(tmp_path, targets)
    page = fleet.get("/?namespace=lab&severity=critical&q=c")
    text = " ".join(Markup(page.text).text.split())
    assert "1 target 1 critical 0 warning 0 unknown 0 healthy" in text
    links = Markup(page.text).own_links
    assert {"/?q=c&severity=warning&namespace=lab", "/?q=c&namespace=lab"} <= links
    assert {"/?severity=critical&namespace=lab", "/?q=c&severity=critical"} <= links, "each can be removed"


def test_rows_come_in_pages(tmp_path: Path) -> None:
    fleet = MadeFleet(tmp_path, {f"prod/agent-{at:03}/pod": [CALM] for at in range(250)})
    first, second, last, beyond = (fleet.get(f"/?offset={at}").text for at in (0, 100, 200, 5000))
    assert "1-100 of 250 rows: 250 agents, 250 targets" in Markup(first).text
    assert rows(second)[0].startswith("healthy agent-100")
    assert "201-250 of 250 rows" in Markup(last).text
    assert rows(beyond) == rows(last)
    assert "/?offset=100" in Markup(first).own_links
    assert {"/", "/?offset=200"} <= Markup(second).own_links
    assert "/?offset=100&limit=50" in Markup(fleet.get("/?offset=50&limit=50").text).own_links


def test_nobody_is_watched_and_nobody_matches_are_not_the_same(tmp_path: Path) -> None:
    assert "No target is watched." in Markup(MadeFleet(tmp_path, {}).get("/").text).text
    assert "No target matches." in Markup(MadeFleet(tmp_path, {"a/b/c": [CALM]}).get("/?q=x").text).text


@pytest.mark.parametrize("query", ["", "?condition=Smoke", "?severity=warning&limit=200", "?q=agent"])
def test_a_page_of_ten_thousand_targets_is_small(tmp_path: Path, query: str) -> None:
    long = "x" * 63
    name = "{0}/agent-{1:04}-{0}/pod-{2:05}-{0}"
    targets = {
        name.format(long[:40], at // 10, at): [smoke(f"{long}-{at}", "Black")] if at % 10 == 0 else [CALM]
        for at in range(10_000)
    }
    page = MadeFleet(tmp_path, targets).get(f"/{query}")
    assert page.status_code == 200
    assert len(page.content) < 200_000
