"""Whose turn it is to be asked about: each as often as wanted, so many requests a second, and no storm in an outage."""

from hypothesis import given
from hypothesis import strategies as st

from probes.controls.evidence import AgentRef
from watcher.checklist.live.outside.rounds import AGAIN, Rounds


class Steady:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def refs(count: int) -> list[AgentRef]:
    return [AgentRef("prod", f"a{number}") for number in range(count)]


def test_a_thousand_agents_are_asked_about_once_an_hour_with_two_requests_a_second_at_most() -> None:
    clock = Steady()
    rounds = Rounds(3600.0, 1 / 2.0, clock)
    rounds.keep_only(refs(1000))
    asked: list[tuple[float, AgentRef]] = []
    for _ in range(2 * 3600):
        taken = [each for _ in range(4) if (each := rounds.take_due()) is not None]
        assert len(taken) <= 2
        asked += [(clock.now, each) for each in taken]
        clock.now += 1.0
    assert {each for _, each in asked[:1000]} == set(refs(1000))
    assert len(asked) == 2000


def test_what_takes_two_requests_is_asked_once_a_second() -> None:
    clock = Steady()
    rounds = Rounds(3600.0, 2 / 2.0, clock)
    rounds.keep_only(refs(3))
    assert [rounds.take_due(), rounds.take_due()] == [refs(1)[0], None]
    clock.now += 1.0
    assert rounds.take_due() == refs(2)[1]


def test_one_that_is_asked_for_comes_before_its_turn_and_is_paid_for_all_the_same() -> None:
    clock = Steady()
    rounds = Rounds(3600.0, 0.5, clock)
    rounds.keep_only(refs(2))
    assert {rounds.take_due(), rounds.take_due()} == set(refs(2))
    clock.now += 60
    assert rounds.take_due() is None
    rounds.soon(refs(1)[0])
    rounds.soon(AgentRef("prod", "gone"))
    assert [rounds.take_due(), rounds.take_due()] == [refs(1)[0], None]


def test_after_an_answer_that_never_came_nobody_is_asked_about_for_a_while() -> None:
    clock = Steady()
    rounds = Rounds(3600.0, 0.5, clock)
    rounds.keep_only(refs(2))
    first = rounds.take_due()
    assert first is not None
    rounds.no_answer(first)
    clock.now += AGAIN - 1
    assert rounds.take_due() is None
    clock.now += 1
    taken = [rounds.take_due()]
    clock.now += 0.5
    assert {*taken, rounds.take_due()} == set(refs(2))


def test_an_agent_that_goes_is_asked_about_no_more_and_another_place_is_asked_at_once() -> None:
    clock = Steady()
    rounds = Rounds(3600.0, 0.5, clock)
    rounds.keep_only(refs(2))
    assert rounds.take_due() == refs(1)[0]
    assert set(rounds.keep_only(refs(1))) == {refs(2)[1]}
    clock.now += 10
    assert rounds.take_due() is None
    rounds.adopt(60.0, 0.5)
    assert rounds.take_due() == refs(1)[0]
    clock.now += 60
    assert rounds.take_due() == refs(1)[0]


@given(st.lists(st.sampled_from(["take", "wait", "fail", "go", "come"]), max_size=60))
def test_no_agent_is_asked_about_twice_within_its_interval_unless_nobody_answered(steps: list[str]) -> None:
    clock = Steady()
    rounds, last = Rounds(100.0, 0.5, clock), dict[AgentRef, float]()
    rounds.keep_only(refs(3))
    for step in steps:
        if step == "wait":
            clock.now += 7
        elif step in ("go", "come"):
            for gone in rounds.keep_only(refs(2 if step == "go" else 3)):
                last.pop(gone, None)
        elif (taken := rounds.take_due()) is not None:
            assert clock.now - last.get(taken, -1e9) >= 100
            last[taken] = clock.now
            if step == "fail":
                rounds.no_answer(taken)
                del last[taken]
