"""The alerts on the checklist: controls that are met no more, evidence that cannot be had, rounds that do not end."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.alerting.promtool import WATCHER, Expected, Story, both_versions, expected, told_by
from tests.alerting.rules import CORE, alert
from tests.repository import ROOT
from watcher.alerting.rules.checklist import STALE_AFTER
from watcher.checklist.live.turns import KEPT_FOR
from watcher.config.checklist import ChecklistIntervals

REGRESSED, UNKNOWN, STALE = "AgentWeaveReadinessRegressed", "AgentWeaveControlsUnknown", "AgentWeaveChecklistStale"
DENY, TLS = "deployment.network.default-deny", "security.transport.tls13-enforced"
STANDBY = {"job": "watcher", "instance": "10.0.0.9:9847"}
OTHER_SHARD = {"job": "watcher", "instance": "10.0.0.2:9847"}
HELD, KEPT = 300, 300
SINCE = "control_regressed_timestamp_seconds"
ROUND, CATALOGUE = "checklist_last_complete_timestamp_seconds", "checklist_catalogue_info"


def told(version: str, story: Story, directory: Path) -> str:
    return told_by(version, [story], [CORE], directory)


def times(value: str, count: int) -> str:
    return " ".join([value] * count)


def judging(story: Story, watcher: dict[str, str], rounds: str, there: str) -> None:
    """What a watcher says of its checklist."""
    story.add(ROUND, rounds, **watcher)
    story.add(CATALOGUE, there, **watcher, version="1", digest="sha256:1")


def regression(story: Story, agent: str, values: str, judged: str, control: str = DENY, **to: str) -> None:
    """A control of an agent in `prod` that it met, and its readiness."""
    watcher = {"job": to.pop("job", "watcher"), "instance": to.pop("instance", WATCHER["instance"])}
    turned = {"from": "pass", "to": "fail"} | to
    story.add(SINCE, values, **watcher, namespace="prod", agent=agent, control=control, **turned)
    story.add("readiness", judged, **watcher, namespace="prod", agent=agent, verdict="not_ready", profile="checklist")


def page(*agents: str, control: str = DENY, said: str = "") -> Expected:
    many = len(agents) > 1
    words = {
        "count": f"{len(agents)} agent{'s' * many}",
        "meet": "meet" if many else "meets",
        "They_are": "They are" if many else "It is",
        "agents": said or ", ".join(f"{agent} (pass before, now fail)" for agent in agents),
    }
    return expected(alert(REGRESSED), words=words, namespace="prod", control=control)


@both_versions
def test_a_regression_is_told_once_a_control_and_namespace_until_it_is_mended(version: str, tmp_path: Path) -> None:
    story = Story("regressed")
    story.watcher("1x80")
    judging(story, WATCHER, "0+30x80", "1x80")
    regression(story, "search", f"_x4 100x39 {times('stale', 40)}", "1x80")
    regression(story, "billing", f"_x4 100x39 {times('stale', 40)}", "1x80")
    regression(
        story, "search", f"_x4 100x39 {times('stale', 40)}", "1x80", TLS, **{"from": "attested", "to": "expired"}
    )
    begin, mended = 120, 30 * 44
    story.expect(begin + HELD - 15, REGRESSED)
    ended = page("search", control=TLS, said="search (attested before, now expired)")
    both = page("billing", "search")
    story.expect(begin + HELD, REGRESSED, both, ended)
    story.expect(mended + KEPT - 30, REGRESSED, both, ended)
    story.expect(mended + KEPT + 30, REGRESSED)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_of_many_agents_with_a_regression_five_are_named(version: str, tmp_path: Path) -> None:
    story = Story("many")
    story.watcher("1x40")
    judging(story, WATCHER, "0+30x40", "1x40")
    agents = [f"agent-{number}" for number in range(7)]
    for agent in agents:
        regression(story, agent, "100x40", "1x40")
    named = ", ".join(f"{agent} (pass before, now fail)" for agent in agents[:5])
    story.expect(HELD + 30, REGRESSED, page(*agents, said=f"{named} and others"))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_a_regression_stays_while_the_watcher_is_gone_and_until_the_new_one_has_judged(
    version: str, tmp_path: Path
) -> None:
    """Nobody mended it: the alert may not end because nobody looks."""
    story = Story("gone")
    gone = f"1x29 {times('stale', 40)}"
    story.watcher(f"{gone} 1x60")
    story.add(CATALOGUE, f"{gone} 1x60", **WATCHER, version="1", digest="sha256:1")
    story.add(ROUND, f"0+30x29 {times('stale', 50)} 2400+30x50", **WATCHER)  # ten scrapes without a complete round
    regression(story, "search", f"100x29 {times('stale', 40)} _x60", f"1x29 {times('stale', 50)} 1x50")
    for at in (870, 1500, 2070, 2370):
        story.expect(at, REGRESSED, page("search"))
    story.expect(2430 + KEPT + 60, REGRESSED)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_a_regression_of_an_agent_of_a_shard_that_is_gone_stays(version: str, tmp_path: Path) -> None:
    story = Story("shard")
    story.watcher(f"1x29 {times('stale', 60)}", shards=2)
    judging(story, WATCHER, f"0+30x29 {times('stale', 60)}", f"1x29 {times('stale', 60)}")
    for name in ("build_info", "discovery_last_success_timestamp_seconds"):
        story.add(name, "1x90", **OTHER_SHARD)
    story.add("shards", "2x90", **OTHER_SHARD)
    story.add("active", "1x90", **OTHER_SHARD, shard="1")
    judging(story, OTHER_SHARD, "0+30x90", "1x90")
    regression(story, "search", f"100x29 {times('stale', 60)}", f"1x29 {times('stale', 60)}")
    regression(story, "billing", "100x29 _x60", "1x90", TLS, **OTHER_SHARD)
    story.expect(870, REGRESSED, page("search"), page("billing", control=TLS))
    story.expect(2400, REGRESSED, page("search"))  # that of the shard that is there was mended
    assert not (report := told(version, story, tmp_path)), report


@both_versions
@pytest.mark.parametrize("ends", ["the agent is gone", "the checklist is turned off"])
def test_a_regression_ends_with_its_agent_and_with_the_checklist(version: str, ends: str, tmp_path: Path) -> None:
    story = Story(ends)
    story.watcher("1x80")
    off = ends == "the checklist is turned off"
    judging(
        story,
        WATCHER,
        *((f"0+30x29 {times('stale', 50)}", f"1x29 {times('stale', 50)}") if off else ("0+30x80", "1x80")),
    )
    regression(story, "search", f"100x29 {times('stale', 50)}", f"1x29 {times('stale', 50)}")
    story.expect(870, REGRESSED, page("search"))
    story.expect(900 + KEPT + 60, REGRESSED)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_a_missed_scrape_does_not_begin_for_again_and_a_standby_tells_nothing(version: str, tmp_path: Path) -> None:
    story = Story("missed")
    story.watcher("1x5 stale 1x30")
    judging(story, WATCHER, "0+30x5 stale 180+30x30", "1x5 stale 1x30")
    regression(story, "search", "100x5 stale 100x30", "1x5 stale 1x30")
    story.add("active", "0x40", **STANDBY, shard="0")
    regression(story, "billing", "100x40", "1x40", TLS, **STANDBY)
    story.expect(HELD - 15, REGRESSED)
    story.expect(HELD, REGRESSED, page("search"))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_evidence_that_cannot_be_had_is_told_once_whatever_the_reason_is_by_turns(version: str, tmp_path: Path) -> None:
    story = Story("unknown")
    story.watcher("1x80")
    story.add("active", "0x80", **STANDBY, shard="0")
    # Forbidden and unreachable by turns: two series, of which one is always there.
    forbidden, unreachable = (
        "0 0 0 0 0 stale stale stale stale stale " * 4,
        "_ _ _ _ _ 0 0 0 0 0 stale stale stale stale stale " + "0 0 0 0 0 stale stale stale stale stale " * 2,
    )
    story.add("evidence_source_up", forbidden + times("stale", 40), **WATCHER, source="kubernetes", reason="Forbidden")
    story.add(
        "evidence_source_up", unreachable + times("stale", 40), **WATCHER, source="kubernetes", reason="Unreachable"
    )
    story.add("evidence_source_up", "1x80", **WATCHER, source="tls_posture")
    story.add("evidence_source_up", "0x80", **STANDBY, source="health", reason="Unreachable")
    story.expect(885, UNKNOWN)
    words = {"reason": "Forbidden"}
    story.expect(930, UNKNOWN, expected(alert(UNKNOWN), words=words, source="kubernetes"))
    story.expect(2000, UNKNOWN)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_rounds_that_end_no_more_are_told_of_each_process(version: str, tmp_path: Path) -> None:
    story = Story("stale")
    story.interval = "1m"
    story.watcher("1x240", shards=2)
    for name in ("build_info", "discovery_last_success_timestamp_seconds"):
        story.add(name, "1x240", **OTHER_SHARD)
    story.add("active", "1x240", **OTHER_SHARD, shard="1")
    judging(story, WATCHER, "0+60x240", "1x240")
    judging(story, OTHER_SHARD, "600+0x240", "1x240")
    story.add("active", "0x240", **STANDBY, shard="0")
    judging(story, STANDBY, "600+0x240", "1x240")
    story.expect(600 + STALE_AFTER + 900 - 60, STALE)
    said = (
        f"The watcher at {OTHER_SHARD['instance']} judged all controls of all agents 2h 15m 60s ago for the last time. "
        "What it says of readiness may be as old as that."
    )
    page = expected(
        alert(STALE), words={"state": said.replace("15m 60s", "16m 0s"), "pod": ""}, instance=OTHER_SHARD["instance"]
    )
    story.expect(600 + STALE_AFTER + 960, STALE, page)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_a_first_round_that_does_not_end_is_told_and_one_that_takes_minutes_is_not(
    version: str, tmp_path: Path
) -> None:
    story = Story("first")
    story.watcher("1x80")
    story.add(CATALOGUE, "1x80", **WATCHER, version="1", digest="sha256:1")
    slow = {"job": "watcher", "instance": "10.0.0.3:9847"}
    story.add(CATALOGUE, "1x80", **slow, version="1", digest="sha256:1")
    story.add(ROUND, f"{times('_', 20)} 600+30x60", **slow)
    story.expect(885, STALE)
    said = (
        f"The watcher at {WATCHER['instance']} has not judged all controls of all agents since it began: of some it "
        "says what it knew before, or nothing."
    )
    page = expected(alert(STALE), words={"state": said, "pod": ""}, instance=WATCHER["instance"])
    story.expect(930, STALE, page)
    assert not (report := told(version, story, tmp_path)), report


def test_no_interval_that_a_config_may_have_makes_a_sound_checklist_stale() -> None:
    slowest = ChecklistIntervals.model_validate({"objects": "1h"})
    assert 2 * slowest.objects <= STALE_AFTER
    with pytest.raises(ValidationError, match="expected a duration from 1m to 1h, got 1h1m"):
        ChecklistIntervals.model_validate({"objects": "61m"})


def test_the_docs_say_how_long_a_regression_is_told() -> None:
    told = (ROOT / "docs" / "alerting.md").read_text()
    assert f"meets it again, at most {KEPT_FOR / 86400:.0f} days" in told
