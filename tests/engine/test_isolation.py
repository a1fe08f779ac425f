import pytest

from probes.contract import Fault, Reading, TargetKey
from watcher.engine.isolation import Isolation

ANSWER, SILENCE, REFUSAL = Reading(), Reading(fault=Fault.SILENT), Reading(fault=Fault.REFUSED)


def _keys(count: int) -> list[TargetKey]:
    return [TargetKey("prod", "a", f"a-{number}") for number in range(count)]


def _fleet(count: int, interval: float = 30.0) -> tuple[Isolation, list[TargetKey]]:
    isolation, keys = Isolation(), _keys(count)
    isolation.interval = interval
    for key in keys:
        isolation.record(key, "agent_metrics", ANSWER, 0.0)
    return isolation, keys


def test_more_than_half_silent_at_their_first_failed_look_is_our_own_trouble() -> None:
    isolation, keys = _fleet(6)
    for place, key in enumerate(keys[:4]):
        assert not isolation.isolated
        isolation.record(key, "agent_metrics", SILENCE, 10.0 + place)
    assert isolation.isolated


@pytest.mark.parametrize("silent", [1, 2, 3])
def test_half_or_less_of_a_fleet_is_the_agents_own(silent: int) -> None:
    isolation, keys = _fleet(6)
    for key in keys[:silent]:
        isolation.record(key, "agent_metrics", SILENCE, 10.0)
    assert not isolation.isolated


def test_four_targets_prove_nothing() -> None:
    isolation, keys = _fleet(4)
    for key in keys:
        isolation.record(key, "agent_metrics", SILENCE, 10.0)
    assert not isolation.isolated


def test_refusals_prove_live_hosts() -> None:
    isolation, keys = _fleet(6)
    for key in keys:
        isolation.record(key, "agent_metrics", REFUSAL, 10.0)
    assert not isolation.isolated


def test_targets_that_never_answered_do_not_count() -> None:
    isolation, keys = _fleet(5)
    for number in range(20):
        isolation.record(TargetKey("prod", "b", f"b-{number}"), "agent_metrics", SILENCE, 5.0)
    isolation.record(keys[0], "agent_metrics", SILENCE, 10.0)
    assert not isolation.isolated


def test_silence_spread_over_many_intervals_is_not_one_event() -> None:
    isolation, keys = _fleet(10)
    for place, key in enumerate(keys):
        isolation.record(key, "agent_metrics", SILENCE, 40.0 * place)
    assert not isolation.isolated


def test_it_lasts_until_half_answer_again() -> None:
    isolation, keys = _fleet(6)
    for key in keys:
        isolation.record(key, "agent_metrics", SILENCE, 10.0)
    for key in keys[:2]:
        isolation.record(key, "agent_metrics", ANSWER, 40.0)
        assert isolation.isolated
    isolation.record(keys[2], "agent_metrics", ANSWER, 41.0)
    assert not isolation.isolated


def test_one_source_that_is_filtered_everywhere_is_not_isolation() -> None:
    isolation, keys = _fleet(6)
    for second in range(0, 300, 30):
        for key in keys:
            isolation.record(key, "agent_metrics", ANSWER, float(second))
            isolation.record(key, "opa", SILENCE, second + 1.0)
            isolation.record(key, "agent_metrics", ANSWER, second + 2.0)
            assert not isolation.isolated


def test_a_fleet_that_is_taken_away_ends_it() -> None:
    isolation, keys = _fleet(6)
    for key in keys:
        isolation.record(key, "agent_metrics", SILENCE, 10.0)
    for key in keys[:5]:
        isolation.forget(key)
    isolation.record(keys[5], "agent_metrics", ANSWER, 11.0)
    assert not isolation.isolated
