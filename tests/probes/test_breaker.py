"""Circuit breakers over time."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from probes.breaker import PROBE
from probes.breaker.transitions import BREAKER_STATE, BreakerHistory, BreakerLimits
from probes.contract import Evaluation, EvaluationContext, Fault, Status, Target, TargetKey
from probes.contract.signal import REQUESTS, START_TIME
from probes.readings.metrics_page import MetricsPage
from tests.servers.metrics_pages import page_of

T0 = 1_795_424_400.0
TARGET = Target(key=TargetKey("prod", "search", "search-0"), metrics="http://127.0.0.1:1/metrics")
OPEN, FLAPPING = "CircuitBreakerOpen", "CircuitBreakerFlapping"

Told = dict[tuple[str, str], str]


def page(states: Mapping[str, float | str], requests: float | None = None, started: float | None = 1) -> MetricsPage:
    lines = ["first 1"]
    lines += [f'agentweave_circuit_breaker_state{{callee="{name}"}} {state}' for name, state in states.items()]
    lines += [] if requests is None else [f"agentweave_requests_total {requests}"]
    lines += [] if started is None else [f"process_start_time_seconds {started}"]
    return page_of("\n".join(lines), BREAKER_STATE, START_TIME, REQUESTS)


@dataclass
class Engine:
    """Judges page after page."""

    limits: BreakerLimits = field(default_factory=BreakerLimits)
    interval: float = 30.0
    once: bool = False
    history: BreakerHistory = field(default_factory=BreakerHistory)
    last: Evaluation[BreakerHistory] | None = None

    def look(self, at: float, page: MetricsPage) -> Told:
        context = EvaluationContext(
            target=TARGET, limits=self.limits, now=T0 + at, interval=self.interval, endpoint="metrics", once=self.once
        )
        self.last = PROBE.judge(page, self.history, context)
        self.history = self.last.history
        return {(each.kind.name, each.subject): each.reason or each.status.value for each in self.last.verdicts}

    def sees(self, at: float, state: float | str, requests: float | None = None, started: float | None = 1) -> str:
        """The verdict on one callee that is in this state; by default the agent handles requests all the time."""
        return self.look(at, page({"a": state}, at if requests is None else requests, started))[OPEN, "a"]

    def samples(self) -> dict[str, float]:
        assert self.last is not None
        return {
            " ".join((each.metric.name.removeprefix("circuit_breaker_"), *each.labels)): each.value
            for each in self.last.samples
        }


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


def test_the_first_look_alone_is_never_idle() -> None:
    assert Engine(limits=BreakerLimits.model_validate({"open_for": "0s"})).sees(0, 1, 5) == "Open"


def test_a_new_process_begins_with_closed_breakers() -> None:
    watch = Engine()
    watch.sees(0, 1, started=1)
    assert watch.sees(90, 1, started=1) == "Open"
    assert [watch.sees(at, 1, started=100) for at in (120, 150, 180)] == ["false", "false", "Open"]


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


@pytest.mark.parametrize(("pause", "told"), [(600, "Open"), (3600, "WarmingUp")])
def test_an_open_breaker_stays_so_over_a_restart_of_the_watcher_but_not_over_hours(pause: float, told: str) -> None:
    watch = Engine()
    watch.sees(0, 1)
    assert watch.sees(pause, 1) == told


def flips(watch: Engine, count: int, start: float = 0) -> list[str]:
    told = []
    for turn in range(count):
        watch.look(start + turn * 60, page({"a": 0}))
        told.append(watch.look(start + turn * 60 + 30, page({"a": 1}))[FLAPPING, "a"])
    return told


def test_more_openings_than_allowed_are_flapping_at_once() -> None:
    assert flips(Engine(), 6) == ["WarmingUp"] * 4 + [FLAPPING] * 2


def test_flapping_is_unknown_until_the_window_was_watched_and_ends_when_it_has_passed() -> None:
    watch = Engine()
    told = [watch.look(at, page({"a": 0}))[FLAPPING, "a"] for at in range(0, 1830, 30)]
    assert told == ["WarmingUp"] * 60 + ["false"]
    assert flips(watch, 5, 1830)[-1] == FLAPPING
    assert [watch.look(at, page({"a": 0}))[FLAPPING, "a"] for at in (2700, 3300, 3900)] == [FLAPPING, FLAPPING, "false"]


def test_a_breaker_that_reopens_from_half_open_flaps_too() -> None:
    watch = Engine(limits=BreakerLimits(flapping_transitions=2))
    told = [watch.look(at * 30, page({"a": state}))[FLAPPING, "a"] for at, state in enumerate((0, 1, 2, 1, 2, 1))]
    assert told[-1] == FLAPPING


def test_a_new_process_is_not_blamed_for_what_the_old_one_did() -> None:
    watch = Engine()
    flips(watch, 5)
    assert watch.look(330, page({"a": 1}, started=300))[FLAPPING, "a"] != FLAPPING


def test_states_and_transitions_are_exported_by_callee() -> None:
    watch = Engine()
    watch.look(0, page({"a": 0}))
    assert watch.samples() == {
        "state a closed": 1,
        "transitions_total a closed": 0,
        "transitions_total a open": 0,
        "transitions_total a half_open": 0,
    }
    watch.look(30, page({"a": 1}))
    watch.look(60, page({"a": 2}))
    assert watch.samples() == {
        "state a half_open": 1,
        "transitions_total a closed": 0,
        "transitions_total a open": 1,
        "transitions_total a half_open": 1,
        "open_since_timestamp_seconds a": T0 + 30,
    }
    watch.look(90, page({"a": 0}, started=80))
    assert watch.samples() == {
        "state a closed": 1,
        "transitions_total a closed": 0,
        "transitions_total a open": 1,
        "transitions_total a half_open": 1,
    }


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


def test_the_past_survives_the_state_file_but_for_its_counters() -> None:
    watch = Engine()
    for at, state in ((0, 0), (30, 1), (60, 2)):
        watch.sees(at, state)
    adapter = TypeAdapter(BreakerHistory)
    restored = adapter.validate_json(adapter.dump_json(watch.history))
    assert restored == replace(watch.history, callees={"a": replace(watch.history.callees["a"], to=(0, 0, 0))})
    watch.history = restored
    assert watch.sees(90, 1) == "Open"


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
