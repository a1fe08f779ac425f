"""The alerts on records that end soon, and on a review of the fleet that is overdue."""

from pathlib import Path

from tests.alerting.promtool import WATCHER, Expected, Story, both_versions, expected, told_by
from tests.alerting.rules import CORE, alert
from watcher.alerting.rules.checklist import FOLDED_OVER

EXPIRING, OVERDUE = "AgentWeaveRecordExpiring", "AgentWeaveReviewOverdue"
STANDBY = {"job": "watcher", "instance": "10.0.0.9:9847"}
HELD = 900
DIAGRAM = "documentation.operational.architecture-diagram"


def told(version: str, story: Story, directory: Path) -> str:
    return told_by(version, [story], [CORE], directory)


def ends(story: Story, agent: str, control: str, values: str, **more: str) -> None:
    """A record of an agent in `prod` ends at these Unix seconds."""
    labels = {**WATCHER, "namespace": "prod", "agent": agent, "control": control, "kind": "attestation"} | more
    story.add("record_expiring_timestamp_seconds", values, **labels)


def page(what: str, first: str, control: str = "") -> Expected:
    words = {"what": what, "first": first, "control": control}
    return expected(alert(EXPIRING), words=words, namespace="prod", control=control)


@both_versions
def test_records_that_end_soon_are_told_once_a_control_and_namespace(version: str, tmp_path: Path) -> None:
    story = Story("expiring")
    story.watcher("1x120")
    story.add("active", "0x120", **STANDBY, shard="0")
    ends(story, "search", DIAGRAM, f"90000x60 {'stale ' * 60}")
    ends(story, "billing", DIAGRAM, f"180000x60 {'stale ' * 60}")
    ends(story, "search", "criteria.reviewed", "90000x120")
    ends(story, "other", DIAGRAM, "999999x120", **STANDBY)
    story.expect(HELD - 30, EXPIRING)
    one = f"2 agents in namespace prod meet the control {DIAGRAM}"
    story.expect(HELD, EXPIRING, page(one, "1d 0h 45m 0s", DIAGRAM))
    story.expect(1800 + 900 + 60, EXPIRING)
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_of_many_controls_of_a_namespace_one_alert_tells(version: str, tmp_path: Path) -> None:
    story = Story("folded")
    story.watcher("1x60")
    for number in range(FOLDED_OVER + 1):
        ends(story, "search", f"documentation.operational.line-{number}", f"{90000 + number}x60")
    story.expect(HELD, EXPIRING, page("6 controls of agents in namespace prod are met", "1d 0h 45m 0s"))
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_a_review_is_told_once_it_is_overdue_and_until_there_is_a_new_one(version: str, tmp_path: Path) -> None:
    story = Story("overdue")
    story.watcher("1x120")
    story.add("active", "0x120", **STANDBY, shard="0")
    story.add("review_due_timestamp_seconds", "600x60 900000x60", **WATCHER)
    story.add("review_due_timestamp_seconds", "0x120", **STANDBY)
    story.expect(600 + HELD, OVERDUE)
    story.expect(600 + HELD + 60, OVERDUE, expected(alert(OVERDUE), words={"late": "16m 0s"}))
    story.expect(1860, OVERDUE)
    assert not (report := told(version, story, tmp_path)), report
