import gc
import weakref
from collections.abc import Iterator

import pytest

from watcher.garbage import Garbage


class _Knot:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def garbage() -> Iterator[Garbage]:
    yield Garbage()
    gc.enable()
    gc.unfreeze()


def _knot_that_nobody_needs() -> "weakref.ref[_Knot]":
    return weakref.ref(_Knot())


def test_nothing_is_walked_over_while_memory_stays_as_it_is(garbage: Garbage) -> None:
    garbage.warm()
    lost = _knot_that_nobody_needs()
    churn = [[number] for number in range(100_000)]  # enough for the automatic collector to want a full pass
    del churn
    garbage.look()
    assert lost() is not None


def test_cycles_are_collected_once_memory_has_grown_by_far(garbage: Garbage) -> None:
    garbage.warm()
    lost = _knot_that_nobody_needs()
    more = [bytes(100) for _ in range(4_000_000)]
    garbage.look()
    assert lost() is None
    del more


def test_nothing_is_collected_before_the_daemon_is_warm(garbage: Garbage) -> None:
    lost = _knot_that_nobody_needs()
    garbage.look()
    assert lost() is not None
