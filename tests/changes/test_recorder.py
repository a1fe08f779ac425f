"""What turns on a board is kept once, at its time, with what came before; a flood costs who sends it."""

import asyncio
from typing import Any

import pytest

from probes.contract import Limits, Unknown, Verdict
from probes.contract.condition import Status
from tests.changes.made import Store
from tests.engine.toy import FIRE, SMOKE, Rooms
from tests.engine.watch import BAD, GOOD, NOW, Watch
from watcher.changes.change import Change, Selection
from watcher.changes.recorder import MOST_AN_HOUR, MOST_AT_ONCE, STALE_EVERY, ChangeRecorder
from watcher.engine.debounce import DebounceState
from watcher.engine.restored import Restored

FAILED = FIRE.unknown(Unknown.SOURCE_FAILED)
LEARNS = FIRE.unknown(Unknown.WARMING_UP)
Said = tuple[str, str, str, str, float]


class Recorded(Watch):
    """A watch whose past is kept."""

    def __init__(self, restored: Restored | None = None, **parts: Any) -> None:
        super().__init__(restored=restored, **parts)
        self.store = Store()
        self.recorder = ChangeRecorder(self.board, self.clocks, self.store)
        self.board.set_intervals({"agent_metrics": 30.0, "opa": 30.0})

    def find(self, *found: Verdict, after: float = 30.0) -> None:
        """A look finds this, so many seconds later, and what turned is kept."""
        self.now += after
        self.told["agent_metrics"].reading = Rooms(verdicts=found)
        asyncio.run(self.lookers["agent_metrics"].look(self.state))
        self.tick()

    def tick(self) -> None:
        """What turned is kept."""
        asyncio.run(self.recorder.tick())

    @property
    def changes(self) -> list[Change]:
        """All that are kept, the oldest first."""
        return asyncio.run(self.store.find(Selection(), 10_000)).changes[::-1]

    @property
    def said(self) -> list[Said]:
        """The same in short: condition, subject, from, to, and seconds that it lasted."""
        return [(each.name, each.subject, each.before, each.after, each.lasted) for each in self.changes]


def test_a_fault_that_comes_and_goes_is_two_changes_with_their_times() -> None:
    watch = Recorded()
    for found in (GOOD, GOOD, BAD, BAD, GOOD):
        watch.find(found)
    assert watch.said == [("Fire", "", "false", "true", 60.0), ("Fire", "", "true", "false", 60.0)]
    first, second = watch.changes
    assert (first.at, second.at) == (NOW + 90, NOW + 150)
    assert first[1:7] == ("prod", "search", "pod-0", "condition", "Fire", "")
    assert (first.reason, first.message, second.reason) == ("Fire", "It burns.", "")


def test_a_first_bad_look_of_two_is_no_turn_and_the_second_one_is_from_passing() -> None:
    watch = Recorded(limits={"toy": Limits(failures=2)})
    watch.find(GOOD)
    watch.find(BAD)
    assert watch.said == []
    watch.find(BAD)
    assert watch.said == [("Fire", "", "false", "true", 60.0)]
    for found in (GOOD, BAD, GOOD):
        watch.find(found)
    assert watch.said[1:] == [("Fire", "", "true", "false", 30.0)]


def test_a_change_is_dated_by_the_date_as_it_is_set() -> None:
    watch = Recorded()
    watch.find(GOOD)
    watch.ahead = 3600.0
    watch.clocks.notice()
    watch.find(BAD)
    assert [each.at for each in watch.changes] == [watch.now + 3600.0]


def test_what_turns_back_before_it_was_compared_is_no_change() -> None:
    watch = Recorded()
    watch.find(GOOD)
    watch.told["agent_metrics"].reading = Rooms(verdicts=(BAD,))
    asyncio.run(watch.lookers["agent_metrics"].look(watch.state))
    watch.find(GOOD)
    assert watch.said == []


def test_the_first_looks_are_no_news_but_trouble_is() -> None:
    watch = Recorded()
    watch.find(GOOD, SMOKE.unknown(Unknown.WARMING_UP, subject="hall"))
    watch.find(GOOD, SMOKE.false("hall"))
    assert watch.said == []
    watch.find(GOOD, SMOKE.true("It smokes.", "White", "hall"))
    assert watch.said == [("Smoke", "hall", "false", "true", 30.0)]


