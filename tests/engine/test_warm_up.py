"""Warming up ends."""

import random
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import load_probes
from probes.contract import ConditionKind, Fault, Limits, Severity, Unknown
from probes.contract.condition import Status, Window
from probes.readings.conformance import Conformance
from probes.readings.metrics_page import MetricsPage
from tests.engine.toy import TOY, Rooms
from tests.engine.watch import NOW, Watch
from tests.servers.metrics_pages import page_of
from watcher.engine.restored import Restored
from watcher.engine.warm_up import LONG, UNSEEN, Waiting, WarmUp, Young

INTERVAL = 30.0


class WindowLimits(Limits):
    span: float = 60.0


SLOW = ConditionKind(
    name="Slow",
    severity=Severity.WARNING,
    true_when="It is slow.",
    all_clear="It is fast.",
    window=Window("span"),
)
YOUNG, TOLD, TORN = SLOW.unknown(Unknown.WARMING_UP), SLOW.false(), SLOW.unknown(Unknown.MALFORMED, "It is torn.")
LIMITS = WindowLimits()
LAST = 2 * 60.0 + 5 * INTERVAL
"""Seconds after the first good look: the most that it may warm up."""


def watch(**parts: Any) -> Watch:
    probe = replace(TOY, conditions=(SLOW,), limits=WindowLimits)
    return Watch(probe, limits={"toy": LIMITS}, **parts)


def said(watched: Watch, reading: Rooms, after: float = INTERVAL) -> str:
    watched.look(reading, after=after)
    [verdict] = watched.verdicts()
    return verdict.reason or verdict.status.value


def rooms(*verdicts: Any) -> Rooms:
    return Rooms(verdicts=verdicts)


def test_what_is_never_told_is_interrupted_after_twice_its_window_and_five_looks() -> None:
    watched = watch()
    told = [said(watched, rooms(YOUNG)) for _ in range(12)]
    assert told == ["WarmingUp"] * 8 + ["HistoryInterrupted"] * 4
    assert 8 * INTERVAL < LAST <= 9 * INTERVAL


def test_what_is_told_in_time_may_warm_up_again_from_there() -> None:
    watched = watch()
    assert [said(watched, rooms(YOUNG)) for _ in range(8)] == ["WarmingUp"] * 8
    assert said(watched, rooms(TOLD)) == "false"
    assert [said(watched, rooms(YOUNG)) for _ in range(9)][-2:] == ["WarmingUp", "HistoryInterrupted"]


def test_it_counts_from_the_first_good_look_and_failed_ones_neither_begin_nor_end_it() -> None:
    watched, failed = watch(), Rooms(verdicts=(SLOW.unknown(Unknown.SOURCE_FAILED),), error="It failed.")
    assert [said(watched, failed) for _ in range(20)] == ["SourceFailed"] * 20
    assert said(watched, rooms(YOUNG)) == "WarmingUp"
    assert [said(watched, failed) for _ in range(20)] == ["SourceFailed"] * 20
    assert said(watched, rooms(YOUNG)) == "HistoryInterrupted"


def test_what_cannot_be_told_for_another_reason_says_that_and_grows_no_younger() -> None:
    watched = watch()
    said(watched, rooms(YOUNG))
    assert [said(watched, rooms(TORN)) for _ in range(20)] == ["Malformed"] * 20
    assert said(watched, rooms(YOUNG)) == "HistoryInterrupted"


def test_a_subject_that_is_new_has_its_own_time() -> None:
    watched = watch()
    for _ in range(20):
        watched.look(rooms(replace(YOUNG, subject="a")), after=INTERVAL)
    watched.look(rooms(replace(YOUNG, subject="a"), replace(YOUNG, subject="b")), after=INTERVAL)
    assert [(each.subject, each.reason) for each in watched.verdicts()] == [
        ("a", "HistoryInterrupted"),
        ("b", "WarmingUp"),
    ]


