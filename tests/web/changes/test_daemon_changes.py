"""The past as a daemon serves it: what turned a moment ago, for machines and people, over a restart."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.checklist.live.records.made import DIAGRAM, attestation
from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.process import eventually
from tests.servers.watched_fleet import SOUND, WatchedFleet, run_fleet
from tests.web.markup import Markup

OPEN = "default allow := true\n"
HOSTILE = "<script>alert(1)</script>"


@dataclass(frozen=True)
class Changed:
    """A daemon that saw a policy break and be mended, and the config with which to start it again."""

    home: Path
    config: dict[str, object]
    fleet: WatchedFleet
    daemon: DaemonProcess

    def changes(self, query: str = "") -> list[dict[str, Any]]:
        """What the API lists."""
        found: list[dict[str, Any]] = self.daemon.get(f"/api/v1/changes{query}").json()["changes"]
        return found


def _turns(daemon: DaemonProcess, to: str) -> dict[str, Any]:
    def look() -> dict[str, Any]:
        found = daemon.get("/api/v1/changes?condition=OPAWrongAllow").json()["changes"]
        return found[0] if found and found[0]["to"] == to else {}

    return eventually(look, within=60.0)


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Changed]:
    home = tmp_path_factory.mktemp("changes")
    with run_fleet(home, "search", "other") as fleet:
        (home / "records").mkdir()
        records = {"files": [f"{home}/records/*.yaml"]}
        config = fleet.config(state_dir=str(home / "state"), checklist={"records": records})
        with run_daemon(home, config) as daemon:
            daemon.says("OPAWrongAllow", "false", agent="search")
            fleet.policy("search", OPEN)
            _turns(daemon, "true")
            fleet.policy("search", SOUND)
            _turns(daemon, "false")
            yield Changed(home, config, fleet, daemon)


def test_what_turned_is_listed_with_its_time_and_what_came_before(changed: Changed) -> None:
    resolved, turned = changed.changes("?condition=OPAWrongAllow")
    assert list(turned) == [
        *("at", "kind", "namespace", "agent", "pod", "condition", "control", "subject", "from", "to", "reason"),
        *("message", "lasted_seconds"),
    ]
    about = ("agent", "condition", "control", "from", "to", "reason")
    assert [turned[each] for each in about] == ["search", "OPAWrongAllow", "", "false", "true", "CanaryAllowed"]
    assert [resolved[each] for each in ("from", "to", "reason")] == ["true", "false", ""]
    assert turned["lasted_seconds"] > 0 < resolved["lasted_seconds"]
    assert turned["message"] == "Allowed, but must be denied: foreign-caller, empty-input."


def test_a_listing_says_of_which_time_it_knows_and_how_many_there_are(changed: Changed) -> None:
    answer = changed.daemon.get("/api/v1/changes?condition=OPAWrongAllow&limit=1&offset=1").json()
    assert (answer["total"], answer["limit"], answer["offset"], len(answer["changes"])) == (2, 1, 1, 1)
    assert answer["changes"][0]["to"] == "true"
    assert answer["known_since"] == answer["watched"][0]["from"]
    assert answer["survives_restart"] is True
    assert answer["problems"] == []


def test_what_others_did_or_did_earlier_is_not_listed_where_it_is_not_asked_for(changed: Changed) -> None:
    assert changed.changes("?agent=other&condition=OPAWrongAllow") == []
    assert changed.changes("?until=1h") == []
    assert len(changed.changes("?namespace=prod&agent=search&condition=OPAWrongAllow&since=10m")) == 2


def test_a_bad_query_is_a_clear_message_to_programs_and_people(changed: Changed) -> None:
    sentence = "offset: expected a number from 0 to 1000000, got '-1'"
    answer = changed.daemon.get("/api/v1/changes?offset=-1")
    assert (answer.status_code, answer.json()) == (400, {"error": sentence})
    page = changed.daemon.get("/changes?offset=-1")
    assert (page.status_code, sentence in Markup(page.text).text) == (400, True)


def test_nothing_that_is_asked_becomes_markup(changed: Changed) -> None:
    for query in (f"agent={HOSTILE}", f"condition={HOSTILE}", f"since={HOSTILE}", "agent=" + "x" * 10_000):
        seen = Markup(changed.daemon.get(f"/changes?{query}").text)
        assert not seen.tags & {"script", "img", "i"}
        assert seen.handlers == []


def test_the_page_tells_what_turned_and_each_link_leads_somewhere(changed: Changed) -> None:
    page = changed.daemon.get("/changes?condition=OPAWrongAllow")
    seen = Markup(page.text)
    assert "passing → failing" in seen.text
    assert "failing → passing" in seen.text
    assert "1-2 of 2, the newest first" in seen.text
    assert 'style="' not in page.text
    assert {link: changed.daemon.get(link).status_code for link in seen.own_links} == dict.fromkeys(seen.own_links, 200)


def test_a_record_that_came_and_was_taken_away_is_told_with_who_wrote_it(changed: Changed) -> None:
    daemon, file = changed.daemon, changed.home / "records" / "diagram.yaml"

    def listed() -> list[dict[str, Any]]:
        return [each for each in changed.changes(f"?condition={DIAGRAM}") if each["kind"] == "record"]

    begun = datetime.now(UTC) - timedelta(hours=1)
    dates = {"at": f"{begun:%Y-%m-%dT%H:%M:%SZ}", "expires_at": f"{begun + timedelta(days=30):%Y-%m-%d}"}
    eventually(lambda: daemon.page().value("records", state="valid") == 0, within=30.0)
    file.write_text(json.dumps(attestation(by="<i>ann</i>", **dates)))
    [came] = eventually(listed, within=30.0)
    assert [came[each] for each in ("agent", "control", "from", "to")] == [
        "search",
        DIAGRAM,
        "no record",
        "attestation",
    ]
    file.unlink()
    eventually(lambda: len(listed()) == 2, within=30.0)
    page = daemon.get(f"/changes?condition={DIAGRAM}")
    seen = Markup(page.text)
    assert "attestation → no record" in seen.text
    assert "RecordRemoved By <i>ann</i>, approved by bob@example.org" in seen.text
    assert "i" not in seen.tags
    assert {link: daemon.get(link).status_code for link in seen.own_links} == dict.fromkeys(seen.own_links, 200)


def test_the_page_of_an_agent_has_its_day_in_ticks_and_words(changed: Changed) -> None:
    page = changed.daemon.get("/agents/prod/search").text
    seen = Markup(page)
    assert "OPAWrongAllow, the last 24 hours (UTC): nothing known" in page
    assert 'class="critical"' in page
    assert "passing → failing" in seen.text
    assert 'style="' not in page


def test_a_runbook_knows_what_is_over_by_now(changed: Changed) -> None:
    page = changed.daemon.get("/runbooks/AgentWeaveAgentUnreachable?namespace=prod&agent=search&pod=search")
    seen = Markup(page.text)
    assert "What else changed in the ten minutes before" in seen.text
    assert "OPAWrongAllow" in seen.text
    assert "resolved by now" in seen.text


def test_what_turned_to_failing_is_told_apart_and_what_fails_still(changed: Changed) -> None:
    everything, failing = changed.changes("?condition=OPAWrongAllow"), "?condition=OPAWrongAllow&only=failing"
    assert changed.changes(failing) == [everything[1]]
    assert changed.changes(f"{failing}-now") == []
    page = Markup(changed.daemon.get(f"/changes{failing}").text)
    assert "1-1 of 1, the newest first" in page.text
    assert "/changes?condition=OPAWrongAllow" in page.links, "the filter can be removed"
    assert "/changes?condition=OPAWrongAllow&since=1h&only=failing" in page.links, "the others keep it"
    none = Markup(changed.daemon.get(f"/changes{failing}-now").text)
    assert "Nothing that changed to failing in this time is known to be failing now." in none.text


def test_the_past_survives_a_restart_and_says_so(changed: Changed) -> None:
    assert changed.daemon.end() == 0
    with run_daemon(changed.home, changed.config) as again:
        found = again.get("/api/v1/changes?condition=OPAWrongAllow").json()
        assert [each["to"] for each in found["changes"]] == ["false", "true"]
        assert again.get("/changes").status_code == 200
