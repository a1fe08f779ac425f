"""What the checklist is told of a rollout: its record by control, when it changed, and the verdicts that come of it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from probes.controls.catalogue.control import SourceName
from probes.controls.catalogue.loading import load_catalogue
from probes.controls.evidence import EvidenceSet, FiredAlert, Missing, RolloutLine, RolloutRecord, Seen
from probes.controls.evidence.rollout_record import Decided
from probes.controls.judges.rollouts import LINES as JUDGED
from probes.controls.judging import Facts, load_judges
from probes.controls.sdk.loading import load_sdk_facts
from probes.controls.verdict.control import judge_control
from tests.rollouts.made_rollouts import (
    BEGAN,
    ERRORS,
    FAILED,
    GOING_ON,
    IMPAIRED,
    NOW,
    ROLLED_BACK,
    line,
    lines,
    rollout,
)
from tests.rollouts.test_rollouts import AGENT, Fleet, new, old
from watcher.rollouts.evidence import LINES, RolloutEvidence, record_of
from watcher.rollouts.follower import Runs
from watcher.rollouts.rollout import Fired, Period, Rollout
from watcher.rollouts.rollouts import Rollouts
from watcher.rollouts.terms import LINES as ALL_LINES
from watcher.rollouts.terms import LineName, LineState, Undecided, Window

RUNS = Runs(newest=True, others=False)
WAITS = {"ErrorRateHigh": 120.0, "MemoryHigh": 0.0}


def told(found: Rollout, runs: Runs = RUNS, ends: Mapping[Window, float] | None = None) -> RolloutRecord:
    """What judges are handed."""
    return record_of(found, runs, WAITS, ends or {}, NOW)


def finding(control: str, found: Rollout) -> tuple[str, str, str]:
    """The verdict that the checklist forms of it."""
    given = EvidenceSet(AGENT, {SourceName.ROLLOUT: Seen(told(found), NOW, "here")})
    facts = Facts(now=NOW, sdk=load_sdk_facts())
    made = judge_control(load_catalogue().by_id[control], given, facts, load_judges())
    return made.state.value, made.reason, made.message


def test_each_control_that_a_line_decides_has_one_and_each_line_a_control() -> None:
    assert set(LINES) == set(JUDGED)
    of_controls = {place for places in LINES.values() for place in places}
    assert of_controls == {(window, name) for window, names in ALL_LINES.items() for name in names}


def test_lines_are_told_with_what_decided_them_and_until_when_they_are_open() -> None:
    ends = {Window.SHORT: NOW + 100}
    record = told(rollout(lines=lines(until=Window.IMMEDIATE, SHORT_ERROR_RATE=ERRORS)), ends=ends)
    failed = RolloutLine("Error rate normal", "fail", ERRORS.message, decided_at=BEGAN + 900)
    assert record.lines["postdeploy.short.error-rate-normal"] == (failed,)
    settling = RolloutLine("Latency normal", "undecided", "", is_open=True, next_at=NOW + 100)
    assert record.lines["postdeploy.short.latency-normal"] == (settling,)
    assert [each.name for each in record.lines["release.post.resources-stable"]] == ["Memory stable", "CPU stable"]


@pytest.mark.parametrize(
    ("found", "control", "expected"),
    [
        (rollout(), "postdeploy.short.error-rate-normal", ("pass", "", "Good.")),
        (FAILED, "postdeploy.short.error-rate-normal", ("fail", "Violated", ERRORS.message)),
        (
            IMPAIRED,
            "postdeploy.short.latency-normal",
            ("unknown", "NoData", "Latency normal is not decided yet."),
        ),
        (
            IMPAIRED,
            "release.post.no-alerts-fired",
            ("unknown", "NoData", "The watcher did not see all of the first hour."),
        ),
        (GOING_ON, "postdeploy.short.latency-normal", ("unknown", "Settling", "Latency normal is not decided yet.")),
        (rollout(), "release.rollback.executed", ("not_applicable", "", "")),
        (ROLLED_BACK, "release.rollback.previous-healthy", ("pass", "", "")),
        (ROLLED_BACK, "postdeploy.immediate.pods-running", ("unknown", "NoData", "")),
    ],
)
def test_the_checklist_says_what_the_record_says(found: Rollout, control: str, expected: tuple[str, str, str]) -> None:
    state, reason, message = finding(control, found)
    assert (state, reason) == expected[:2]
    assert not expected[2] or message == expected[2]


def test_an_alert_fired_where_its_condition_was_true_for_as_long_as_it_waits_in_the_first_hour() -> None:
    def fired(condition: str, at: float, resolved_at: float | None) -> Fired:
        return Fired(condition=condition, pod="a", at=at, resolved_at=resolved_at)

    end = {Window.SHORT: BEGAN + 3600}
    short = fired("ErrorRateHigh", BEGAN, BEGAN + 119)
    long = fired("ErrorRateHigh", BEGAN, BEGAN + 120)
    still = fired("ErrorRateHigh", NOW - 121, None)
    at_once = fired("MemoryHigh", BEGAN + 10, BEGAN + 11)
    later = fired("ErrorRateHigh", BEGAN + 3590, None)
    unheard = fired("Strange", BEGAN, None)
    everything = rollout(fired=(short, long, still, at_once, later, unheard))
    assert told(everything, ends=end).alerts == (
        FiredAlert("ErrorRateHigh", "a", BEGAN),
        FiredAlert("MemoryHigh", "a", BEGAN + 10),
    )
    assert told(rollout(fired=(short,)), ends=end).alerts == ()


def test_the_first_hour_is_over_when_all_its_lines_are_and_was_seen_where_nobody_was_away() -> None:
    assert told(rollout()).hour_is_over
    assert told(rollout()).hour_was_seen
    assert not told(GOING_ON).hour_is_over
    assert not told(rollout(ready_at=None)).hour_is_over
    assert not told(rollout(unseen=(Period(BEGAN + 300, BEGAN + 900),))).hour_was_seen
    blind = line(Window.SHORT, LineName.CPU, LineState.UNDECIDED, reason=Undecided.WATCHER_IMPAIRED)
    assert not told(rollout(lines=lines(SHORT_CPU=blind))).hour_was_seen


def test_one_that_is_over_may_not_be_taken_back_any_more_and_one_that_failed_may() -> None:
    assert told(rollout()).is_over
    assert not told(FAILED).is_over
    assert not told(GOING_ON).is_over
    assert told(ROLLED_BACK).subject_since == ROLLED_BACK.ended_at
    assert told(replace(FAILED, end="superseded", ended_at=NOW)).end == "superseded"


def test_the_checklist_is_told_when_a_rollout_begins_is_ready_and_when_another_revision_runs(tmp_path: Path) -> None:
    async def script(fleet: Fleet, rollouts: Rollouts) -> None:
        evidence = RolloutEvidence(rollouts)

        def found() -> Seen[object] | Missing:
            return evidence.evidence_of(AGENT, ()).sources[SourceName.ROLLOUT]

        assert found() == Missing(found().reason, "No rollout of it was seen yet.")  # type: ignore[union-attr]
        fleet.pods.of[AGENT] = old(AGENT)
        await fleet.pass_time(rollouts, 10)
        evidence.take_changed()
        assert isinstance(found(), Missing)
        fleet.pods.of[AGENT] = [*old(AGENT), *new(AGENT)]
        rollouts.touch(AGENT)
        await fleet.pass_time(rollouts, 5)
        assert AGENT in (evidence.take_changed() or ())
        seen = found()
        assert isinstance(seen, Seen)
        assert isinstance(seen.value, RolloutRecord)
        assert (seen.value.ready_at, seen.value.runs, seen.value.others_run) == (None, True, True)
        assert seen.ref == f"rollout/prod/search/{seen.value.revision}"
        assert seen.summary == f"revision {seen.value.revision}: rolling out"
        fleet.pods.of[AGENT] = new(AGENT)
        rollouts.touch(AGENT)
        await fleet.pass_time(rollouts, 5)
        assert AGENT in (evidence.take_changed() or ())
        ready = found()
        assert isinstance(ready, Seen)
        assert isinstance(ready.value, RolloutRecord)
        assert ready.value.ready_at is not None
        first_hour = ready.value.lines["postdeploy.short.latency-normal"][0].next_at
        assert first_hour == pytest.approx(ready.value.ready_at + 3600, abs=10)
        await fleet.pass_time(rollouts, 60)
        evidence.take_changed()
        await fleet.pass_time(rollouts, 30)
        assert evidence.take_changed() == []
        fleet.pods.of[AGENT] = old(AGENT)
        rollouts.touch(AGENT)
        await fleet.pass_time(rollouts, 5)
        assert AGENT in (evidence.take_changed() or ())
        back = found()
        assert isinstance(back, Seen)
        assert isinstance(back.value, RolloutRecord)
        assert (back.value.end, back.value.is_running) == ("rolled_back", False)

    Fleet(tmp_path).run(script)


def test_states_are_those_that_judges_know() -> None:
    assert {each.value for each in LineState} == set(get_args(Decided))
