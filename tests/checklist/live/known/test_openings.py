"""A breaker that opens while hardly any call fails is remembered; what does not tell is not."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from probes.contract.signal import Found, SignalValues
from probes.readings.metrics_page import RememberedPage
from tests.probes.controls.judges.known.pods import families
from watcher.checklist.live.known.openings import KEPT_FOR, MOST, Openings
from watcher.engine.debounce import ProbeResult, Verdicts

START = 1000.0


@dataclass(frozen=True)
class Callee:
    opened: tuple[float, ...] = ()


@dataclass(frozen=True)
class History:
    callees: Mapping[str, Callee]


class Looks:
    """Looks at a page every 30 s, of an agent that makes calls."""

    def __init__(self) -> None:
        self.of, self.now = Openings(), START
        self.opened: dict[str, float] = {}
        self.calls, self.failed = {"ranker": 1000.0}, {"ranker": 10.0}

    def look(self, *opened: str, calls: float = 10, failed: float = 0, counts: bool = True) -> bool:
        """One more; these breakers opened."""
        self.now += 30
        self.calls = {name: value + calls for name, value in self.calls.items()}
        self.failed = {name: value + failed for name, value in self.failed.items()}
        kept: dict[str, Found] = {
            "outbound_requests": SignalValues(self.calls),
            "outbound_errors": SignalValues(self.failed),
        }
        self.opened |= dict.fromkeys(opened, self.now)
        history = History({name: Callee((at,)) for name, at in self.opened.items()})
        result = ProbeResult(self.now, NO_VERDICTS, (), (), (), history)
        page = RememberedPage(
            status=200, size=1, filtered=False, squeezed=b"", families=families(), kept=kept if counts else {}
        )
        return self.of.look(self.now, page, result, None)

    def watch(self, looks: int = 12, *, calls: float = 10, failed: float = 0) -> None:
        for _ in range(looks):
            self.look(calls=calls, failed=failed)


NO_VERDICTS = Verdicts(())


def test_a_breaker_that_opens_while_hardly_any_call_fails_is_remembered() -> None:
    looks = Looks()
    looks.watch()
    assert looks.look("ranker", failed=0.5)
    assert looks.of.needless == ((looks.now, "ranker"),)
    assert not looks.look()
    assert len(looks.of.needless) == 1


@pytest.mark.parametrize(
    ("calls", "failed", "needless"),
    [(10, 0.0, True), (10, 0.2, False), (10, 0.1, False), (2, 0.0, False), (2.5, 0.0, True)],
    ids=["none failed", "two in a hundred", "one in a hundred", "too few calls", "just enough calls"],
)
def test_a_share_of_calls_that_failed_is_a_reason_and_few_calls_tell_nothing(
    calls: float, failed: float, needless: bool
) -> None:
    looks = Looks()
    looks.watch(20, calls=calls, failed=failed)
    assert looks.look("ranker", calls=calls, failed=failed) is needless


def test_what_failed_long_before_is_no_reason_and_what_failed_just_now_is_one() -> None:
    looks = Looks()
    looks.watch(20, failed=5)
    looks.watch(16)
    assert looks.look("ranker")
    looks.watch(20)
    assert not looks.look("ranker", failed=5)


def test_where_the_window_lies_between_looks_it_is_needless_for_certain_or_not_at_all() -> None:
    looks = Looks()
    looks.watch(9)
    looks.look(failed=1)  # 330 s before it opens, and the counters of 300 s before are not kept
    looks.watch(10)
    assert not looks.look("ranker")
    looks.watch(20)
    assert looks.look("ranker")


def test_less_than_the_whole_window_tells_nothing() -> None:
    looks = Looks()
    looks.watch(8, calls=100)
    assert not looks.look("ranker")


def test_a_new_process_a_page_that_counts_no_calls_and_other_names_tell_nothing() -> None:
    looks = Looks()
    looks.watch()
    looks.calls = {"ranker": 0.0}
    assert not looks.look("ranker")
    looks.watch(8)
    assert not looks.look("ranker")
    looks.watch()
    assert not looks.look("ranker", counts=False)
    looks.watch()
    assert not looks.look("index")
    looks.failed = {"spiffe://example.org/ranker": 0.0}
    looks.watch(20)
    assert not looks.look("ranker")


def test_an_opening_is_counted_once_and_forgotten_after_a_week() -> None:
    looks = Looks()
    looks.watch()
    looks.look("ranker")
    first = looks.now
    for _ in range(MOST + 5):
        looks.look("ranker")
    assert len(looks.of.needless) == MOST
    again = Openings()
    again.load(((first, "ranker"), (looks.now, "ranker")), first + KEPT_FOR + 1)
    assert again.needless == ((looks.now, "ranker"),)
    again.load(((first, "ranker"),), first - 1)  # by a file of another time
    assert not again.needless
