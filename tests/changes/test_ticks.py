"""A day of a target in quarters of an hour: never better than it was, and empty where nobody watched."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from probes.contract.condition import Severity
from tests.changes.made import NOW, change
from watcher.changes.change import GONE, Period
from watcher.changes.ticks import COUNT, DAY, STEP, Now, Tick, ticks
from watcher.web.changes.words import ticks_said

ALWAYS = [Period(NOW - 2 * DAY, NOW)]
CALM = Now("Fire", "", "false", "", NOW - 3 * DAY, Severity.CRITICAL)
BURNS = CALM._replace(status="true", since=NOW - 600)
END = NOW - NOW % STEP + STEP


def test_a_calm_day_is_a_row_of_healthy_ticks_and_no_more() -> None:
    whole, rows = ticks([], [CALM], ALWAYS, NOW)
    assert whole.ticks == (Tick.HEALTHY,) * COUNT
    assert rows == []
    assert whole.begin == END - DAY


def test_a_fault_that_is_over_stands_where_it_was() -> None:
    at = END - 10 * STEP
    some = [change(at + 60, lasted=DAY), change(at + 90, before="true", after="false", lasted=30.0)]
    whole, [row] = ticks(some, [CALM._replace(since=at + 90)], ALWAYS, NOW)
    assert row.name == "Fire"
    assert [place for place, tick in enumerate(row.ticks) if tick is Tick.CRITICAL] == [COUNT - 10]
    assert Counter(row.ticks) == {Tick.HEALTHY: COUNT - 1, Tick.CRITICAL: 1}
    assert whole.ticks == row.ticks


def test_the_worst_leads_and_a_warning_is_one() -> None:
    smoke = Now("Smoke", "hall", "true", "White", NOW - 600, Severity.WARNING)
    whole, rows = ticks([], [CALM, smoke, BURNS], ALWAYS, NOW)
    assert [row.name for row in rows] == ["Fire", "Smoke"]
    assert (rows[1].ticks[-1], whole.ticks[-1]) == (Tick.WARNING, Tick.CRITICAL)


def test_before_a_target_was_seen_nothing_is_known_and_learning_is_no_trouble() -> None:
    young = CALM._replace(status="unknown", reason="WarmingUp", since=NOW - 3 * STEP)
    whole, rows = ticks([], [young], ALWAYS, NOW)
    assert rows == []
    assert Counter(whole.ticks) == {Tick.NONE: COUNT - 4, Tick.LEARNING: 4}


def test_where_nobody_watched_nothing_is_known_whatever_held_before_and_after() -> None:
    gap = [Period(END - 4 * STEP, NOW), Period(END - DAY, END - 20 * STEP)]
    whole, _ = ticks([], [CALM], gap, NOW)
    assert [tick for tick, _, _ in whole.runs] == [Tick.HEALTHY, Tick.NONE, Tick.HEALTHY]
    assert whole.ticks[-19:-4] == (Tick.NONE,) * 15


def test_what_is_gone_is_not_there() -> None:
    gone = change(END - 40 * STEP, before="true", after=GONE, lasted=STEP, subject="hall")
    _, [row] = ticks([gone], [CALM._replace(name="Smoke")], ALWAYS, NOW)
    assert Counter(row.ticks)[Tick.CRITICAL] == 2
    assert row.ticks[-1] is Tick.NONE


def test_between_changes_that_do_not_meet_it_is_as_the_first_left_it() -> None:
    at = END - 20 * STEP
    some = [change(at, after="unknown", reason="WarmingUp", lasted=DAY), change(at + 10 * STEP, lasted=2 * STEP - 1)]
    _, [row] = ticks(some, [CALM._replace(status="true", since=at + 10 * STEP)], ALWAYS, NOW)
    assert set(row.ticks[-19:-13]) == {Tick.LEARNING}
    assert row.ticks[-11] is Tick.HEALTHY


def test_a_row_is_said_in_words() -> None:
    burnt = change(NOW - 600, lasted=1500.0)
    _, [row] = ticks([burnt], [BURNS], [Period(NOW - 1800, NOW)], NOW)
    assert ticks_said(row) == (
        "Fire, the last 24 hours (UTC): nothing known 14:15 to 13:30, "
        "healthy 13:30 to 14:00, failing (critical) 14:00 to 14:15."
    )


_CHANGES = st.lists(
    st.builds(
        change,
        at=st.floats(NOW - 2 * DAY, NOW + 100),
        name=st.sampled_from(["Fire", "Smoke"]),
        before=st.sampled_from(["true", "false", "unknown"]),
        after=st.sampled_from(["true", "false", "unknown", GONE, "other"]),
        lasted=st.floats(0, 3 * DAY),
    ),
    max_size=8,
)


@given(_CHANGES, st.booleans(), st.lists(st.builds(Period, st.floats(0, NOW), st.floats(0, NOW)), max_size=3))
def test_whatever_is_known_a_row_is_a_day_long(changes: list[object], burns: bool, watched: list[Period]) -> None:
    whole, rows = ticks(changes, [BURNS if burns else CALM], watched, NOW)  # type: ignore[arg-type]  # a strategy's
    assert all(len(row.ticks) == COUNT for row in (whole, *rows))
    assert all(sum(count for _, _, count in row.runs) == COUNT for row in (whole, *rows))
    if burns and watched and any(each.began <= NOW <= each.ended for each in watched):
        assert whole.ticks[-1] is Tick.CRITICAL
