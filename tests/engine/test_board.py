"""What the board keeps of targets that come, change and go."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from probes import AnyProbe
from probes.contract import ConditionKind, Limits, Severity, Target, TargetKey, Unknown
from probes.contract.condition import Status
from tests.engine.toy import FIRE, PAGES, SMOKE, TOY, History, Rooms, target
from watcher.engine.board import Board, Look, TargetState
from watcher.engine.debounce import DebounceState, ProbeResult, debounce
from watcher.engine.restored import NOTHING_RESTORED, Restored
from watcher.text.exposition import escape

NOW = 1_790_000_000.0
FLOOD = ConditionKind(
    name="Flood", severity=Severity.WARNING, true_when="It floods.", all_clear="Dry.", needs=("memory_limit",)
)
CELLAR = replace(TOY, name="cellar", source="opa", conditions=(FLOOD,), metrics=())
OPA = replace(PAGES, name="opa", endpoint="opa")
BOTH = {"toy": Limits(), "cellar": Limits()}
OPA_URL = "http://127.0.0.1:1/opa"


def _target(pod: str = "pod-0", **parts: Any) -> Target:
    given: dict[str, Any] = {"limits": BOTH, "opa": OPA_URL, "memory_limit": 1 << 30}
    return target(pod, **given | parts)


def _board(*targets: Target, restored: Mapping[TargetKey, Restored] | None = None) -> Board:
    board = Board([TOY, CELLAR], [PAGES, OPA], lambda: NOW)
    board.set_intervals({"agent_metrics": 30.0, "opa": 60.0})
    _replace(board, *targets, restored=restored)
    return board


def _replace(board: Board, *targets: Target, restored: Mapping[TargetKey, Restored] | None = None) -> list[TargetState]:
    return asyncio.run(board.replace(targets, restored or {}))


def _result(probe: AnyProbe, at: float = NOW) -> ProbeResult:
    found = tuple(kind.true(kind.true_when, kind.reasons[0] if kind.reasons else "") for kind in probe.conditions)
    return ProbeResult(at, *debounce(found, {}, 1, NOW - 500), (), History(looks=7))


def _look(state: TargetState, source: str = "agent_metrics", at: float = NOW) -> None:
    """Everything is bad by this source."""
    state.looks = {**state.looks, source: Look(source, at, 0.01, Rooms())}
    toy, cellar = state.results
    state.post((_result(TOY, at), cellar) if source == "agent_metrics" else (toy, _result(CELLAR, at)))


def _statuses(state: TargetState) -> list[list[str] | None]:
    """By probe; none where it does not apply."""
    return [result and [each.status.value for each in result.verdicts.all] for result in state.results]


def _only(board: Board) -> TargetState:
    [state] = board.states.values()
    return state


def test_before_the_first_look_all_is_unknown_and_warming_up() -> None:
    state = _only(_board(_target()))
    assert _statuses(state) == [["unknown", "unknown"], ["unknown"]]
    for result in state.results:
        assert result is not None
        assert {each.reason for each in result.verdicts.all} == {Unknown.WARMING_UP}
        assert (result.at, set(result.since), result.bad, result.history) == (NOW, {NOW}, (), History())


@pytest.mark.parametrize("parts", [{"opa": None}, {"limits": {"toy": Limits(), "cellar": Limits(enabled=False)}}])
def test_a_probe_without_its_part_or_switched_off_has_no_result(parts: Mapping[str, Any]) -> None:
    assert _statuses(_only(_board(_target(**parts)))) == [["unknown", "unknown"], None]


def test_however_many_targets_there_are_each_has_a_row_in_their_order() -> None:
    targets = [_target(f"pod-{number}") for number in range(60)]
    board = _board(*targets)
    assert list(board.states) == [each.key for each in targets]
    assert [state for state, *_ in board.exported_states()] == list(board.states.values())


def test_looks_go_on_while_very_many_targets_are_replaced() -> None:
    async def main() -> int:
        board = Board([TOY, CELLAR], [PAGES, OPA], lambda: NOW)
        replacing = asyncio.create_task(board.replace([_target(f"pod-{number}") for number in range(3000)], {}))
        for turns in count():
            if replacing.done():
                return turns
            await asyncio.sleep(0)
        return 0

    assert asyncio.run(main()) > 3


def test_a_look_that_ends_while_others_are_replaced_is_not_lost() -> None:
    board = _board(_target("changes"))
    before = _only(board)

    async def main() -> None:
        many = [_target(f"pod-{number}") for number in range(3000)]
        replacing = asyncio.create_task(board.replace([_target("changes", node="n-1"), *many], {}))
        await asyncio.sleep(0)
        assert not replacing.done()
        _look(before)
        await replacing

    asyncio.run(main())
    after = board.states[before.target.key]
    assert after is not before
    assert _statuses(after) == [["true", "true"], ["unknown"]]


def test_however_many_looks_end_while_targets_change_none_is_lost() -> None:
    board = _board(*(_target(f"pod-{number}") for number in range(200)))
    before = list(board.states.values())

    async def main() -> list[int]:
        changed = [_target(f"pod-{number}", node="n-1") for number in range(200)]
        others = [_target(f"other-{number}") for number in range(3000)]
        replacing = asyncio.create_task(board.replace([*changed, *others], {}))
        for _ in range(25):  # slices of a millisecond, in which the new states of all 200 are made
            await asyncio.sleep(0)
        assert not replacing.done()
        for state in before:
            _look(state)
        return [len(await replacing), sum(each.removed for each in before)]

    assert asyncio.run(main()) == [3200, 200]
    assert {str(_statuses(board.states[each.target.key])) for each in before} == {"[['true', 'true'], ['unknown']]"}


def test_of_the_same_targets_nothing_is_new() -> None:
    same, equal = _target("pod-0"), _target("pod-1")
    board = _board(same, equal)
    before = list(board.states.values())
    assert _replace(board, same, replace(equal)) == []
    assert [new is old for new, old in zip(board.states.values(), before, strict=True)] == [True, True]
    assert not any(state.removed for state in before)


def test_rows_that_are_new_or_changed_are_told_and_the_old_ones_are_gone() -> None:
    board = _board(_target("stays"), _target("changes"), _target("leaves"))
    stays, changes, leaves = board.states.values()
    fresh = _replace(board, _target("stays"), _target("changes", node="n-1"), _target("comes"))
    assert [state.target.key.pod for state in fresh] == ["changes", "comes"]
    assert [state.removed for state in (stays, changes, leaves)] == [False, True, True]
    assert board.states[stays.target.key] is stays
    assert board.states[changes.target.key].target.node == "n-1"
    assert leaves.target.key not in board.states


def test_what_may_have_changed_is_noted_only_for_somebody_who_asks() -> None:
    board = _board(_target("changes"), _target("stays"), _target("leaves"))
    board.touch(_target("stays").key)
    assert board.touched is None
    board.touched = set()
    _replace(board, _target("changes", node="n-1"), _target("stays"))
    assert board.touched == {_target("changes").key, _target("leaves").key}
    board.touch(_target("stays").key)
    assert _target("stays").key in board.touched


KEPT = ["true", "true"]


@pytest.mark.parametrize(
    ("parts", "statuses"),
    [
        ({"limits": {**BOTH, "toy": Limits(failures=3)}}, [KEPT, ["true"]]),
        ({"metrics": "http://127.0.0.1:2/metrics"}, [["unknown", "unknown"], ["true"]]),
        ({"opa": "http://127.0.0.1:2/opa"}, [KEPT, ["unknown"]]),
        ({"opa": None}, [KEPT, None]),
        ({"memory_limit": None}, [KEPT, []]),
        ({"memory_limit": 2 << 30}, [KEPT, ["true"]]),
        ({"limits": {**BOTH, "toy": Limits(enabled=False)}}, [None, ["true"]]),
    ],
)
def test_of_a_target_that_changed_what_is_not_concerned_holds_on(
    parts: Mapping[str, Any], statuses: list[list[str] | None]
) -> None:
    board = _board(_target())
    _look(_only(board))
    _look(_only(board), "opa")
    _replace(board, _target(**parts))
    assert _statuses(_only(board)) == statuses


def test_only_where_something_answered_at_this_address_it_is_known_as_reached() -> None:
    metrics = "http://127.0.0.1:1/metrics"
    restored = Restored(reached={"metrics": metrics, "opa": "http://127.0.0.1:9/opa"})
    state = _only(_board(_target(), restored={_target().key: restored}))
    assert state.reached == {"metrics"}
    state.reach("opa")
    assert state.reached == {"metrics", "opa"}


def test_a_snapshot_is_what_looks_found_and_else_what_was_restored() -> None:
    standing = DebounceState(Status.TRUE, NOW - 900, 3)
    restored = Restored(
        debounce_states={"toy": {("Fire", ""): standing}, "cellar": {("Flood", ""): standing}},
        history={"toy": History(1), "cellar": History(2)},
    )
    board = _board(_target(), restored={_target().key: restored})
    state = _only(board)
    assert board.snapshot(state) == restored
    _look(state, "opa")
    state.reach("opa")
    after = board.snapshot(state)
    assert after.history == {"toy": History(1), "cellar": History(7)}
    assert after.debounce_states["toy"] == restored.debounce_states["toy"]
    assert after.debounce_states["cellar"] == {("Flood", ""): DebounceState(Status.TRUE, NOW - 500, 1)}
    assert after.reached == {"opa": OPA_URL}


def test_a_snapshot_before_the_first_look_has_nothing_to_remember() -> None:
    board = _board(_target())
    assert board.snapshot(_only(board)) == NOTHING_RESTORED
    _only(board).restored = None
    assert board.snapshot(_only(board)) == NOTHING_RESTORED


def test_a_target_that_changed_is_restored_from_its_row_and_not_from_the_file() -> None:
    board = _board(_target())
    _look(_only(board))
    _only(board).restored = None
    stale_file = Restored(history={"toy": History(99)})
    _replace(board, _target(metrics="http://127.0.0.1:2/metrics"), restored={_target().key: stale_file})
    restored = _only(board).restored
    assert restored is not None
    assert restored.of(["toy"]).history == {"toy": History(7)}


@pytest.mark.parametrize(("age", "stale"), [(0.0, False), (90.0, False), (90.5, True)])
def test_a_look_says_nothing_any_more_after_three_intervals(age: float, *, stale: bool) -> None:
    board = _board(_target())
    _look(_only(board), at=NOW - age)
    told = [each for each in board.conditions(_only(board)) if each.probe == "toy"]
    assert {each.verdict.reason for each in told} == ({Unknown.STALE} if stale else {"Fire", "White"})
    assert {each.since for each in told} == {NOW - age + 90.0 if stale else NOW - 500}


def test_each_probe_grows_stale_by_the_interval_of_its_own_source() -> None:
    assert _board().oldest(NOW) == (NOW - 90.0, NOW - 180.0)


def test_nothing_is_stale_before_intervals_are_known() -> None:
    board = Board([TOY], [PAGES], lambda: NOW)
    _replace(board, target())
    _only(board).post((_result(TOY, at=0.0),))
    assert {each.verdict.status for each in board.conditions(_only(board))} == {Status.TRUE}


def test_conditions_are_told_trouble_first_and_then_what_is_not_known() -> None:
    board = _board(_target())
    found = (FIRE.false(), SMOKE.true("It smokes.", "Black", "hall"))
    _only(board).post((ProbeResult(NOW, *debounce(found, {}, 1, NOW), (), History()), _only(board).results[1]))
    told = [(each.probe, each.verdict.kind.name, each.verdict.status) for each in board.conditions(_only(board))]
    assert told == [("toy", "Smoke", "true"), ("cellar", "Flood", "unknown"), ("toy", "Fire", "false")]


def test_labels_are_written_so_that_nobody_reads_them_otherwise() -> None:
    assert escape('a\\b"c\nd') == 'a\\\\b\\"c\\nd'
    state = _only(_board(target("p\n0", 'a"b', "n\\s", limits=BOTH)))
    assert state.labels == 'namespace="n\\\\s",agent="a\\"b",pod="p\\n0"'


WHY = "The size of its pools could not be discovered: its ConfigMap cannot be read: 403."


def test_a_condition_whose_fact_could_not_be_learnt_is_unknown_and_not_left_out() -> None:
    state = _only(_board(_target(memory_limit=None, unlearnt={"memory_limit": WHY})))
    (told,) = state.results[1].verdicts.all if state.results[1] else ()
    assert (told.kind, told.status, told.reason, told.text) == (FLOOD, Status.UNKNOWN, Unknown.FACT_UNKNOWN, WHY)
    assert _statuses(_only(_board(_target(memory_limit=None)))) == [["unknown", "unknown"], []]


def test_a_source_whose_place_could_not_be_learnt_is_not_looked_at_and_never_stale() -> None:
    board = _board(_target(opa=None, unlearnt={"opa": WHY}))
    state = _only(board)
    assert _statuses(state) == [["unknown", "unknown"], ["unknown"]]
    cellar = state.results[1]
    assert cellar is not None
    assert not cellar.rests_on_looks
    told = {each.verdict.reason for each in board.conditions(state) if each.probe == "cellar"}
    assert told == {Unknown.FACT_UNKNOWN}
    fresh = {index: verdicts for index, _, verdicts in board.fresh(state.results, board.oldest(NOW + 1e9))}
    assert [each.reason for each in fresh[1].all] == [Unknown.FACT_UNKNOWN]


def test_to_ignore_what_is_absent_takes_a_fact_that_is_unknown_away() -> None:
    ignored = {"toy": Limits(), "cellar": Limits(when_absent="ignore")}
    for field in ("opa", "memory_limit"):
        lacking: dict[str, Any] = {field: None, "unlearnt": {field: WHY}}
        assert not _statuses(_only(_board(_target(limits=ignored, **lacking))))[1]


def test_a_fact_that_is_learnt_ends_the_unknown_and_begins_a_look() -> None:
    board = _board(_target(opa=None, unlearnt={"opa": WHY}))
    _replace(board, _target())
    cellar = _only(board).results[1]
    assert cellar is not None
    assert cellar.rests_on_looks
    assert {each.reason for each in cellar.verdicts.all} == {Unknown.WARMING_UP}


@pytest.mark.parametrize("learnt", [True, False])
def test_a_fact_that_is_learnt_or_lost_costs_no_result_of_a_probe_that_does_not_need_it(learnt: bool) -> None:
    known = _target(pool_capacity=5)
    lost = _target(pool_capacity=None, unlearnt={"pool_capacity": WHY, "spiffe_ids": WHY})
    board = _board(lost if learnt else known)
    _look(_only(board))
    _look(_only(board), "opa")
    _replace(board, known if learnt else lost)
    assert _statuses(_only(board)) == [["true", "true"], ["true"]]


def test_a_fact_that_is_lost_makes_a_probe_that_needs_it_begin_anew() -> None:
    board = _board(_target())
    _look(_only(board), "opa")
    _replace(board, _target(memory_limit=None, unlearnt={"memory_limit": WHY}))
    cellar = _only(board).results[1]
    assert cellar is not None
    assert [(each.status, each.reason) for each in cellar.verdicts.all] == [(Status.UNKNOWN, Unknown.FACT_UNKNOWN)]


def test_a_name_that_is_corrected_takes_the_state_along_and_leaves_nothing_behind() -> None:
    board = _board(_target(agent="provisional"))
    old = _only(board)
    old.reach("metrics")
    _look(old)
    [new] = _replace(board, _target(agent="search", formerly="provisional"))
    assert list(board.states) == [("prod", "search", "pod-0")]
    assert old.removed
    assert _statuses(new)[0] == ["true", "true"]
    assert new.reached == {"metrics"}
    assert new.restored is not None
    assert new.restored.of(["toy"]).history["toy"] == History(looks=7)


def test_what_the_last_process_knew_by_the_provisional_name_is_known_by_the_right_one() -> None:
    kept = Restored(history={"toy": History(looks=3)})
    key = TargetKey("prod", "provisional", "pod-0")
    state = _only(_board(_target(formerly="provisional"), restored={key: kept}))
    assert state.restored is kept
