import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.runtime.loop_lag import LoopLag

START = 5_000_000.0  # seconds that a host is up: near zero, a wrong sign would not show


class _Clock:
    """Says what it is told."""

    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> float:
        return self.moment


def _lag(*delays: tuple[float, float]) -> LoopLag:
    """After these delays, each so many seconds after the start."""
    clock = _Clock()
    lag = LoopLag(clock)
    for after, late in delays:
        clock.moment = START + after
        lag.sleeps(clock.moment - late)
        lag.woke()
    return lag


def test_a_loop_that_never_woke_late_has_not_stalled() -> None:
    assert (_lag().worst, _lag().stalled) == (0.0, 0.0)


def test_the_longest_delay_counts_and_not_the_last_one() -> None:
    assert _lag((0, 0.1), (1, 2.0), (2, 0.5), (3, 0.7)).worst == 2.0


@pytest.mark.parametrize(("after", "worst"), [(29.0, 2.0), (30.0, 2.0), (30.5, 0.5)])
def test_a_delay_is_forgotten_after_half_a_minute(after: float, worst: float) -> None:
    assert _lag((0, 2.0), (10, 0.5), (after, 0.1)).worst == pytest.approx(worst)


def test_a_delay_that_comes_again_is_remembered_from_the_last_time() -> None:
    assert _lag((0, 2.0), (10, 2.0), (39, 0.125)).worst == 2.0
    assert _lag((0, 2.0), (10, 2.0), (41, 0.125)).worst == 0.125


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5)), min_size=1))
def test_it_is_the_longest_of_the_last_half_minute(steps: list[tuple[int, int]]) -> None:
    delays, after = [], 0
    for step, late in steps:
        after += step
        delays.append((float(after), float(late)))
    assert _lag(*delays).worst == max(late for at, late in delays if after - at <= 30)


def test_standstills_add_up_and_delays_that_cost_nobody_a_deadline_do_not() -> None:
    assert _lag((0, 2.0), (10, 0.05), (60, 1.5)).stalled == 3.5


def test_a_standstill_is_known_before_the_beat_that_ends_it() -> None:
    clock = _Clock()
    lag = LoopLag(clock)
    lag.sleeps(clock.moment + 0.05)
    clock.moment += 4.05
    assert lag.stalled == pytest.approx(4.0), "a look whose deadline passed meanwhile is judged first"
    lag.woke()
    assert lag.stalled == pytest.approx(4.0)


def test_shorter_delays_add_up_beside_standstills_and_the_shortest_do_not() -> None:
    lag = _lag((0, 2.0), (10, 0.09), (20, 0.015), (60, 0.05))
    assert lag.delayed == pytest.approx(2.14)
    assert lag.stalled == 2.0


def test_a_short_delay_is_known_before_the_beat_that_ends_it() -> None:
    clock = _Clock()
    lag = LoopLag(clock)
    lag.sleeps(clock.moment + 0.05)
    clock.moment += 0.14
    assert lag.delayed == pytest.approx(0.09)
    assert lag.stalled == 0.0
    lag.woke()
    assert lag.delayed == pytest.approx(0.09)
