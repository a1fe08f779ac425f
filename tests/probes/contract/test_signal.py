"""One signal in many dialects."""

import pytest
from prometheus_client import CollectorRegistry, Enum, generate_latest
from pydantic import ValidationError

from probes.breaker.transitions import BREAKER_STATE
from probes.contract import ConditionKind, Limits, Severity, Unknown
from probes.contract.signal import (
    REQUESTS,
    START_TIME,
    Absent,
    Dialect,
    Found,
    SignalValues,
    Unreadable,
    unreported,
)
from probes.pool import POOL_IN_USE
from tests.servers.metrics_pages import page_of

OPERATORS = Dialect.model_validate(
    {
        "signal": "breaker_state",
        "metric": "my_breaker",
        "subject": "upstream",
        "states": {"0": "Half-Open", "7": "open", "1.5": "closed"},
    },
)


def breakers(text: str, *dialects: Dialect) -> Found:
    return page_of("first 1\n" + text, BREAKER_STATE, dialects=dialects).values(BREAKER_STATE)


@pytest.mark.parametrize(
    ("text", "states"),
    [
        ('agentweave_circuit_breaker_state{callee="a"} 0', {"a": 0}),
        ('agentweave_circuit_breaker_state{agent_name="x",peer_id="spiffe://t/b"} 1.0', {"spiffe://t/b": 1}),
        ('agentweave_circuit_breaker_state{callee="a",peer_id="b"} 2', {"a": 2}),
        ("agentweave_circuit_breaker_state 1", {"": 1}),
        (
            (
                'agentweave_circuit_breaker_state{callee="a",state="closed"} 0\n'
                'agentweave_circuit_breaker_state{callee="a",state="HALF-OPEN"} 1'
            ),
            {"a": 2},
        ),
        ('agentweave_circuit_breaker_state{callee="a",state="open"} 1', {"a": 1}),
    ],
)
def test_a_breaker_is_read_in_every_built_in_dialect(text: str, states: dict[str, float]) -> None:
    assert breakers(text) == SignalValues(states)


def test_an_enum_of_the_python_library_is_one_hot() -> None:
    registry = CollectorRegistry()
    enum = Enum(
        "agentweave_circuit_breaker_state", "x", ["callee"], states=["closed", "open", "half_open"], registry=registry
    )
    enum.labels("a").state("open")
    assert breakers(generate_latest(registry).decode()) == SignalValues({"a": 1})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('agentweave_circuit_breaker_state{callee="a"} 3', "none of closed, open, half_open"),
        ('agentweave_circuit_breaker_state{callee="a"} 0.5', "none of"),
        ('agentweave_circuit_breaker_state{callee="a"} NaN', "is nan"),
        ('agentweave_circuit_breaker_state{callee="a"} -1', "is -1"),
        ('agentweave_circuit_breaker_state{callee="a"} +Inf', "is inf"),
        ('agentweave_circuit_breaker_state{callee="a"} 1\n' * 2, "same series twice"),
        (
            (
                'agentweave_circuit_breaker_state{callee="a",agent="x"} 0\n'
                'agentweave_circuit_breaker_state{callee="a",agent="y"} 1'
            ),
            "2 states at once",
        ),
        ('agentweave_circuit_breaker_state{callee="a",state="closed"} 0', "0 states"),
        (
            (
                'agentweave_circuit_breaker_state{callee="a",state="closed"} 1\n'
                'agentweave_circuit_breaker_state{callee="a",state="open"} 1'
            ),
            "2 states at once",
        ),
        ('agentweave_circuit_breaker_state{callee="a",state="ajar"} 1', "none of"),
        ('agentweave_circuit_breaker_state{callee="a",state="open"} 2', "neither 0 nor 1"),
        (
            (
                'agentweave_circuit_breaker_state{callee="a",state="closed"} 2\n'
                'agentweave_circuit_breaker_state{callee="a",state="open"} 1'
            ),
            "agentweave_circuit_breaker_state by state is neither 0 nor 1",
        ),
    ],
)
def test_what_says_no_state_is_unreadable_for_its_callee_alone(text: str, why: str) -> None:
    found = breakers(text + '\nagentweave_circuit_breaker_state{callee="b"} 1')
    assert isinstance(found, SignalValues)
    assert (found.by_subject, list(found.unreadable)) == ({"b": 1}, ["a"])
    assert why in found.unreadable["a"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "The metrics endpoint has no agentweave_circuit_breaker_state."),
        (
            "# TYPE agentweave_circuit_breaker_state gauge",
            "The metrics endpoint has agentweave_circuit_breaker_state, but without a sample.",
        ),
    ],
)
def test_a_family_that_is_not_there_and_one_without_a_sample_are_absent(text: str, why: str) -> None:
    assert breakers(text) == Absent(why)


