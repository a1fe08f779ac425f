"""Decisions on callers: read off real pages, counted look by look, and kept over a restart and for later rollouts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.history.families import FAMILIES
from probes.readings.metrics_page import RememberedPage
from tests.rollouts.test_minutes import BEGAN, Seen, looked
from tests.servers.metrics_pages import page_of
from watcher.rollouts.kept.packing import agent_of, packed_agent, trial_of
from watcher.rollouts.requests.decisions import Decisions, decided, decisions_of
from watcher.rollouts.requests.hours import HourCount, unpacked
from watcher.rollouts.requests.minutes import GAP, Grown
from watcher.rollouts.requests.normal import Tally
from watcher.rollouts.seen.course import Course

SEED, SDK = "agentweave_authz_decisions_total", "agentweave_auth_decisions_total"


def page(text: str) -> RememberedPage:
    """What is held of a page with this text."""
    return page_of(text, *FAMILIES).remembered()


@pytest.mark.parametrize(
    "text",
    [
        f'{SEED}{{result="allowed"}} 90\n{SEED}{{result="denied"}} 10\n',
        (
            f'{SDK}{{decision="allow",peer_id="a"}} 50\n{SDK}{{decision="allow",peer_id="b"}} 40\n'
            f'{SDK}{{decision="deny",peer_id="a"}} 10\n'
        ),
        f'{SEED}{{policy="p",decision="ALLOW"}} 90\n{SEED}{{policy="p",decision="Deny"}} 10\n',
    ],
)
def test_each_dialect_tells_decisions_and_denials(text: str) -> None:
    assert decisions_of(page(text), 5.0) == Decisions(5.0, 100.0, 10.0)


@pytest.mark.parametrize(
    "text",
    [
        "up 1\n",
        f"# TYPE {SEED} counter\n",
        f"{SEED} 100\n",
        f'{SEED}{{result="maybe"}} 5\n{SEED}{{result="allowed"}} 90\n',
        f'{SEED}{{result="allowed"}} NaN\n',
    ],
)
def test_a_page_that_does_not_tell_of_all_how_they_ended_tells_nothing(text: str) -> None:
    assert decisions_of(page(text), 5.0) is None


def test_what_is_no_page_tells_nothing() -> None:
    assert decisions_of(None, 5.0) is None
    assert decisions_of(object(), 5.0) is None


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (Decisions(100, 90, 9), Decisions(130, 100, 10), (10, 1)),
        (Decisions(100, 90, 9), Decisions(130, 5, 1), (5, 1)),
        (Decisions(100, 90, 9), Decisions(100 + GAP + 1, 100, 10), None),
        (Decisions(100, 90, 9), Decisions(100, 100, 10), None),
        (None, Decisions(100, 90, 9), None),
    ],
)
def test_decisions_between_two_looks_are_counted_once(
    before: Decisions | None, now: Decisions, expected: tuple[float, float] | None
) -> None:
    assert decided(before, now) == expected


numbers = st.floats(0, 1e9)


@given(numbers, numbers, numbers, numbers)
def test_there_are_never_more_denials_than_decisions(
    all_before: float, some: float, more: float, denied: float
) -> None:
    before = Decisions(0, all_before, min(some, all_before))
    now = Decisions(30, all_before + more, min(denied, all_before + more))
    found = decided(before, now)
    assert found is not None
    assert 0 <= found[1] <= found[0]


def test_decisions_of_new_pods_and_old_ones_are_counted_apart_and_an_hour_keeps_them() -> None:
    seen = Seen()
    for name, denied in (("n-0", 5), ("o-0", 1)):
        for at, times in ((BEGAN + 30, 1), (BEGAN + 60, 2)):
            text = f'{SEED}{{result="allowed"}} {90 * times}\n{SEED}{{result="denied"}} {denied * times}\n'
            seen.requests.looked(name, looked(at, 100.0 * times, 1.0), 300.0, seen.trial, page(text))
    new, old = (each.errors(BEGAN + 3600) for each in (seen.trial.new_decisions, seen.trial.old_decisions))
    assert [(each.requests, each.bad) for each in (new, old)] == [(95, 5), (91, 1)]

    kept = agent_of(packed_agent(Course("prod", "search"), seen.trial, BEGAN + 60, 1, 7))
    again = trial_of(kept)
    assert again is not None
    assert again.new_decisions.errors(BEGAN + 3600) == new
    assert again.old_decisions.by_pod == {"o-0": [91.0, 1.0]}

    hour = HourCount(1)
    hour.add(3600.0, Grown(10.0, 1.0, 0.0, (), in_buckets=True), None, (95.0, 5.0))
    ended = hour.ended("abc", 1, 7)
    assert (ended.denials.requests, ended.denials.bad) == (95, 5)
    assert unpacked(1, "abc", 1, 7, ended.packed()) == ended
    assert unpacked(1, "abc", 1, 7, ended.packed()[:80]).denials == Tally(), "as an earlier release kept it"
