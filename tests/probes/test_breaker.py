"""Circuit breakers over time."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from probes.breaker import PROBE
from probes.breaker.transitions import BREAKER_STATE, BreakerHistory, BreakerLimits
from probes.contract import Fault
from probes.contract.condition import Status
from probes.contract.signal import REQUESTS
from probes.history.process import PROCESS
from tests.probes.breakers import FLAPPING, OPEN, Engine, page


def test_a_breaker_seen_to_open_is_true_once_it_was_not_closed_for_long_enough() -> None:
    watch = Engine()
    states = ((0, 0), (30, 1), (60, 1), (89, 1), (90, 1), (120, 0), (150, 1))
    assert [watch.sees(at, state) for at, state in states] == [
        "false",
        "false",
        "false",
        "false",
        "Open",
        "false",
        "false",
    ]


def test_a_breaker_that_was_open_at_the_first_look_is_unknown_until_it_was_seen_open_for_long_enough() -> None:
    watch = Engine()
    assert [watch.sees(at, 1) for at in (0, 30, 59, 60)] == ["WarmingUp", "WarmingUp", "WarmingUp", "Open"]


def test_a_single_check_cannot_show_for_how_long_a_breaker_is_open() -> None:
    assert Engine(once=True).sees(0, 1) == "NotHeldYet"
    assert Engine(once=True).sees(0, 0) == "false"


def test_half_open_in_between_does_not_reset_it() -> None:
    watch = Engine()
    states = ((0, 0), (30, 1), (60, 2), (90, 2), (120, 1), (150, 2))
    assert [watch.sees(at, state) for at, state in states] == [
        "false",
        "false",
        "false",
        "HalfOpen",
        "Open",
        "HalfOpen",
    ]


def test_a_breaker_that_begins_half_open_counts_from_there() -> None:
    watch = Engine()
    assert [watch.sees(at, state) for at, state in ((0, 0), (30, 2), (90, 2))] == ["false", "false", "HalfOpen"]


def test_open_while_the_agent_handles_no_requests_is_idle() -> None:
    watch = Engine()
    counter = ((0, 5), (30, 5), (60, 5), (90, 6), (120, 6), (150, 6))
    assert [watch.sees(at, 1, requests) for at, requests in counter] == [
        "WarmingUp",
        "WarmingUp",
        "OpenIdle",
        "Open",
        "Open",
        "OpenIdle",
    ]


def test_without_a_request_counter_nothing_is_said_of_idleness() -> None:
    watch = Engine()
    assert [watch.look(at, page({"a": 1}))[OPEN, "a"] for at in (0, 30, 60)][-1] == "Open"


AT_ONCE = BreakerLimits.model_validate({"open_for": "0s"})


def test_the_first_look_alone_is_never_idle() -> None:
    assert Engine(limits=AT_ONCE).sees(0, 1, 5) == "Open"


def test_without_patience_one_second_without_a_request_is_idle() -> None:
    watch = Engine(limits=AT_ONCE)
    assert [watch.sees(at, 1, 5) for at in (0, 1)] == ["Open", "OpenIdle"]


def test_without_patience_and_a_request_counter_nothing_is_idle() -> None:
    assert Engine(limits=AT_ONCE).look(0, page({"a": 1}))[OPEN, "a"] == "Open"


def test_one_breaker_that_is_not_closed_is_enough_to_count_requests() -> None:
    watch = Engine()
    told = [watch.look(at, page({"a": 1, "b": 0}, requests=5))[OPEN, "a"] for at in (0, 30, 60)]
    assert told[-1] == "OpenIdle"


def test_a_new_process_begins_with_closed_breakers() -> None:
    watch = Engine()
    watch.sees(0, 1, started=1)
    assert watch.sees(90, 1, started=1) == "Open"
    assert [watch.sees(at, 1, at - 100, started=100) for at in (120, 150, 180)] == ["false", "false", "Open"]


def test_replicas_that_answer_in_turn_are_no_new_processes() -> None:
    watch = Engine()
    assert [watch.sees(at, 1, started=100 + at % 60) for at in (0, 30, 60, 90, 120)][-1] == "Open"


def test_a_boot_time_that_wavers_is_no_new_process() -> None:
    watch = Engine()
    assert [watch.sees(at, 1, started=100 + at % 60 / 30) for at in (0, 30, 60)][-1] == "Open"


def test_a_callee_that_appears_open_has_opened_since_the_look_before() -> None:
    watch = Engine()
    watch.look(0, page({"b": 0}))
    assert [watch.look(at, page({"b": 0, "a": 1}))[OPEN, "a"] for at in (30, 60, 90)] == ["false", "false", "Open"]


def test_a_callee_that_vanishes_is_left_out_and_begins_anew() -> None:
    watch = Engine()
    watch.look(0, page({"a": 1, "b": 0}))
    assert (OPEN, "a") not in watch.look(30, page({"b": 0}))
    assert watch.look(90, page({"a": 1, "b": 0}))[OPEN, "a"] == "false"


@pytest.mark.parametrize(
    ("interval", "pause", "told"),
    [
        (30, 600, "Open"),
        (30, 900, "Open"),
        (30, 900.5, "WarmingUp"),
        (30, 3600, "WarmingUp"),
        (600, 1800, "Open"),
        (600, 1801, "WarmingUp"),
    ],
)
def test_an_open_breaker_stays_so_over_a_restart_of_the_watcher_but_not_over_hours(
    interval: float, pause: float, told: str
) -> None:
    watch = Engine(interval=interval)
    watch.sees(0, 1)
    assert watch.sees(pause, 1) == told


@pytest.mark.parametrize("state", [3, "NaN", -1, 0.5])
def test_a_state_that_is_none_is_malformed_for_its_callee_and_forgets_nothing(state: float | str) -> None:
    watch = Engine()
    watch.look(0, page({"a": 1, "b": 0}))
    told = watch.look(30, page({"a": state, "b": 0}))
    assert told == {
        (OPEN, "a"): "Malformed",
        (FLAPPING, "a"): "Malformed",
        (OPEN, "b"): "false",
        (FLAPPING, "b"): "WarmingUp",
    }
    assert watch.look(60, page({"a": 1, "b": 0}))[OPEN, "a"] == "Open"


def test_more_callees_than_are_judged_are_malformed_without_a_subject() -> None:
    told = Engine().look(0, page({f"c{n}": 0 for n in range(1001)}))
    assert told == {(OPEN, ""): "Malformed", (FLAPPING, ""): "Malformed"}


def test_an_absent_family_is_unknown_or_not_applicable_as_the_operator_says() -> None:
    assert Engine().look(0, page({})) == {(OPEN, ""): "SignalAbsent", (FLAPPING, ""): "SignalAbsent"}
    assert Engine(limits=BreakerLimits(when_absent="ignore")).look(0, page({})) == {}


def test_a_failed_look_says_nothing_and_forgets_nothing() -> None:
    watch = Engine()
    watch.sees(0, 1)
    failed = replace(page({}), fault=Fault.STALLED, error="x")
    assert watch.look(30, failed) == {(OPEN, ""): "SourceFailed", (FLAPPING, ""): "SourceFailed"}
    assert watch.sees(60, 1) == "Open"


def test_a_fleet_without_breakers_shares_its_verdicts() -> None:
    one, other = Engine(), Engine()
    one.look(0, page({}))
    other.look(0, page({}))
    assert one.last is not None
    assert other.last is not None
    assert all(mine is theirs for mine, theirs in zip(one.last.verdicts, other.last.verdicts, strict=True))


def test_the_history_survives_the_state_file_but_for_its_counters() -> None:
    watch = Engine()
    for at, state in ((0, 0), (30, 1), (60, 2)):
        watch.sees(at, state)
    adapter = TypeAdapter(BreakerHistory)
    restored = adapter.validate_json(adapter.dump_json(watch.history))
    assert restored == replace(watch.history, callees={"a": replace(watch.history.callees["a"], to=(0, 0, 0))})
    watch.history = restored
    assert watch.sees(90, 1) == "Open"


def test_states_process_and_requests_are_asked_for() -> None:
    assert PROBE.wants(BreakerLimits()) == (BREAKER_STATE, *PROCESS, REQUESTS)


@pytest.mark.parametrize("row", [{"flapping_transitions": 1}, {"flapping_transitions": 100}, {"flapping_window": "1s"}])
def test_limits_that_can_be_held_are_taken(row: dict[str, object]) -> None:
    assert BreakerLimits.model_validate(row).model_fields_set == row.keys()


@pytest.mark.parametrize(
    "row", [{"flapping_transitions": 0}, {"flapping_transitions": 101}, {"flapping_window": "0s"}, {"open_for": "-1s"}]
)
def test_limits_that_nothing_could_meet_are_refused(row: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BreakerLimits.model_validate(row)


@given(
    st.lists(
        st.tuples(
            st.floats(0.1, 2000),
            st.dictionaries(st.sampled_from("abc"), st.sampled_from([0, 1, 2, 7, "NaN"]), max_size=3),
            st.one_of(st.none(), st.integers(0, 3)),
            st.one_of(st.none(), st.integers(1, 3)),
        ),
        max_size=12,
    ),
)
def test_whatever_a_page_says_each_callee_has_each_verdict_once(
    looks: list[tuple[float, dict[str, float | str], int | None, int | None]],
) -> None:
    watch, at = Engine(), 0.0
    for pause, states, requests, started in looks:
        at += pause
        told = watch.look(at, page(states, requests, None if started is None else started * 100))
        assert watch.last is not None
        assert len(told) == len(watch.last.verdicts)
        assert {subject for _, subject in told} == (set(states) or {""})
        closed = [name for name, state in states.items() if state == 0]
        assert all(told[OPEN, name] == "false" for name in closed)
        assert all(
            each.status is not Status.FALSE for each in watch.last.verdicts if states.get(each.subject) in (7, "NaN")
        )
        assert len(watch.history.callees) <= 3
