"""The alert on rollouts: a page while a failed revision does harm, one a rollout, one for all where many failed."""

from pathlib import Path

from tests.alerting.promtool import WATCHER, Expected, Story, both_versions, expected, told_by
from tests.alerting.rules import CORE, alerts
from watcher.alerting.rules.rollouts import MANY, TOLD_FOR

NAME = "AgentWeaveRolloutFailed"
HELD = 60
BY_SEVERITY = {each.labels["severity"]: each for each in alerts() if each.name == NAME}
SERVES = {"critical": "it serves requests", "warning": "does no harm at the moment"}
THEN = "The page of the rollout says what changed, and how to roll back."
SHARED = (
    "An upgrade of the cluster or a cause that they share comes before the rollouts themselves; "
    "the page /rollouts has them."
)


def told(severity: str, agent: str = "search", true: str = "") -> Expected:
    """The alert on one rollout of revision `abc`."""
    words = {
        "rolled": f"The rollout of revision abc of prod/{agent}",
        "their": "its",
        "serves": f"and {SERVES[severity]}",
        "then": f"True of its pods now: {true}. {THEN}" if true else THEN,
    }
    return expected(BY_SEVERITY[severity], words=words, namespace="prod", agent=agent, revision="abc")


def told_of_many(severity: str, count: int) -> Expected:
    serve = {"critical": "serve requests", "warning": "do no harm at the moment"}[severity]
    words = {"rolled": f"{count} rollouts", "their": "their", "serves": f"and {serve}", "then": SHARED, "revision": ""}
    return expected(BY_SEVERITY[severity], words=words)


def rolled(story: Story, agent: str, phases: dict[str, str], failing: str, began: str = "0x8000") -> None:
    """What the watcher says of the newest rollout of an agent: a series a phase."""
    of = {**WATCHER, "namespace": "prod", "agent": agent}
    for phase, values in phases.items():
        story.add("rollout_info", values, **of, revision="abc", phase=phase)
    story.add("rollout_failing", failing, **of)
    story.add("rollout_started_timestamp_seconds", began, **of)
    story.add("rollout_verdict", failing.replace("1x", "0x"), **of, until="short")


@both_versions
def test_a_failed_rollout_pages_while_it_does_harm_and_ends_at_the_rollback(version: str, tmp_path: Path) -> None:
    story = Story("one")
    story.watcher("1x80")
    rolled(
        story,
        "search",
        {"short_term": "1x9 stale", "failed": "_x10 1x39 stale", "rolled_back": "_x50 1x30"},
        "_x10 1x19 0x19 stale",
    )
    of = {**WATCHER, "namespace": "prod", "agent": "search", "pod": "search-1"}
    story.add("condition", "_x10 1x39 0x30", **of, probe="slo", condition="ErrorRateHigh")
    story.add("target_info", "1x80", **of)
    failed, calm, back = 30 * 10, 30 * 30, 30 * 50
    story.expect(failed + HELD - 15, NAME)
    story.expect(failed + HELD + 15, NAME, told("critical", true="ErrorRateHigh"))
    story.expect(calm - 15, NAME, told("critical", true="ErrorRateHigh"))
    story.expect(calm + HELD + 30, NAME, told("warning", true="ErrorRateHigh"))
    story.expect(back + 45, NAME)
    assert not (report := told_by(version, [story], [CORE], tmp_path)), report


@both_versions
def test_it_stays_while_the_watcher_is_gone_and_is_told_for_a_day(version: str, tmp_path: Path) -> None:
    gone = Story("gone")
    gone.watcher("1x19 stale _x40 1x10")
    rolled(gone, "search", {"failed": "1x19 stale _x40 1x10"}, "1x19 stale _x40 1x10")
    gone.expect(30 * 50, NAME, told("critical"))
    deleted = Story("deleted")
    deleted.watcher("1x60")
    rolled(deleted, "search", {"failed": "1x19 stale"}, "1x19 stale")
    deleted.expect(30 * 18, NAME, told("critical"))
    deleted.expect(30 * 22, NAME)
    old = Story("old", interval="4m")
    old.watcher("1x400")
    rolled(old, "search", {"failed": "1x400"}, "0x400")
    old.expect(TOLD_FOR - 480, NAME, told("warning"))
    old.expect(TOLD_FOR + 480, NAME)
    assert not (report := told_by(version, [gone, deleted], [CORE], tmp_path)), report
    assert not (report := told_by(version, [old], [CORE], tmp_path, every="4m")), report


@both_versions
def test_where_many_failed_one_alert_tells_them_all(version: str, tmp_path: Path) -> None:
    story = Story("many")
    story.watcher("1x40")
    for number in range(MANY):
        rolled(story, f"agent-{number}", {"failed": "1x40"}, "1x20 0x20" if number == 0 else "0x40")
    story.expect(HELD + 30, NAME, told_of_many("critical", 1))
    story.expect(30 * 21 + HELD + 30, NAME, told_of_many("warning", MANY))
    few = Story("few")
    few.watcher("1x40")
    for number in range(MANY - 1):
        rolled(few, f"agent-{number}", {"failed": "1x40"}, "1x40")
    few.expect(HELD + 30, NAME, *(told("critical", f"agent-{number}") for number in range(MANY - 1)))
    assert not (report := told_by(version, [story, few], [CORE], tmp_path)), report