def test_a_subject_that_comes_and_goes_does_not_begin_anew_each_time() -> None:
    watched, told = watch(), []
    for turn in range(30):
        watched.look(rooms(*([replace(YOUNG, subject="a")] * (turn % 2 == 0))), after=INTERVAL)
        told += [each.reason for each in watched.verdicts()]
    assert told == ["WarmingUp"] * 4 + ["HistoryInterrupted"] * 11


def test_a_subject_that_was_gone_for_long_is_a_new_one() -> None:
    watched = watch()
    watched.look(rooms(replace(YOUNG, subject="a")))
    for _ in range(20):
        watched.look(rooms(), after=INTERVAL)
    watched.look(rooms(replace(YOUNG, subject="a")), after=INTERVAL)
    assert [each.reason for each in watched.verdicts()] == ["WarmingUp"]


def test_of_subjects_that_are_gone_no_more_are_remembered_than_are_judged() -> None:
    watched = watch()
    for turn in range(3):
        watched.look(rooms(*(replace(YOUNG, subject=f"{turn} {n}") for n in range(1000))), after=INTERVAL)
    result = watched.state.results[0]
    assert result is not None
    assert len(result.young.waiting) == 2000


def test_it_goes_on_over_a_restart() -> None:
    watched = watch(
        restored=Restored(young={"toy": Young({("Slow", ""): Waiting(NOW - 1000, NOW + 1000)}, UNSEEN.due)})
    )
    assert said(watched, rooms(YOUNG)) == "HistoryInterrupted"


def test_a_restart_before_the_first_look_keeps_it() -> None:
    young = {"toy": Young({("Slow", ""): Waiting(NOW - 100, NOW)}, UNSEEN.due)}
    watched = watch(restored=Restored(young=young))
    assert watched.board.snapshot(watched.state).young == young


@pytest.mark.parametrize(
    ("why", "sentence"),
    [
        ("", "Not judged for 5m0s: its history is interrupted again and again."),
        (
            "History restarted, 30s of 1m0s so far: another process answered.",
            (
                "Not judged for 5m0s: its history is interrupted again and again. "
                "History restarted, 30s of 1m0s so far: another process answered."
            ),
        ),
    ],
)
def test_its_message_says_for_how_long_and_why(why: str, sentence: str) -> None:
    watched = watch()
    for _ in range(11):
        said(watched, rooms(SLOW.unknown(Unknown.WARMING_UP, why)))
    [verdict] = watched.verdicts()
    assert verdict.text == sentence


def test_what_needs_more_than_an_hour_warms_up_for_as_long_as_it_takes() -> None:
    limits = WindowLimits(span=LONG + 1)
    long = WarmUp(limits, INTERVAL)
    assert long.ended((YOUNG,), (), Young({("Slow", ""): Waiting(NOW, NOW)}, UNSEEN.due), NOW + 1e9)[0] == (YOUNG,)
    assert WarmUp(WindowLimits(span=LONG), INTERVAL).longest(SLOW) == 2 * LONG + 4 * INTERVAL


def test_verdicts_that_were_told_cost_no_memory() -> None:
    one, other = watch(), watch()
    for watched in (one, other):
        said(watched, rooms(YOUNG))
        said(watched, rooms(TOLD))
    results = [watched.state.results[0] for watched in (one, other)]
    assert results[0] is not None
    assert results[1] is not None
    assert results[0].young is results[1].young


NEEDS_HISTORY = {
    "OPABundleStale",
    "OPARevisionSkew",
    "OPADecisionSlow",
    "CircuitBreakerOpen",
    "CircuitBreakerFlapping",
    "MemoryDrift",
    "MemoryExhaustionPredicted",
    "PoolExhaustionPredicted",
    "ErrorRateHigh",
    "LatencyHigh",
    "CPUHigh",
    "AgentRestarting",
    "MetricsNonconformant",
}


