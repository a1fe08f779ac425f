"""One look, from the source to the board."""

import logging
from dataclasses import replace

import pytest

from probes.contract import Fault, Limits, Unknown, Verdict
from probes.contract.condition import Status
from tests.engine.toy import TOY, History, Rooms
from tests.engine.watch import BAD, CELLAR, GOOD, NOW, ONE_LOOK, Watch, fails
from watcher.engine.restored import Restored
from watcher.metrics.families import LOOK_SECONDS, PREFIX


def _rooms(*verdicts: Verdict) -> Rooms:
    return Rooms(verdicts=verdicts)


def test_a_look_is_judged_and_shown_with_its_moment() -> None:
    watch = Watch()
    watch.look(_rooms(BAD), after=7.0)
    result = watch.state.results[0]
    assert result is not None
    assert (result.at, result.verdicts.all, result.since, result.bad) == (NOW + 7, (BAD,), (NOW + 7,), (1,))
    look = watch.state.looks["agent_metrics"]
    assert (look.source, look.at, look.reading) == ("agent_metrics", NOW + 7, _rooms(BAD))
    assert 0 <= look.seconds < 60
    assert watch.state.exported == watch.state.results


def test_each_target_asks_for_as_many_bad_looks_as_its_limits_say() -> None:
    watch = Watch(limits={"toy": Limits(failures=3)})
    for _ in range(2):
        watch.look(_rooms(BAD))
        assert watch.verdicts()[0].status is Status.UNKNOWN
    watch.look(_rooms(BAD))
    assert watch.verdicts() == (BAD,)


def test_only_the_probes_of_its_own_source_judge_a_look() -> None:
    watch = Watch(TOY, CELLAR)
    watch.look(_rooms(BAD), "opa")
    assert watch.verdicts(1) == (BAD,)
    assert {each.reason for each in watch.verdicts(0)} == {Unknown.WARMING_UP}
    assert list(watch.state.looks) == ["opa"]
    watch.look(_rooms(GOOD))
    assert (watch.verdicts(0), watch.verdicts(1)) == ((GOOD,), (BAD,))
    assert set(watch.state.looks) == {"opa", "agent_metrics"}


def test_a_probe_that_does_not_apply_is_not_asked() -> None:
    watch = Watch(
        TOY, replace(TOY, name="broken", judge=fails), limits={"toy": ONE_LOOK, "broken": Limits(enabled=False)}
    )
    watch.look(_rooms(GOOD))
    assert watch.verdicts() == (GOOD,)
    assert watch.state.results[1] is None


@pytest.mark.parametrize("reading", [Rooms(), Rooms(fault=Fault.STALLED, error="Slow."), Rooms(error="Odd.")])
def test_looks_and_their_time_are_counted(reading: Rooms) -> None:
    watch = Watch()
    watch.look(reading)
    assert {result: watch.looks(result) for result in ("ok", "timeout", "error") if watch.looks(result)} == {
        reading.result: 1
    }
    family = PREFIX + LOOK_SECONDS.name
    assert watch.own.registry.get_sample_value(f"{family}_count", {"source": "agent_metrics"}) == 1
    assert watch.own.registry.get_sample_value(f"{family}_sum", {"source": "agent_metrics"}) == pytest.approx(
        watch.state.looks["agent_metrics"].seconds
    )


def test_a_source_that_fails_costs_its_verdicts_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch()
    watch.look(_rooms(BAD))
    with caplog.at_level(logging.ERROR):
        watch.look(ArithmeticError("a source that has a bug"), after=30.0)
    assert {(each.status, each.reason) for each in watch.verdicts()} == {(Status.UNKNOWN, Unknown.PROBE_ERROR)}
    assert watch.history() == History(looks=1), "what was remembered stays"
    assert (watch.state.looks["agent_metrics"].reading.fault, watch.looks("error")) == (Fault.OURS, 1)
    [record] = caplog.records
    assert (record.source, record.target) == ("agent_metrics", "prod/search/pod-0")  # type: ignore[attr-defined]  # extra
    assert record.exc_info is not None
    watch.look(_rooms(GOOD))
    assert watch.verdicts() == (GOOD,)


def test_a_judge_that_fails_costs_its_own_verdicts_alone(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(TOY, replace(TOY, name="broken", judge=fails), restored=Restored(history={"broken": History(5)}))
    with caplog.at_level(logging.ERROR):
        watch.look(_rooms(BAD))
    assert watch.verdicts(0) == (BAD,)
    assert {each.reason for each in watch.verdicts(1)} == {Unknown.PROBE_ERROR}
    assert watch.history(1) == History(5)
    [record] = caplog.records
    assert (record.probe, record.target) == ("broken", "prod/search/pod-0")  # type: ignore[attr-defined]  # extra


def test_of_a_target_that_is_gone_nothing_is_shown_but_the_look_counts() -> None:
    watch = Watch()
    watch.state.removed = True
    watch.look(_rooms(BAD))
    assert watch.state.looks == {}
    assert {each.reason for each in watch.verdicts()} == {Unknown.WARMING_UP}
    assert watch.looks("ok") == 1


@pytest.mark.parametrize(
    ("fault", "reached"),
    [
        (None, True),
        (Fault.STALLED, True),
        (Fault.RESET, True),
        (Fault.REFUSED, False),
        (Fault.SILENT, False),
        (Fault.OURS, False),
    ],
)
def test_a_part_is_reached_once_something_answered_there(fault: Fault | None, *, reached: bool) -> None:
    watch = Watch()
    watch.look(Rooms(fault=fault))
    assert watch.state.reached == ({"metrics"} if reached else set())


def test_a_target_is_touched_by_a_look_that_changed_what_is_said() -> None:
    watch = Watch(TOY, CELLAR)
    for reading, touched in ((_rooms(BAD), True), (_rooms(BAD), False), (_rooms(GOOD), True), (_rooms(GOOD), False)):
        watch.board.touched = set()
        watch.look(reading)
        assert watch.board.touched == ({watch.state.target.key} if touched else set())


def test_of_a_name_that_is_not_there_nobody_was_asked_so_nothing_was_reached() -> None:
    watch = Watch()
    watch.look(Rooms(fault=Fault.UNRESOLVED, error="No such name."))
    assert watch.state.reached == frozenset()
    watch.look(_rooms(GOOD))
    assert watch.state.reached == {"metrics"}


def test_a_judge_that_fails_at_each_look_is_logged_once_in_full(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(replace(TOY, judge=fails))
    with caplog.at_level(logging.ERROR):
        for _ in range(10):
            watch.look(_rooms(BAD))
    assert [(each.message, each.exc_info is None) for each in caplog.records] == [
        ("probe failed", False),
        ("probe failed", True),
    ]
