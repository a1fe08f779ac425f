"""What is a turn, and what is none? Told by the results before and after alone."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract import Unknown, Verdict
from probes.contract.condition import Status
from tests.engine.toy import FIRE, SMOKE, History
from watcher.changes.comparison import Held, as_gone, observed, settled, standing_before, turns
from watcher.engine.debounce import DebounceState, ProbeResult, debounce, share

LONG_AGO, NOW = 1000.0, 9000.0
CALM, BURNS, FAILED = FIRE.false(), FIRE.true("It burns."), FIRE.unknown(Unknown.SOURCE_FAILED)
LEARNS = FIRE.unknown(Unknown.WARMING_UP)
Told = tuple[str, str, str, str, float]


def _result(*found: Verdict, since: float = LONG_AGO, bad: Sequence[int] = ()) -> ProbeResult:
    return ProbeResult(since, share(found), (since,) * len(found), tuple(bad), (), History())


def _turned(before: Sequence[Verdict], after: Sequence[Verdict], *, learnt_until: float = 0.0) -> list[Told]:
    was, now = standing_before(_result(*before)), standing_before(_result(*after, since=NOW))
    found = turns(was, now, learnt_until, NOW)
    return [(*each.place, each.before.status.value, as_gone(each), each.at - each.before.since) for each in found]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (CALM, BURNS, ("Fire", "", "false", "true", 8000.0)),
        (BURNS, CALM, ("Fire", "", "true", "false", 8000.0)),
        (CALM, FAILED, ("Fire", "", "false", "unknown", 8000.0)),
        (FAILED, CALM, ("Fire", "", "unknown", "false", 8000.0)),
        (CALM, LEARNS, ("Fire", "", "false", "unknown", 8000.0)),
        (LEARNS, CALM, ("Fire", "", "unknown", "false", 8000.0)),
        (LEARNS, BURNS, ("Fire", "", "unknown", "true", 8000.0)),
        (LEARNS, FAILED, None),
        (BURNS, FIRE.true("It burns more."), None),
    ],
)
def test_a_condition_turned_if_its_status_is_another_one(before: Verdict, after: Verdict, told: Told | None) -> None:
    assert _turned([before], [after]) == ([told] if told else [])


def test_that_a_condition_was_learnt_for_the_first_time_is_no_turn() -> None:
    assert _turned([LEARNS], [CALM], learnt_until=LONG_AGO) == []
    assert _turned([LEARNS], [BURNS], learnt_until=LONG_AGO) == [("Fire", "", "unknown", "true", 8000.0)]
    assert _turned([FAILED], [CALM], learnt_until=LONG_AGO) == [("Fire", "", "unknown", "false", 8000.0)]


def test_of_what_is_seen_for_the_first_time_only_trouble_is_told() -> None:
    assert _turned([], [CALM, SMOKE.false("hall")]) == []
    assert _turned([], [FAILED]) == []
    assert _turned([], [BURNS, SMOKE.true("It smokes.", "White", "hall")]) == [
        ("Fire", "", "unknown", "true", 0.0),
        ("Smoke", "hall", "unknown", "true", 0.0),
    ]


def test_what_was_failing_and_is_there_no_more_is_gone_and_of_the_rest_nothing_is_told() -> None:
    before = [BURNS, SMOKE.true("It smokes.", "White", "hall"), SMOKE.false("attic")]
    assert _turned(before, []) == [("Fire", "", "true", "gone", 8000.0), ("Smoke", "hall", "true", "gone", 8000.0)]


def test_rooms_that_a_failed_look_does_not_list_turn_unknown_if_they_were_failing_or_else_all_as_one() -> None:
    whole = SMOKE.unknown(Unknown.SOURCE_FAILED)
    smokes, calm = SMOKE.true("It smokes.", "White", "hall"), SMOKE.false("attic")
    assert _turned([smokes, calm], [whole]) == [("Smoke", "hall", "true", "unknown", 8000.0)]
    assert _turned([calm, SMOKE.false("cellar")], [whole]) == [("Smoke", "", "false", "unknown", 8000.0)]
    assert _turned([whole], [smokes, calm]) == [("Smoke", "hall", "unknown", "true", 8000.0)]
    assert _turned([whole], [calm, SMOKE.false("cellar")]) == [("Smoke", "", "unknown", "false", 8000.0)]


def test_a_fault_that_is_being_observed_is_told_when_it_is_decided() -> None:
    calm = _result(CALM)
    first = debounce((BURNS,), calm, 2, 2000.0)
    seen_once = ProbeResult(2000.0, *first, (), History())
    second = debounce((BURNS,), seen_once, 2, 3000.0)
    was, observing = standing_before(calm), standing_before(seen_once)
    assert list(turns(was, observing, 0.0, 2000.0)) == []
    kept = observed(was, observing)
    now = standing_before(ProbeResult(3000.0, *second, (), History()))
    [turn] = turns(settled(observing, kept), now, 0.0, 3000.0)
    assert (turn.before.status, turn.before.since, as_gone(turn), turn.at) == (Status.FALSE, LONG_AGO, "true", 3000.0)
    assert list(turns(settled(observing, kept), was, 0.0, 3000.0)) == []


def test_what_another_process_left_is_what_held_before() -> None:
    smoke = {("Smoke", "hall"): DebounceState(Status.FALSE, 5.0, 0)}
    left = {("Fire", ""): DebounceState(Status.TRUE, LONG_AGO, 0), **smoke}
    now = standing_before(_result(CALM, SMOKE.false("hall"), since=NOW))
    [turn] = turns(standing_before(left), now, NOW, NOW)
    assert (turn.place, turn.before.status, turn.at - turn.before.since) == (("Fire", ""), Status.TRUE, 8000.0)


_STATUSES = st.sampled_from([CALM, BURNS, FAILED, LEARNS])
_ROOMS = st.lists(
    st.tuples(st.sampled_from(["", "hall", "attic"]), st.sampled_from(["true", "false", "unknown"])),
    unique_by=lambda room: room[0],
    max_size=3,
)


def _rooms(rooms: Sequence[tuple[str, str]]) -> list[Verdict]:
    return [_room(room, status) for room, status in rooms]


def _room(room: str, status: str) -> Verdict:
    if status == "unknown":
        return SMOKE.unknown(Unknown.MALFORMED, subject=room)
    return SMOKE.true("It smokes.", "White", room) if status == "true" else SMOKE.false(room)


@given(_STATUSES, _STATUSES, _ROOMS, _ROOMS)
def test_whoever_follows_the_turns_knows_of_all_trouble(
    before: Verdict, after: Verdict, rooms: Sequence[tuple[str, str]], rooms_after: Sequence[tuple[str, str]]
) -> None:
    was = standing_before(_result(before, *_rooms(rooms)))
    now = standing_before(_result(after, *_rooms(rooms_after), since=NOW))
    failing = {place for place, held in was.items() if held.status is Status.TRUE}
    for turn in turns(was, now, 0.0, NOW):
        assert as_gone(turn) != turn.before.status.value
        assert turn.at >= turn.before.since
        failing = failing | {turn.place} if as_gone(turn) == "true" else failing - {turn.place}
    assert failing == {place for place, held in now.items() if held.status is Status.TRUE}


def test_nothing_turns_where_nothing_changed() -> None:
    same = {("Fire", ""): Held(Status.TRUE, LONG_AGO, "Fire"), ("Smoke", "x"): Held(Status.UNKNOWN, LONG_AGO, "Stale")}
    assert list(turns(same, same, NOW, NOW)) == []
