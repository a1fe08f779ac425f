"""What is counted in blocks is what was counted by hand, and what is too old is forgotten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.checklist.live.known.ring import Ring

START = 1_800_000_000.0


def test_what_was_counted_in_the_last_blocks_is_added_up() -> None:
    ring = Ring(300.0, 24)
    for at, amount in ((0.0, 1.0), (299.0, 2.0), (300.0, 4.0), (3600.0, 8.0)):
        ring.add(START + at, amount)
    assert ring.total(START + 3600, 0, 0, 12) == 15
    assert ring.total(START + 3600, 0, 0, 11) == 12
    assert ring.total(START + 3600, 0, 12, 12) == 3
    assert ring.total(START + 7200, 0, 0, 12) == 8


def test_what_is_older_than_all_blocks_is_forgotten() -> None:
    ring = Ring(300.0, 24)
    ring.add(START, 1.0)
    assert ring.total(START + 24 * 300, 0, 0, 23) == 0
    ring.add(START + 24 * 300, 2.0)
    assert ring.total(START + 24 * 300, 0, 0, 24) == 2


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 9), st.integers(0, 9)), max_size=40),
    st.integers(0, 8000),
    st.integers(0, 12),
)
def test_every_sum_is_that_of_what_was_given(given_: list[tuple[int, int, int]], later: int, back: int) -> None:
    ring, newest = Ring(100.0, 12, width=2), 0
    for at, one, other in sorted(given_):
        ring.add(START + at, one, other)
        newest = max(newest, at)
    now = START + newest + later
    for column in (0, 1):
        blocks = [(int((START + each[0]) / 100), each[1 + column]) for each in given_]
        first = max(int(now / 100) - back, int((START + newest) / 100) - 11)
        expected = sum(amount for block, amount in blocks if block >= first)
        assert ring.total(now, column, 0, back) == pytest.approx(expected)
