"""What a judge is told at a look, and what is known from before."""

from dataclasses import replace

import pytest

from probes.contract import Fault, Limits, Reading, TargetKey, Verdict
from probes.contract.condition import Status
from tests.engine.toy import TOY, History, Rooms
from tests.engine.watch import ALARMS, BAD, CELLAR, GOOD, NOW, ONE_LOOK, Watch, tells_all
from watcher.engine.debounce import DebounceState
from watcher.engine.restored import Restored
from watcher.metrics.families import PREFIX

TELLS_ALL = replace(TOY, judge=tells_all, metrics=(ALARMS,))
ANSWER, SILENCE = Rooms(), Rooms(fault=Fault.SILENT)
OTHERS = [TargetKey("prod", "search", f"other-{number}") for number in range(4)]


def _rooms(*verdicts: Verdict) -> Rooms:
    return Rooms(verdicts=verdicts)


@pytest.mark.parametrize("once", [False, True])
def test_a_judge_is_told_of_the_target_the_moment_and_the_watch(*, once: bool) -> None:
    watch = Watch(TELLS_ALL, once=once)
    watch.look(ANSWER, after=5.0)
    told = watch.history()
    assert (told.target, told.limits, told.now) == (watch.state.target, ONE_LOOK, NOW + 5)
    assert (told.interval, told.endpoint, told.once) == (30.0, "metrics", once)
    assert (told.reached, told.isolated, told.held_up, told.vote_counts) == (False, False, False, {})


def test_a_judge_is_told_whether_something_answered_there_before() -> None:
    watch = Watch(TELLS_ALL)
    for reading, before in ((SILENCE, False), (ANSWER, False), (SILENCE, True)):
        watch.look(reading)
        assert watch.history().reached is before


def test_a_judge_is_told_that_the_loop_stood_still_for_much_of_this_look_but_not_of_another() -> None:
    watch = Watch(TELLS_ALL)
    watch.fleet.lag.sleeps(watch.now)
    for still, held_up in ((4.0, True), (1.0, False), (0.0, False), (4.0, True)):
        watch.look(ANSWER, stands_still=still)
        assert watch.history().held_up is held_up


def test_a_judge_is_told_by_how_much_the_loop_was_late_in_this_look() -> None:
    watch = Watch(TELLS_ALL)
    watch.fleet.lag.sleeps(watch.now)
    for still, lag in ((0.09, 0.09), (0.0, 0.0), (0.01, 0.0)):
        watch.look(ANSWER, stands_still=still)
        assert (watch.history().lag, watch.history().held_up) == (pytest.approx(lag, abs=1e-6), False)


def test_silence_in_a_look_that_was_held_up_does_not_make_the_watcher_isolated() -> None:
    watch = Watch(TELLS_ALL)
    watch.fleet.lag.sleeps(watch.now)
    for other in range(10):
        watch.fleet.isolation.record(TargetKey("prod", f"other-{other}", "0"), "opa", ANSWER, watch.now)
    for other in range(5):
        watch.fleet.isolation.record(TargetKey("prod", f"other-{other}", "0"), "opa", SILENCE, watch.now)
    watch.look(ANSWER)
    watch.look(SILENCE, stands_still=4.0)
    assert not watch.fleet.isolation.isolated
    watch.look(SILENCE)
    assert watch.fleet.isolation.isolated, "six of eleven fell silent"


def test_a_judge_is_told_the_date_and_why_it_is_not_to_be_believed() -> None:
    watch = Watch(TELLS_ALL)
    watch.ahead = 7200.0
    watch.clocks.notice()
    for other in range(2):
        said = Rooms(their_date=watch.now)
        watch.fleet.peer_clocks.record(TargetKey("prod", f"other-{other}", "0"), said, watch.now)
    watch.look(ANSWER)
    told = watch.history()
    assert (told.now, told.date) == (watch.now, watch.now + 7200)
    assert told.clock_doubt == "The watcher's clock is 2h0m ahead of most agents'."


def test_votes_are_counted_for_the_next_look_and_observations_at_once() -> None:
    watch = Watch(TELLS_ALL)
    watch.look(ANSWER)
    watch.look(ANSWER)
    assert watch.history().vote_counts == {"colour": {"red": 1}}
    assert watch.own.registry.get_sample_value(PREFIX + ALARMS.name) == 6


