"""Clocks here are Unix seconds, as in the daemon: near zero, a wrong sign would not show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract import Fault, Reading, TargetKey
from watcher.engine.isolation import Isolation

NOW = 1_790_000_000.0
METRICS, OPA = "agent_metrics", "opa"
ANSWER, SILENCE, REFUSAL = Reading(), Reading(fault=Fault.SILENT), Reading(fault=Fault.REFUSED)


def _keys(count: int) -> list[TargetKey]:
    return [TargetKey("prod", "a", f"a-{number}") for number in range(count)]


def _record(
    isolation: Isolation, keys: list[TargetKey], reading: Reading, at: float, source: str = METRICS
) -> Isolation:
    for key in keys:
        isolation.record(key, source, reading, NOW + at)
    return isolation


def _fleet(count: int, interval: float = 30.0) -> tuple[Isolation, list[TargetKey]]:
    isolation, keys = Isolation(), _keys(count)
    isolation.interval = interval
    return _record(isolation, keys, ANSWER, 0.0), keys


def test_nothing_is_isolated_before_the_first_look() -> None:
    assert not Isolation().isolated


@pytest.mark.parametrize(("fleet", "needed"), [(5, 3), (6, 4), (7, 4)])
def test_more_than_half_silent_at_their_first_failed_look_is_our_own_trouble(fleet: int, needed: int) -> None:
    isolation, keys = _fleet(fleet)
    for place, key in enumerate(keys[:needed]):
        assert not isolation.isolated
        isolation.record(key, METRICS, SILENCE, NOW + 10.0 + place)
    assert isolation.isolated


@pytest.mark.parametrize("silent", [1, 2, 3])
def test_half_or_less_of_a_fleet_is_the_agents_own(silent: int) -> None:
    isolation, keys = _fleet(6)
    assert not _record(isolation, keys[:silent], SILENCE, 10.0).isolated


def test_four_targets_prove_nothing() -> None:
    isolation, keys = _fleet(4)
    assert not _record(isolation, keys, SILENCE, 10.0).isolated


def test_refusals_prove_live_hosts() -> None:
    isolation, keys = _fleet(6)
    assert not _record(isolation, keys, REFUSAL, 10.0).isolated


def test_targets_that_never_answered_do_not_count() -> None:
    isolation, keys = _fleet(5)
    _record(isolation, [TargetKey("prod", "b", f"b-{number}") for number in range(20)], SILENCE, 5.0)
    assert not _record(isolation, keys[:1], SILENCE, 10.0).isolated


def test_silence_spread_over_many_intervals_is_not_one_event() -> None:
    isolation, keys = _fleet(10)
    for place, key in enumerate(keys):
        isolation.record(key, METRICS, SILENCE, NOW + 40.0 * place)
    assert not isolation.isolated


def test_who_fell_silent_long_before_is_left_out_and_nobody_else() -> None:
    isolation, keys = _fleet(6)
    _record(isolation, keys[:1], SILENCE, 0.0)
    assert not _record(isolation, keys[1:3], SILENCE, 20.0).isolated
    assert _record(isolation, keys[3:4], SILENCE, 31.0).isolated, "three of five in eleven seconds"


@pytest.mark.parametrize(("apart", "isolated"), [(60.0, True), (60.5, False)])
def test_without_other_settings_one_event_lasts_a_minute(apart: float, *, isolated: bool) -> None:
    keys = _keys(6)
    isolation = _record(Isolation(), keys, ANSWER, 0.0)
    _record(isolation, keys[:3], SILENCE, 10.0)
    assert _record(isolation, keys[3:4], SILENCE, 10.0 + apart).isolated is isolated


def test_who_fell_silent_and_answered_again_is_not_counted() -> None:
    isolation, keys = _fleet(6)
    _record(isolation, keys[:3], SILENCE, 10.0)
    _record(isolation, keys[:1], ANSWER, 11.0)
    assert not _record(isolation, keys[3:4], SILENCE, 12.0).isolated


def test_who_falls_silent_twice_counts_from_the_second_time() -> None:
    isolation, keys = _fleet(5)
    _record(isolation, keys[:1], SILENCE, 10.0)
    _record(isolation, keys[:1], ANSWER, 20.0)
    _record(isolation, keys[:1], SILENCE, 38.0)
    assert _record(isolation, keys[1:3], SILENCE, 41.0).isolated, "three of five within three seconds"


def test_looks_that_stay_silent_do_not_make_the_event_newer() -> None:
    isolation, keys = _fleet(6)
    _record(isolation, keys[:3], SILENCE, 10.0)
    _record(isolation, keys[:3], SILENCE, 39.0)
    assert not _record(isolation, keys[3:4], SILENCE, 41.0).isolated


def test_it_lasts_until_half_answer_again() -> None:
    isolation, keys = _fleet(6)
    _record(isolation, keys, SILENCE, 10.0)
    for key in keys[:2]:
        assert _record(isolation, [key], ANSWER, 40.0).isolated
    assert not _record(isolation, keys[2:3], ANSWER, 41.0).isolated


def test_who_stays_silent_after_it_ended_is_in_trouble_of_its_own() -> None:
    isolation, keys = _fleet(10)
    _record(isolation, keys, SILENCE, 10.0)
    assert not _record(isolation, keys[:5], ANSWER, 12.0).isolated
    assert not _record(isolation, keys[:1], SILENCE, 14.0).isolated, "six of ten are silent, but one fell since"


def test_who_stays_silent_after_a_first_answer_ended_it_is_so_too() -> None:
    isolation, keys = _fleet(5)
    assert _record(isolation, keys[:3], SILENCE, 10.0).isolated
    assert not _record(isolation, keys[:1], ANSWER, 12.0).isolated
    assert not _record(isolation, keys[:1], SILENCE, 14.0).isolated


def test_it_begins_anew_where_most_of_those_who_came_back_fall_again() -> None:
    isolation, keys = _fleet(10)
    _record(isolation, keys, SILENCE, 10.0)
    _record(isolation, keys[:5], ANSWER, 12.0)
    assert not _record(isolation, keys[:2], SILENCE, 14.0).isolated
    assert _record(isolation, keys[2:3], SILENCE, 14.0).isolated


def test_one_source_that_is_filtered_everywhere_is_not_isolation() -> None:
    isolation, keys = _fleet(6)
    for second in range(0, 300, 30):
        for key in keys:
            isolation.record(key, METRICS, ANSWER, NOW + second)
            isolation.record(key, OPA, SILENCE, NOW + second + 1)
            isolation.record(key, METRICS, ANSWER, NOW + second + 2)
            assert not isolation.isolated


def test_a_source_is_excused_once_its_target_answered_elsewhere() -> None:
    isolation, keys = _fleet(6)
    assert _record(isolation, keys, SILENCE, 10.0, OPA).isolated
    assert not _record(isolation, keys, ANSWER, 11.0).isolated
    assert not _record(isolation, keys, SILENCE, 12.0, OPA).isolated
    assert _record(isolation, keys, SILENCE, 13.0).isolated, "the other source is excused by nobody"


def test_a_source_that_answers_again_is_excused_no_more() -> None:
    isolation, keys = _fleet(6)
    _record(isolation, keys, SILENCE, 10.0, OPA)
    _record(isolation, keys, ANSWER, 11.0)
    _record(isolation, keys, ANSWER, 12.0, OPA)
    assert _record(isolation, keys, SILENCE, 13.0, OPA).isolated


def test_a_fleet_that_is_taken_away_ends_it() -> None:
    isolation, keys = _fleet(6)
    _record(isolation, keys, SILENCE, 10.0)
    for key in keys[:5]:
        isolation.forget(key)
    assert not _record(isolation, keys[5:], ANSWER, 11.0).isolated


def test_those_no_longer_watched_are_not_among_those_that_fell() -> None:
    isolation, keys = _fleet(8)
    _record(isolation, keys[:3], SILENCE, 10.0)
    for key in keys[:3]:
        isolation.forget(key)
    assert not _record(isolation, keys[3:5], SILENCE, 11.0).isolated, "two of the five that are left"


def test_those_no_longer_watched_are_not_among_those_that_answer() -> None:
    isolation, keys = _fleet(10)
    for key in keys[:5]:
        isolation.forget(key)
    assert _record(isolation, keys[5:8], SILENCE, 10.0).isolated, "three of the five that are left"


def test_a_target_that_is_watched_again_is_excused_nothing() -> None:
    isolation, keys = _fleet(6)
    _record(isolation, keys, SILENCE, 10.0, OPA)
    _record(isolation, keys, ANSWER, 11.0)
    for key in keys:
        isolation.forget(key)
    _record(isolation, keys, ANSWER, 12.0)
    assert _record(isolation, keys, SILENCE, 13.0, OPA).isolated


class _Counted(TargetKey):
    """A key that says how often it was looked for."""

    hashed = 0

    def __hash__(self) -> int:
        _Counted.hashed += 1
        return super().__hash__()


def test_while_a_large_fleet_is_silent_no_look_goes_through_all_of_it() -> None:
    keys: list[TargetKey] = [_Counted(*key) for key in _keys(500)]
    isolation = _record(Isolation(), keys, ANSWER, 0.0)
    assert _record(isolation, keys, SILENCE, 10.0).isolated
    _Counted.hashed = 0
    assert _record(isolation, keys[:100], ANSWER, 20.0).isolated
    assert _Counted.hashed < 100 * 20


_LOOKS = st.tuples(st.integers(0, 5), st.sampled_from([METRICS, OPA]), st.booleans(), st.integers(0, 20))


@given(st.lists(_LOOKS, max_size=60))
def test_what_is_said_depends_on_how_long_and_not_on_when(looks: list[tuple[int, str, bool, int]]) -> None:
    early, late = Isolation(), Isolation()
    early.interval = late.interval = 30.0
    keys, passed = _keys(6), 0
    for target, source, answers, seconds in looks:
        passed += seconds
        reading = ANSWER if answers else SILENCE
        early.record(keys[target], source, reading, float(passed))
        late.record(keys[target], source, reading, NOW + passed)
        assert early.isolated is late.isolated