def test_each_condition_that_needs_history_says_how_much() -> None:
    interval = 30.0
    lengths = {
        kind.name: kind.window.length(probe.limits(), interval)
        for probe in load_probes()
        for kind in probe.conditions
        if kind.window.length(probe.limits(), interval)
    }
    assert lengths.keys() == NEEDS_HISTORY
    assert {name: lengths[name] for name in ("OPADecisionSlow", "OPARevisionSkew")} == {
        "OPADecisionSlow": 600,
        "OPARevisionSkew": 900,
    }
    assert {name for name, length in lengths.items() if length > LONG} == {"MemoryDrift", "MemoryExhaustionPredicted"}


PROBES = [each for each in load_probes() if each.source == "agent_metrics"]
SHORT = {
    each.name: each.limits.model_validate(
        {name: "60s" for name in each.limits.model_fields if name in ("window", "restart_window", "flapping_window")}
        | ({"exhaustion_within": "60s"} if each.name == "pool" else {})
        | ({"open_for": "60s"} if each.name == "breaker" else {})
    )
    for each in PROBES
}


@dataclass
class Process:
    started: float
    cpu: float
    requests: float
    breaker: int

    def page(self, now: float, pools: int) -> MetricsPage:
        self.cpu, self.requests = self.cpu + 1, self.requests + 10
        bucket = "agentweave_request_duration_seconds_bucket"
        lines = [
            f"process_start_time_seconds {self.started}",
            f"process_cpu_seconds_total {self.cpu}",
            f"process_resident_memory_bytes {1e8 + now % 7}",
            f'agentweave_requests_total{{status="ok"}} {self.requests}',
            f'{bucket}{{le="0.1"}} {self.requests}',
            f'{bucket}{{le="+Inf"}} {self.requests}',
            f'agentweave_circuit_breaker_state{{callee="a"}} {self.breaker}',
            *(f'agentweave_connection_pool_active{{pool="p{number}"}} 3' for number in range(pools)),
        ]
        wants = {want: None for each in PROBES for want in each.wants(SHORT[each.name])}
        return page_of("\n".join(lines), *wants)  # type: ignore[arg-type]  # a page is asked for signals


@given(st.randoms(use_true_random=False), st.integers(1, 4), st.floats(0, 1), st.floats(0, 1), st.floats(0, 0.3))
def test_no_probe_warms_up_for_longer_than_it_may_whatever_happens(
    chance: random.Random, workers: int, restarts: float, gaps: float, failures: float
) -> None:
    watched = Watch(*PROBES, limits=SHORT, cpu_limit=2.0, memory_limit=1 << 30, pool_capacity=10)
    processes = [Process(NOW - 5000 - 40 * n, 100 + 50 * n, 1000 + 90 * n, n % 2) for n in range(workers)]
    longest = {
        kind.name: WarmUp(SHORT[each.name], 30).longest(kind) + 30 for each in PROBES for kind in each.conditions
    }
    first: dict[tuple[str, str], float] = {}
    seen: dict[tuple[str, str], float] = {}
    for _ in range(40):
        watched.now += 30 if chance.random() > gaps else chance.choice([45, 100, 400, 2000])
        if chance.random() < restarts:
            processes[chance.randrange(workers)] = Process(watched.now - 3, 0.5, 2, 0)
        page = chance.choice(processes).page(watched.now, chance.randrange(1, 3))
        if chance.random() < 0.05:
            page = page.inspected(Conformance())
        if chance.random() < failures:
            page = replace(page, fault=Fault.STALLED, error="It failed.")
        watched.look(page)  # type: ignore[arg-type]  # a page is a reading too
        for index in range(len(PROBES)):
            for each in watched.verdicts(index):
                place = (each.kind.name, each.subject)
                if watched.now - seen.get(place, watched.now) > 2 * 60 + 4 * 30:
                    first.pop(place, None)  # a subject that is new again
                seen[place] = watched.now
                if each.status is not Status.UNKNOWN:
                    first.pop(place, None)
                elif each.reason == Unknown.WARMING_UP:
                    since = first.setdefault(place, watched.now)
                    assert watched.now - since <= longest[each.kind.name], place
