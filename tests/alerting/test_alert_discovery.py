"""The alerts on what discovery could not learn, and on pods that it does not watch."""

from pathlib import Path

from tests.alerting.promtool import WATCHER, Story, both_versions, expected, told_by
from tests.alerting.rules import CORE, alert

PROBLEMS, NOT_WATCHED = "AgentWeaveTargetProblems", "AgentWeavePodsNotWatched"
GONE = " ".join(["stale"] * 20)
STANDBY = {"job": "watcher", "instance": "10.0.0.9:9847"}
POOL = {"probe": "pool", "condition": "PoolExhausted", "reason": "FactUnknown"}


def told(version: str, story: Story, directory: Path) -> str:
    return told_by(version, [story], [CORE], directory)


@both_versions
def test_facts_that_are_missing_are_told_once_a_namespace_after_a_quarter_of_an_hour(
    version: str, tmp_path: Path
) -> None:
    story = Story("problems")
    story.watcher("1x80")
    for pod in ("a-0", "a-1"):
        story.add("target_problems", f"2x59 {GONE}", **WATCHER, namespace="prod", agent="a", pod=pod)
        story.add("condition_unknown", "1x80", **WATCHER, namespace="prod", agent="a", pod=pod, **POOL)
    story.add("conditions", "2x80", **WATCHER, status="unknown", **POOL)
    story.expect(885, PROBLEMS)
    page = expected(alert(PROBLEMS), words={"count": "2"}, namespace="prod")
    story.expect(915, PROBLEMS, page)
    story.expect(2400, PROBLEMS)
    for at in (1800, 2400):  # half an hour, in which every verdict of the probe is unknown
        story.expect(at, "AgentWeaveVerdictUnknown")
        story.expect(at, "AgentWeaveWatcherBlind")
    assert not (report := told(version, story, tmp_path)), report


@both_versions
def test_pods_that_are_not_watched_are_told_by_the_leader_alone(version: str, tmp_path: Path) -> None:
    story = Story("pods")
    story.watcher("1x40")
    story.add("active", "0x40", **STANDBY, shard="0")
    for watcher in (WATCHER, STANDBY):
        story.add("pods_not_watched", f"_x4 3x14 {GONE}", **watcher, namespace="prod", state="not_agent")
    story.expect(165, NOT_WATCHED)
    page = expected(alert(NOT_WATCHED), words={"count": "3"}, namespace="prod", state="not_agent")
    story.expect(270, NOT_WATCHED, page)
    story.expect(900, NOT_WATCHED)
    assert not (report := told(version, story, tmp_path)), report
