"""Each reason for which a condition is unknown says why, and what to do; and leads to a step that is there."""

import re
from pathlib import Path

import pytest

from probes.contract import TargetKey, Unknown
from tests.engine.toy import FIRE
from tests.repository import ROOT
from tests.web.fleet.made_fleet import CALM, UNREAD, MadeFleet
from tests.web.markup import Markup
from watcher.web.unknown_reasons import HELP, help_of, runbook_step

KEY = TargetKey("prod", "search", "search-0")


@pytest.mark.parametrize("reason", Unknown)
def test_each_reason_says_why_and_what_to_do(reason: Unknown) -> None:
    help_ = help_of(reason)
    assert help_ is not None
    for sentence in help_:
        assert re.fullmatch(r"[A-Z].{20,140}\.", sentence)


def test_a_reason_of_what_is_true_has_no_help() -> None:
    assert help_of("ConnectionRefused") is None
    assert help_of("") is None
    assert HELP.keys() == set(Unknown)


@pytest.mark.parametrize("reason", Unknown)
def test_a_link_leads_to_a_step_of_a_runbook(reason: Unknown) -> None:
    link = runbook_step(reason, "svid", KEY)
    if reason in (Unknown.WARMING_UP, Unknown.NOT_HELD_YET):
        assert link == ""
        return
    name, anchor = re.fullmatch(r"/runbooks/(\w+)\?.*reason=\w+#(\w+)", link).groups()  # type: ignore[union-attr]
    assert anchor == reason
    assert f"### `{reason}`" in (ROOT / "alerts" / "runbooks" / f"{name}.md").read_text()


def test_the_page_of_an_agent_has_each_reason_once(tmp_path: Path) -> None:
    fleet = MadeFleet(tmp_path, {"prod/search/search-0": [UNREAD, FIRE.unknown(Unknown.STALE), UNREAD, CALM]})
    text = Markup(fleet.get("/agents/prod/search-0").text).text
    assert text.count(HELP[Unknown.MALFORMED].why) == 1
    assert text.count(HELP[Unknown.STALE].what_to_do) == 1
    calm = MadeFleet(tmp_path, {"prod/search/search-0": [CALM]})
    assert "Why unknown" not in calm.get("/agents/prod/search-0").text
