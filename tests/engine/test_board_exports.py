"""Of a target with very many subjects fifty are exported: those in trouble first."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract import Limits, Sample, Unknown, Verdict
from probes.contract.condition import Status
from tests.engine.toy import FANNED, FIRE, HEAT, PAGES, SMOKE, TOY, History, target
from watcher.engine.board import Board, TargetState
from watcher.engine.debounce import ProbeResult, share
from watcher.engine.exported.subjects import EXPORTED_SUBJECTS

NOW = 1_790_000_000.0
FOG = replace(SMOKE, name="Fog")
NEXT_DOOR = replace(TOY, name="next_door")


def _state() -> TargetState:
    board = Board([TOY, NEXT_DOOR], [PAGES], lambda: NOW)
    asyncio.run(board.replace([target(limits={"toy": Limits(), "next_door": Limits()})], {}))
    [state] = board.states.values()
    return state


def _result(verdicts: Sequence[Verdict] = (), samples: Sequence[Sample] = ()) -> ProbeResult:
    since = tuple(NOW - place for place in range(len(verdicts)))
    return ProbeResult(NOW, share(tuple(verdicts)), since, (1,) * len(verdicts), tuple(samples), History())


def _rooms(count: int, name: str = "room") -> list[str]:
    return [f"{name}-{number}" for number in range(count)]


def _well(count: int, name: str = "room") -> list[Verdict]:
    return [SMOKE.false(room) for room in _rooms(count, name)]


def _heat(count: int, name: str = "room") -> list[Sample]:
    return [Sample(HEAT, 20.0, (room,)) for room in _rooms(count, name)]


def _exported(state: TargetState) -> list[set[str]]:
    """The subjects by probe; of no other is a value exported."""
    subjects = []
    for result in filter(None, state.exported):
        told = {each.subject for each in result.verdicts.all if each.subject}
        subjects.append(told | {each.labels[0] for each in result.samples if each.labels})
    return subjects


@pytest.mark.parametrize(("first", "second"), [(50, 0), (30, 20), (0, 50)])
def test_fifty_subjects_of_all_probes_together_are_exported_as_they_are(first: int, second: int) -> None:
    state, results = _state(), (_result(_well(first), _heat(first)), _result(_well(second), _heat(second)))
    state.post(results)
    assert state.exported is results
    assert state.dropped == 0


@pytest.mark.parametrize(("first", "second", "dropped"), [(51, 0, 1), (31, 20, 1), (0, 80, 30), (60, 60, 70)])
def test_of_more_the_rest_is_counted(first: int, second: int, dropped: int) -> None:
    state = _state()
    state.post((_result(_well(first), _heat(first)), _result(_well(second), _heat(second))))
    assert state.dropped == dropped
    assert sum(map(len, _exported(state))) == EXPORTED_SUBJECTS
    assert state.results[0] is not state.exported[0] or not first


def test_the_same_name_of_another_probe_is_another_subject() -> None:
    state = _state()
    state.post((_result(_well(30)), _result(_well(30))))
    assert (list(map(len, _exported(state))), state.dropped) == ([30, 20], 10)


def test_a_probe_that_does_not_apply_exports_nothing_and_costs_nothing() -> None:
    state = _state()
    state.post((None, _result(_well(60))))
    assert state.exported[0] is None
    assert (len(_exported(state)[0]), state.dropped) == (50, 10)


def test_trouble_comes_first_and_then_what_is_not_known() -> None:
    state = _state()
    burning = [SMOKE.true("It smokes.", "Black", room) for room in _rooms(20, "bad")]
    dark = [SMOKE.unknown(Unknown.MALFORMED, "What?", room) for room in _rooms(20, "dark")]
    state.post((_result([*_well(40), *dark]), _result(burning)))
    first, second = _exported(state)
    assert first == {*_rooms(20, "dark"), *_rooms(10)}
    assert second == set(_rooms(20, "bad"))


@pytest.mark.parametrize("places", [slice(None), slice(None, None, -1)])
def test_a_subject_counts_by_the_worst_that_is_said_of_it(places: slice) -> None:
    both = [SMOKE.true("It smokes.", "Black", "hall"), SMOKE.false("hall")]
    state = _state()
    state.post((_result([*_well(60), *both[places]], [Sample(HEAT, 70.0, ("hall",))]), None))
    assert "hall" in _exported(state)[0]
    assert state.dropped == 11


def test_a_subject_that_has_values_only_counts_as_well() -> None:
    state = _state()
    state.post((_result([SMOKE.true("It smokes.", "Black", "hall")], _heat(60)), None))
    assert _exported(state)[0] == {"hall", *_rooms(49)}
    assert state.dropped == 11


def test_what_has_no_subject_is_exported_in_any_case() -> None:
    state = _state()
    state.post((_result([FIRE.false(), *_well(60)], [Sample(FANNED, 3.0), *_heat(60)]), None))
    result = state.exported[0]
    assert result is not None
    assert result.verdicts.all[0] == FIRE.false()
    assert result.samples[0] == Sample(FANNED, 3.0)
    assert (len(result.verdicts.all), len(result.samples), state.dropped) == (51, 51, 10)


def test_many_values_without_a_subject_leave_nothing_out() -> None:
    state, results = _state(), (_result(_well(30), [Sample(FANNED, 1.0)] * 30), None)
    state.post(results)
    assert (state.exported, state.dropped) == (results, 0)


_FOUND = st.lists(st.sampled_from([Status.TRUE, Status.FALSE, Status.UNKNOWN]), max_size=90)


def _verdict(status: Status, room: str) -> Verdict:
    match status:
        case Status.TRUE:
            return SMOKE.true("It smokes.", "Black", room)
        case Status.FALSE:
            return SMOKE.false(room)
    return SMOKE.unknown(Unknown.MALFORMED, subject=room)


@given(_FOUND)
def test_nothing_left_out_is_worse_than_what_is_exported(found: list[Status]) -> None:
    state, verdicts = _state(), [_verdict(status, f"room-{place}") for place, status in enumerate(found)]
    state.post((_result(verdicts), None))
    result = state.exported[0]
    assert result is not None
    kept = result.verdicts.all
    left_out = [each for each in verdicts if each not in kept]
    assert (len(kept), state.dropped) == (min(len(found), EXPORTED_SUBJECTS), len(left_out))
    assert max((each.status.rank for each in kept), default=0) <= min(
        (each.status.rank for each in left_out), default=9
    )
    assert [NOW - verdicts.index(each) for each in kept] == list(result.since), "since stays beside its verdict"


def test_a_subject_stands_as_bad_as_the_worst_that_is_said_of_it() -> None:
    state = _state()
    rooms, others = _rooms(60), [SMOKE.unknown(Unknown.MALFORMED, "What?", room) for room in _rooms(45, "other")]
    dark = [FOG.unknown(Unknown.MALFORMED, "What?", room) for room in rooms[50:]]
    state.post((_result([*_well(60), *dark], _heat(60)), _result(others)))
    assert _exported(state) == [{*rooms[50:]}, {*_rooms(40, "other")}]