def _others(watch: Watch, count: int, reading: Reading) -> None:
    for key in OTHERS[:count]:
        watch.fleet.isolation.record(key, "agent_metrics", reading, watch.now)


def test_the_look_that_shows_isolation_is_judged_by_it() -> None:
    watch = Watch(TELLS_ALL)
    _others(watch, 4, ANSWER)
    watch.look(ANSWER)
    _others(watch, 2, SILENCE)
    assert not watch.history().isolated
    watch.look(SILENCE)
    assert watch.history().isolated, "three of five are silent"


@pytest.mark.parametrize("ours", [Rooms(fault=Fault.OURS), OSError("no sockets left")])
def test_a_look_that_was_not_made_is_no_answer(ours: Rooms | OSError) -> None:
    watch = Watch(TOY)
    _others(watch, 4, ANSWER)
    watch.look(ANSWER)
    watch.look(SILENCE)
    watch.look(ours)
    _others(watch, 2, SILENCE)
    assert watch.fleet.isolation.isolated


def test_a_source_is_asked_what_the_probes_want_by_the_targets_limits() -> None:
    probes = [
        replace(TOY, name="first", wants=lambda limits: ("heat", limits.failures)),
        replace(TOY, name="off", wants=lambda _: ("nothing",)),
        replace(CELLAR, name="elsewhere", wants=lambda _: ("water",)),
        replace(TOY, name="second", wants=lambda limits: (limits.failures,)),
    ]
    limits = {"first": ONE_LOOK, "second": Limits(failures=3), "elsewhere": ONE_LOOK, "off": Limits(enabled=False)}
    watch = Watch(*probes, limits=limits)
    watch.look(ANSWER)
    watch.look(ANSWER)
    first, again = watch.told["agent_metrics"].asked
    assert first == ("heat", 1, 3)
    assert again is first, "one object for all targets with the same limits"
    other = Watch(*probes, limits=limits | {"first": Limits(failures=2)})
    other.look(ANSWER)
    assert other.told["agent_metrics"].asked == [("heat", 2, 3)]


def test_what_is_shown_until_the_next_look_is_what_a_reading_remembers() -> None:
    class Vast(Rooms):
        def remembered(self) -> Reading:
            return Rooms(error="only this")

    watch = Watch()
    watch.look(Vast(verdicts=(BAD,)))
    assert watch.verdicts() == (BAD,)
    assert watch.state.looks["agent_metrics"].reading == Rooms(error="only this")


ONE_BAD = {"toy": {("Fire", ""): DebounceState(Status.UNKNOWN, NOW - 60, 1)}}


def test_the_first_look_goes_on_from_what_was_restored() -> None:
    restored = Restored(debounce_states=ONE_BAD, history={"toy": History(41)})
    watch = Watch(restored=restored, limits={"toy": Limits(failures=2)})
    watch.look(_rooms(BAD))
    assert watch.verdicts() == (BAD,)
    assert watch.history() == History(42)


def test_the_second_look_goes_on_from_the_first() -> None:
    restored = Restored(debounce_states=ONE_BAD, history={"toy": History(41)})
    watch = Watch(TOY, CELLAR, restored=restored, limits={"toy": Limits(failures=2), "cellar": ONE_LOOK})
    for reading, status in ((GOOD, Status.FALSE), (BAD, Status.UNKNOWN), (BAD, Status.TRUE)):
        watch.look(_rooms(reading))
        assert watch.state.restored is restored, "the other source has not had its share"
        assert watch.verdicts()[0].status is status
    assert watch.history() == History(44)


def test_a_probe_of_which_nothing_was_restored_begins_anew() -> None:
    watch = Watch(TOY, CELLAR, restored=Restored(history={"cellar": History(7)}))
    watch.look(_rooms(BAD))
    watch.look(_rooms(GOOD), "opa")
    assert (watch.history(0), watch.history(1)) == (History(1), History(8))


def test_what_was_restored_is_let_go_once_every_source_has_looked() -> None:
    watch = Watch(TOY, CELLAR, restored=Restored(history={"toy": History(7)}))
    watch.look(ANSWER, "opa")
    assert watch.state.restored is not None
    watch.look(ANSWER)
    assert watch.state.restored is None


def test_a_source_that_does_not_apply_is_not_waited_for() -> None:
    watch = Watch(TOY, CELLAR, restored=Restored(history={"toy": History(7)}), opa=None)
    watch.look(ANSWER)
    assert watch.state.restored is None
