"""What is worse than before, what is normal, and what cannot be told."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench.rollouts import WORLDS, share_failed
from watcher.rollouts.requests.normal import (
    LEAST_BAD,
    Baseline,
    Compared,
    Tally,
    compared,
    overdispersion,
    tally,
    within,
)

MINUTES = st.lists(
    st.integers(0, 5000).flatmap(lambda n: st.tuples(st.just(float(n)), st.integers(0, n).map(float))), max_size=12
)


def beside(*minutes: tuple[float, float]) -> Baseline:
    return Baseline((tally(minutes),), same_time=True)


def said(new: Tally, baseline: Baseline, pods: int = 3, bad_pods: int = 3) -> Compared:
    return compared(new, baseline, pods=pods, bad_pods=bad_pods)


STEADY = beside(*[(1200.0, 12.0)] * 45)  # 20 requests a second, of which one in a hundred fails


def test_twice_as_many_errors_are_worse_and_as_many_as_before_are_normal() -> None:
    assert said(tally([(1200.0, 24.0)] * 15), STEADY).is_worse
    assert said(tally([(1200.0, 12.0)] * 45), STEADY).is_normal


def test_with_fewer_requests_the_same_share_is_neither_worse_nor_normal_and_what_would_be_seen_is_told() -> None:
    found = said(tally([(3.0, 0.0)] * 40 + [(3.0, 1.0)] * 2), beside(*[(3.0, 0.0)] * 40, *[(3.0, 1.0)] * 2))
    assert (found.is_worse, found.is_normal) == (False, False)
    assert 0.05 < found.smallest < 0.5


@pytest.mark.parametrize(
    ("minutes", "pods", "bad_pods"),
    [
        pytest.param([(100.0, 9.0), (100.0, 0.0), (100.0, 0.0)], 3, 3, id="fewer than ten errors"),
        pytest.param([(100.0, 50.0), (100.0, 50.0)], 3, 3, id="in two minutes only"),
        pytest.param([(100.0, 50.0)] * 10, 3, 1, id="on one pod of several"),
    ],
)
def test_what_is_too_little_to_say_so_is_never_worse(
    minutes: list[tuple[float, float]], pods: int, bad_pods: int
) -> None:
    assert not said(tally(minutes), STEADY, pods, bad_pods).is_worse


def test_errors_of_the_only_pod_are_enough() -> None:
    assert said(tally([(100.0, 50.0)] * 10), STEADY, pods=1, bad_pods=1).is_worse


def test_errors_in_a_burst_count_less_than_errors_each_for_itself() -> None:
    burst = [(1200.0, 0.0)] * 12 + [(1200.0, 120.0)] * 3
    assert overdispersion(tally(burst)) > 20
    assert not said(tally(burst), STEADY).is_worse
    assert said(tally([(1200.0, 24.0)] * 15), STEADY).is_worse, "as many of them, evenly"


def test_days_that_differ_excuse_what_one_steady_week_does_not() -> None:
    steady = Baseline(tuple(tally([(1200.0, 12.0)] * 60) for _ in range(7)), same_time=False)
    wild = Baseline(tuple(tally([(1200.0, bad)] * 60) for bad in (4.0, 8.0, 12.0, 24.0, 6.0, 30.0, 12.0)), False)
    new = tally([(1200.0, 24.0)] * 45)
    assert said(new, steady).is_worse
    assert not said(new, wild).is_worse


@pytest.mark.parametrize(
    ("baseline", "is_enough"),
    [
        (beside((99.0, 0.0)), False),
        (beside((100.0, 0.0)), True),
        (Baseline((tally([(500.0, 1.0)]),) * 3, same_time=False), False),
        (Baseline((tally([(500.0, 1.0)]),) * 4, same_time=False), True),
    ],
)
def test_a_baseline_has_a_hundred_requests_and_four_days(baseline: Baseline, *, is_enough: bool) -> None:
    assert baseline.is_enough is is_enough


def test_no_request_at_all_says_nothing() -> None:
    found = within(Tally(), 0.05, pods=0, bad_pods=0)
    assert (found.is_worse, found.is_normal, found.smallest > 1) == (False, False, True)


@settings(max_examples=80, deadline=None)
@given(new=MINUTES, old=MINUTES, limit=st.floats(0.001, 0.5))
def test_nothing_is_worse_and_normal_at_once_whatever_was_counted(
    new: list[tuple[float, float]], old: list[tuple[float, float]], limit: float
) -> None:
    for found in (said(tally(new), beside(*old)), within(tally(new), limit, pods=2, bad_pods=2)):
        assert not (found.is_worse and found.is_normal)
        assert found.smallest >= min(found.limit, 1.0)
        if found.is_worse:
            assert tally(new).bad >= LEAST_BAD


@settings(max_examples=50, deadline=None)
@given(minutes=MINUTES, at=st.integers(0, 12))
def test_a_tally_is_that_of_its_parts_and_its_overdispersion_at_least_one(
    minutes: list[tuple[float, float]], at: int
) -> None:
    whole, parts = tally(minutes), tally(minutes[:at]).plus(tally(minutes[at:]))
    assert tuple(parts) == pytest.approx(tuple(whole))
    assert overdispersion(whole) >= 1


@settings(max_examples=60, deadline=None)
@given(bad=st.integers(0, 600))
def test_more_errors_never_make_it_better(bad: int) -> None:
    less, more = (said(tally([(1200.0, float(each))] * 30), STEADY) for each in (bad, bad + 5))
    assert more.is_worse or not less.is_worse
    assert less.is_normal or not more.is_normal


@pytest.mark.parametrize("same_time", [True, False])
def test_healthy_lines_are_hardly_ever_taken_for_bad_though_errors_come_in_clusters(*, same_time: bool) -> None:
    [_, _, clustered, _, both] = WORLDS
    world = clustered if same_time else both
    failed, _ = share_failed(7, 60, 5.0, 0.01, 0.01, world, same_time=same_time)
    assert failed == 0


def test_a_doubled_error_rate_is_found_where_errors_are_independent() -> None:
    found, _ = share_failed(11, 20, 20.0, 0.01, 0.02, WORLDS[0], same_time=True)
    assert found >= 0.95
