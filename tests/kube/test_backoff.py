"""Waits double up to the longest, are spread at random, and begin anew after an answer."""

from watcher.kube.backoff import Backoff


def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(0.5, 3.0, lambda _, high: high)
    assert [backoff.next() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_an_answer_makes_the_next_wait_the_first() -> None:
    backoff = Backoff(0.5, 3.0, lambda _, high: high)
    assert [backoff.next(), backoff.next()] == [0.5, 1.0]
    backoff.reset()
    assert backoff.next() == 0.5


def test_each_wait_is_spread_by_the_given_bounds() -> None:
    asked: list[tuple[float, float]] = []

    def middle(low: float, high: float) -> float:
        asked.append((low, high))
        return (low + high) / 2

    assert Backoff(4.0, 9.0, middle).next() == 3.0
    assert Backoff(4.0, 9.0, middle, spread=(0.5, 1.5)).next() == 4.0
    assert asked == [(0.5, 1.0), (0.5, 1.5)]
