"""The account of CPU by target: bounded, forgetful, and of those that cost most."""

import pytest

from probes.contract import TargetKey
from watcher.engine.costs import HALVED_IN, MOST, WORTH, Cost, Costs


class Clock:
    """Monotonic seconds that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _key(pod: str) -> TargetKey:
    return TargetKey("prod", "search", pod)


def test_those_that_cost_most_come_first_by_target_and_source() -> None:
    costs = Costs(Clock())
    for pod, source, seconds in (("a", "opa", 0.1), ("b", "agent_metrics", 0.5), ("a", "opa", 0.2), ("c", "opa", 0.2)):
        costs.charge(_key(pod), source, seconds)
    first, second = costs.worst(2)
    assert first == Cost(_key("b"), "agent_metrics", 0.5)
    assert second[:2] == (_key("a"), "opa")
    assert second.seconds == pytest.approx(0.3)


def test_a_cost_is_half_forgotten_after_two_minutes_and_at_last_altogether() -> None:
    clock = Clock()
    costs = Costs(clock)
    costs.charge(_key("a"), "opa", 0.4)
    clock.now += HALVED_IN
    assert costs.worst()[0].seconds == pytest.approx(0.2)
    costs.charge(_key("a"), "opa", 0.1)
    assert costs.worst()[0].seconds == pytest.approx(0.3)
    clock.now += 20 * HALVED_IN
    assert costs.worst() == []


def test_what_a_look_may_cost_is_not_worth_an_account() -> None:
    costs = Costs(Clock())
    for _ in range(1000):
        costs.charge(_key("a"), "opa", WORTH * 0.9)
    assert costs.worst() == []


def test_the_smaller_half_makes_room_for_new_accounts() -> None:
    costs = Costs(Clock())
    for number in range(2 * MOST):
        costs.charge(_key(f"pod-{number}"), "opa", 1.0 + number)
    costs.charge(_key("new"), "opa", 0.5)
    held = {each.target.pod for each in costs.worst(10 * MOST)}
    assert held == {"new", *(f"pod-{number}" for number in range(MOST, 2 * MOST))}


def test_a_target_that_is_gone_is_forgotten() -> None:
    costs = Costs(Clock())
    costs.charge(_key("a"), "opa", 0.4)
    costs.charge(_key("b"), "opa", 0.4)
    costs.keep({_key("b")})
    assert [each.target.pod for each in costs.worst()] == ["b"]