def test_history_that_begins_anew_is_told_and_its_end_too() -> None:
    watch = Recorded()
    watch.find(GOOD, SMOKE.false("hall"))
    for found in (LEARNS, GOOD):
        watch.find(found, SMOKE.false("hall"), after=600.0)
    assert watch.said == [("Fire", "", "false", "unknown", 600.0), ("Fire", "", "unknown", "false", 600.0)]
    assert [each.reason for each in watch.changes] == ["WarmingUp", ""]
    assert watch.changes[1].reason_before == "WarmingUp"


def test_what_turned_while_nobody_ran_is_told_by_what_the_last_process_left() -> None:
    left = Restored(debounce_states={"toy": {("Fire", ""): DebounceState(Status.TRUE, NOW - 600, 0)}})
    mended = Recorded(left)
    mended.find(GOOD)
    assert mended.said == [("Fire", "", "true", "false", 630.0)]
    still = Recorded(left)
    still.find(BAD)
    assert still.said == []


def test_a_target_that_is_gone_takes_its_trouble_along() -> None:
    watch = Recorded()
    watch.find(BAD, SMOKE.false("hall"))
    gone = watch.state
    asyncio.run(watch.board.replace([], {}))
    watch.now += 30.0
    watch.recorder.hear_gone(gone)
    watch.tick()
    assert watch.said[1:] == [("Fire", "", "true", "gone", 30.0)]


def test_what_stays_too_old_turned_unknown_and_is_known_again_by_the_next_look() -> None:
    watch = Recorded()
    watch.find(BAD)
    watch.now += STALE_EVERY
    watch.tick()
    watch.now += STALE_EVERY
    watch.tick()
    assert watch.said[1:] == []
    watch.now += STALE_EVERY
    watch.tick()
    assert watch.said[1:] == [("Fire", "", "true", "unknown", 90.0)]
    assert watch.changes[-1].reason == "Stale"
    watch.find(BAD, after=0.0)
    watch.now += STALE_EVERY
    watch.tick()
    assert watch.said[2:] == [("Fire", "", "unknown", "true", 90.0)]


def test_what_a_suspension_made_too_old_for_a_moment_did_not_turn() -> None:
    watch = Recorded()
    watch.find(GOOD)
    watch.now += 7200.0
    watch.tick()
    watch.find(GOOD)
    watch.now += STALE_EVERY
    watch.tick()
    assert watch.said == []


def test_of_too_many_rooms_the_failing_ones_are_kept_and_the_rest_is_counted() -> None:
    watch = Recorded()
    unknown = [SMOKE.unknown(Unknown.MALFORMED, subject=f"a{at}") for at in range(60)]
    watch.find(*unknown, *(SMOKE.false(f"b{at}") for at in range(20)))
    smokes = [SMOKE.true("It smokes.", "White", f"b{at}") for at in range(20)]
    turned = [*(SMOKE.false(f"a{at}") for at in range(60)), *smokes]
    watch.find(*turned)
    assert len(watch.changes) == MOST_AT_ONCE
    assert sum(each.after == "true" for each in watch.changes) == 20
    assert watch.store.count("dropped") == 30


def test_a_target_that_flaps_has_so_many_changes_an_hour() -> None:
    watch = Recorded()
    rooms = [f"room-{at}" for at in range(40)]
    for at in range(20):
        watch.find(*(SMOKE.true("It smokes.", "White", room) if at % 2 else SMOKE.false(room) for room in rooms))
    assert len(watch.changes) == MOST_AN_HOUR
    watch.find(*(SMOKE.false(room) for room in rooms), after=3600.0)
    assert len(watch.changes) == MOST_AN_HOUR + 40


def test_a_sentence_that_cannot_be_made_costs_itself_alone(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> str:
        raise ArithmeticError

    watch = Recorded()
    watch.find(GOOD)
    watch.find(FIRE.unknown(Unknown.MALFORMED, broken))
    assert [(each.after, each.message) for each in watch.changes] == [("unknown", "")]
    assert "cannot make the sentence of a change" in caplog.text


def test_a_long_sentence_is_cut() -> None:
    watch = Recorded()
    watch.find(GOOD)
    watch.find(FIRE.true("x" * 5000))
    assert [len(each.message) for each in watch.changes] == [500]
