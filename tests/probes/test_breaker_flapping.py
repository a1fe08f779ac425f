"""Circuit breakers that open again and again, and what is exported of their states."""

from probes.breaker.transitions import BreakerLimits
from tests.probes.breakers import FLAPPING, Engine, page
from tests.probes.judged import T0


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


def test_each_transition_is_counted_for_the_state_that_it_leads_to() -> None:
    watch = Engine()
    for look, state in enumerate((0, 1, 1, 2, 1, 2, 0, 1, 2, 0, 0, 1, 2, 1)):
        watch.look(30 * look, page({"a": state}))
    counted = {name: value for name, value in watch.samples().items() if name.startswith("transitions_total")}
    assert counted == {
        "transitions_total a closed": 2,
        "transitions_total a open": 5,
        "transitions_total a half_open": 4,
    }


def test_an_opening_counts_to_the_last_second_of_the_window() -> None:
    watch = Engine(limits=BreakerLimits(flapping_transitions=1))
    flips(watch, 2)
    told = [watch.look(at, page({"a": 0}))[FLAPPING, "a"] == FLAPPING for at in (1829, 1830, 1831)]
    assert told == [True, True, False]
