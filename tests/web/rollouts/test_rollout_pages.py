"""The API and the pages of rollouts: each record, whatever strangers wrote into it."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.rollouts.made_rollouts import (
    CLAIMED,
    FAILED,
    GOING_ON,
    HOSTILE,
    IMPAIRED,
    NOW,
    REVISION,
    ROLLED_BACK,
    SUPERSEDED,
    rollout,
)
from tests.web.markup import Markup
from tests.web.rollouts.served_rollouts import Served
from watcher.rollouts.rollout import Rollout
from watcher.web.rollouts.timeline import timeline

ONE = "/rollouts/prod/search"
ALL = [rollout(), FAILED, GOING_ON, ROLLED_BACK, SUPERSEDED, IMPAIRED, CLAIMED, rollout(lines=(), ready_at=None)]


def test_the_list_has_the_newest_of_each_agent_and_counts_phases(tmp_path: Path) -> None:
    other = replace(FAILED, agent="billing", began_at=NOW - 60)
    served = Served(tmp_path, other, GOING_ON, rollout(revision=replace(REVISION, config="")))
    page = served.ask("/rollouts").text
    assert page.index(f"/rollouts/prod/billing/{REVISION.id}") < page.index(f"{ONE}/{REVISION.id}")
    assert "<b>1</b> failed" in page
    assert "<b>1</b> short-term checks" in page
    assert "5.1% of 1,200 requests failed" in page
    narrowed = served.ask("/rollouts?phase=failed").text
    assert "/rollouts/prod/billing/" in narrowed
    assert f"{ONE}/" not in narrowed
    told = served.ask("/api/v1/rollouts?namespace=prod").json()
    assert [(each["agent"], each["phase"]) for each in told["rollouts"]] == [
        ("billing", "failed"),
        ("search", "short_term"),
    ]
    kept = served.ask("/api/v1/rollouts?namespace=prod&agent=search").json()
    assert [each["phase"] for each in kept["rollouts"]] == ["short_term", "verified"]


@pytest.mark.parametrize("found", ALL, ids=lambda each: each.phase.value)
def test_each_rollout_has_a_page_and_a_record_in_each_form(found: Rollout, tmp_path: Path) -> None:
    served = Served(tmp_path, found)
    for path in (ONE, f"{ONE}/{found.revision.id}"):
        page = served.ask(path)
        assert page.status_code == 200
        seen = Markup(page.text)
        assert "Deployment record" in seen.text
        assert not seen.tags & {"i", "img"}
        assert "<script>" not in page.text
        assert seen.handlers == []
        assert {f"/api/v1{ONE}/{found.revision.id}.md", f"/api/v1{ONE}/{found.revision.id}"} <= seen.own_links
        record = served.ask(f"/api/v1{path}.md")
        assert record.headers["content-type"] == "text/markdown; charset=utf-8"
        assert record.text.startswith("# Deployment Checklist: search ")
        told = served.ask(f"/api/v1{path}").json()
        assert (told["revision"], told["phase"]) == (found.revision.id, found.phase)
        assert len(told["record"]["sections"]) == 4


def test_what_is_claimed_is_text_on_the_page(tmp_path: Path) -> None:
    page = served_page(tmp_path, CLAIMED)
    assert "<script>alert" not in page
    assert f"{HOSTILE} (claimed)" in Markup(page).text
    assert "first\\nsecond" in Markup(page).text


def served_page(directory: Path, found: Rollout) -> str:
    return Served(directory, found).ask(ONE).text


def test_what_was_not_seen_has_no_page_and_names_what_is_near(tmp_path: Path) -> None:
    served = Served(tmp_path, rollout())
    for path in ("/rollouts/prod/serch", f"{ONE}/000000000000"):
        page = served.ask(path)
        assert page.status_code == 404
        assert "No rollout of prod/" in page.text
    assert ONE in served.ask("/rollouts/prod/serch").text
    assert served.ask("/api/v1/rollouts/prod/other").status_code == 404
    assert served.ask("/api/v1/rollouts/prod/other.md").json() == {
        "error": "no rollout of prod/other was seen, or it is no longer kept"
    }
    assert "No rollout was seen yet" in Served(tmp_path).ask("/rollouts").text


def test_the_timeline_says_in_words_how_far_each_window_is() -> None:
    assert timeline(rollout(), NOW).said == "Windows: immediate passed, short passed, long passed."
    assert timeline(FAILED, NOW).said == ("Windows: immediate passed, short failed, long undecided; 1 condition fired.")
    [mark] = timeline(FAILED, NOW).marks
    assert (mark.said, 66 < mark.x < 67) == ("ErrorRateHigh on search-1", True)
    widths = [each.width for each in timeline(GOING_ON, NOW).stretches]
    assert widths[0] == 100
    assert 11 < widths[1] < 12
    assert widths[2] == 0
    future = timeline(replace(GOING_ON, began_at=NOW + 900), NOW)
    assert [each.width for each in future.stretches] == [100, 0, 0]


def test_ten_thousand_rollouts_are_a_page_under_200_kilobytes(tmp_path: Path) -> None:
    served = Served(tmp_path, *(replace(FAILED, agent=f"agent-{number}") for number in range(1000)))
    page = served.ask("/rollouts").text
    assert len(page) < 200_000
    assert "The last 100 of 1,000 are shown." in page