def test_a_row_of_the_operator_goes_before_the_built_in_one() -> None:
    both = 'my_breaker{upstream="u"} 7\nmy_breaker{upstream="v"} 1.5\nagentweave_circuit_breaker_state{callee="a"} 1'
    assert breakers(both, OPERATORS) == SignalValues({"u": 1, "v": 0})
    assert breakers('my_breaker{upstream="u"} 0', OPERATORS) == SignalValues({"u": 2})
    assert breakers('agentweave_circuit_breaker_state{callee="a"} 1', OPERATORS) == SignalValues({"a": 1})


def test_a_value_that_the_operator_did_not_name_is_unreadable() -> None:
    found = breakers('my_breaker{upstream="u"} 1', OPERATORS)
    assert isinstance(found, SignalValues)
    assert "u" in found.unreadable


def test_a_row_with_required_labels_takes_only_samples_that_have_them() -> None:
    row = Dialect(signal="pool_in_use", metric="conns", subject=("name",), where={"state": "busy"})
    text = 'conns{name="a",state="busy"} 3\nconns{name="a",state="idle"} 9\nconns{name="b"} 4'
    assert page_of(text, POOL_IN_USE, dialects=[row]).values(POOL_IN_USE) == SignalValues({"a": 3})


@pytest.mark.parametrize(
    ("text", "pools"),
    [
        ("agentweave_connection_pool_active 5", {"default": 5}),
        (
            'agentweave_connection_pool_active{pool="a"} 5\nagentweave_connection_pool_active{pool="b"} 6',
            {"a": 5, "b": 6},
        ),
        (
            (
                'agentweave_active_connections{agent_name="x",peer_id="p"} 5\n'
                'agentweave_active_connections{agent_name="x",peer_id="q"} 6'
            ),
            {"default": 11},
        ),
        ("agentweave_active_connections 5\nagentweave_connection_pool_active 6", {"default": 6}),
    ],
)
def test_a_pool_is_read_in_every_built_in_dialect(text: str, pools: dict[str, float]) -> None:
    assert page_of(text, POOL_IN_USE).values(POOL_IN_USE) == SignalValues(pools)


def test_a_pool_with_a_series_twice_is_not_added_up() -> None:
    found = page_of('agentweave_active_connections{peer_id="p"} 5\n' * 2, POOL_IN_USE).value(POOL_IN_USE)
    assert isinstance(found, Unreadable)


def test_a_thousand_subjects_are_judged_and_of_more_none() -> None:
    lines = [f'agentweave_circuit_breaker_state{{callee="c{number}"}} 1' for number in range(1001)]
    assert breakers("\n".join(lines[:1000])) == SignalValues({f"c{number}": 1 for number in range(1000)})
    why = "1001 subjects in agentweave_circuit_breaker_state, at most 1000 are judged"
    assert breakers("\n".join(lines)) == Unreadable(why)


def test_several_series_are_added_up_only_where_that_makes_sense() -> None:
    found = page_of('process_start_time_seconds{a="b"} 1\nprocess_start_time_seconds 2', START_TIME)
    assert found.value(START_TIME) == Unreadable("process_start_time_seconds has 2 series")
    found = page_of('agentweave_requests_total{status="ok"} 3\nagentweave_requests_total{status="error"} 2', REQUESTS)
    assert found.value(REQUESTS) == 5


KIND = ConditionKind(name="Full", severity=Severity.WARNING, true_when="It is full.", all_clear="It has room.")
IGNORED = Limits(when_absent="ignore")


@pytest.mark.parametrize(
    ("found", "limits", "told"),
    [
        (Absent("It is not there."), Limits(), [(Unknown.SIGNAL_ABSENT, "It is not there.")]),
        (Absent("It is not there."), IGNORED, []),
        (Unreadable("It is nan"), Limits(), [(Unknown.MALFORMED, "It is nan")]),
        (Unreadable("It is nan"), IGNORED, [(Unknown.MALFORMED, "It is nan")]),
    ],
)
def test_only_the_absence_of_what_a_page_does_not_tell_can_be_ignored(
    found: Absent | Unreadable, limits: Limits, told: list[tuple[Unknown, str]]
) -> None:
    assert [(each.reason, each.text) for each in unreported(KIND, found, limits)] == told


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"signal": "breker_state", "metric": "m"}, "signal must be one of .*breaker_state"),
        ({"signal": "breaker_state", "metric": "m", "states": {"0": "ajar"}}, "states of breaker_state are closed"),
        ({"signal": "pool_in_use", "metric": "m", "states": {"0": "open"}}, "states of pool_in_use are none"),
        ({"signal": "pool_in_use", "metric": "no name"}, "metric"),
        ({"signal": "pool_in_use", "metric": "m", "lable": "x"}, "lable"),
    ],
)
def test_a_row_that_means_nothing_is_refused_in_the_config(row: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Dialect.model_validate(row)
