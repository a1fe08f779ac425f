"""A start time that moves is believed only where the rest of the page bears it out: all probes, page after page."""

from collections.abc import Callable
from typing import Any

import pytest

from probes import load_probes
from probes.history.process import IN_TURN, ONE_OF_SEVERAL
from tests.probes.judged import T0, Judged

PROBES = {each.name: each for each in load_probes() if each.source == "agent_metrics"}
PARTS = {"cpu_limit": 2.0, "memory_limit": 1 << 30, "pool_capacity": 100}
HOURS = 36_000.0
Page = Callable[[float], str]


class Agent:
    """One target, looked at by all probes every half minute."""

    def __init__(self) -> None:
        self.judged = {name: Judged(probe, probe.limits(), parts=PARTS) for name, probe in PROBES.items()}

    def looks(self, page: Page, begin: float, end: float) -> list[dict[str, str]]:
        """What is said at each look: condition -> reason or `false`."""
        times = range(round(begin), round(end), 30)
        return [{k: v for each in self.judged.values() for k, v in each.read(at, page(at)).items()} for at in times]

    def said(self, probe: str, condition: str) -> str:
        return self.judged[probe].message(condition)

    def remembers(self, probe: str) -> Any:
        return self.judged[probe].history


def page(at: float, *, started: float = -HOURS, life: float = HOURS, breaker: int = 0, share: float = 1.0) -> str:
    """Of a process that handled 20 requests a second for `life` seconds and, long ago, 9,000 that failed slowly."""
    lived = life + at
    good, bad = round(20 * share * lived), round(9000 * share)
    took = "agentweave_request_duration_seconds_bucket"
    return f"""process_start_time_seconds {T0 + started}
process_cpu_seconds_total {1800 * share + 0.05 * at:.2f}
process_resident_memory_bytes {3e8 * share:.0f}
agentweave_requests_total{{status="success"}} {good}
agentweave_requests_total{{status="error"}} {bad}
{took}{{le="0.1"}} {good}
{took}{{le="+Inf"}} {good + bad}
agentweave_circuit_breaker_state{{callee="ranker"}} {breaker}
agentweave_connection_pool_active{{pool="db"}} 5
"""


@pytest.mark.parametrize("step", [3.0, -3.0, 120.0, 3600.0, HOURS])
def test_a_clock_that_is_set_changes_no_verdict_and_loses_no_history(step: float) -> None:
    agent = Agent()
    before = agent.looks(page, 0, 7200)[-1]
    floors = agent.remembers("memory").blocks
    after = agent.looks(lambda at: page(at, started=-HOURS + step), 7200, 9000)
    assert before["ErrorRateHigh"] == before["CPUHigh"] == before["AgentRestarting"] == "false"
    assert all(each == before for each in after)
    assert agent.remembers("memory").blocks == floors + 3


def test_a_restart_is_one_and_counts_from_zero() -> None:
    agent = Agent()
    agent.looks(page, 0, 7200)
    after = agent.looks(lambda at: page(at - 7190, started=7190, life=0, share=0.001), 7200, 7800)
    told = {name: {each[name] for each in after} for name in ("ErrorRateHigh", "LatencyHigh", "CPUHigh")}
    assert told == {"ErrorRateHigh": {"false"}, "LatencyHigh": {"false"}, "CPUHigh": {"false"}}
    assert agent.remembers("memory").blocks < 2
    assert len(agent.remembers("telemetry").restarts) == 1
    assert after[-1]["PoolExhaustionPredicted"] == "WarmingUp"
    assert (
        agent.said("pool", "PoolExhaustionPredicted") == "History restarted, 9m0s of 30m0s so far: the process is new."
    )


def in_turn(at: float) -> str:
    """Two workers that answer in turn; the older has its breaker open."""
    first = at // 30 % 2 == 0
    return page(at) if first else page(at, started=-HOURS - 2.5, life=2 * HOURS, breaker=1, share=2.0)


def test_workers_that_answer_in_turn_are_told_as_such_by_all_that_needs_counters() -> None:
    agent = Agent()
    told = agent.looks(in_turn, 0, 7200)
    for probe, condition in (
        ("slo", "ErrorRateHigh"),
        ("slo", "LatencyHigh"),
        ("cpu", "CPUHigh"),
        ("breaker", "CircuitBreakerOpen"),
        ("breaker", "CircuitBreakerFlapping"),
    ):
        assert {each[condition] for each in told[20:]} == {"Malformed"}
        assert agent.said(probe, condition) == IN_TURN
    assert {each["AgentRestarting"] for each in told} == {"WarmingUp", "false"}
    assert told[-1]["MemoryHigh"] == told[-1]["PoolExhausted"] == "false"
    assert agent.remembers("memory").blocks == 11
    assert (
        agent.said("memory", "MemoryHigh")
        == f"The process uses at most `high_ratio` of its memory limit. {ONE_OF_SEVERAL}"
    )
    for condition in ("PoolSaturated", "PoolExhausted", "PoolExhaustionPredicted"):
        assert agent.said("pool", condition).endswith(ONE_OF_SEVERAL)


def of_the_same_second(at: float) -> str:
    """Two workers that were forked together: only that the CPU falls tells them apart."""
    first = at // 30 % 2 == 0
    return page(at) if first else page(at, started=-HOURS + 0.1, breaker=1, share=1.001)


def test_breakers_of_workers_that_started_in_the_same_second_do_not_flap() -> None:
    agent = Agent()
    told = agent.looks(of_the_same_second, 0, 3600)
    assert {each["CircuitBreakerFlapping"] for each in told} == {"WarmingUp", "Malformed"}
    assert {each["CircuitBreakerFlapping"] for each in told[8:]} == {"Malformed"}
    assert sum(agent.remembers("breaker").callees["ranker"].to) <= 3


def test_what_is_said_of_them_names_the_way_out() -> None:
    assert IN_TURN == (
        "Several processes answer in turn: their start times and counters jump back and forth, so the agent cannot be "
        "judged. "
        "Serve one page for all of them, with the multiprocess mode of its metrics library."
    )


def test_a_clear_memory_or_pool_of_one_of_them_says_that_it_is_one() -> None:
    assert ONE_OF_SEVERAL == (
        "Several processes answer in turn: this is about the one that answered; others may differ."
    )


def test_a_breaker_that_is_open_in_every_worker_is_open() -> None:
    agent = Agent()
    told = agent.looks(lambda at: in_turn(at).replace('ranker"} 0', 'ranker"} 1'), 0, 900)
    assert told[-1]["CircuitBreakerOpen"] == "Open"


def test_breakers_that_are_closed_in_every_worker_are_closed() -> None:
    agent = Agent()
    told = agent.looks(lambda at: in_turn(at).replace('ranker"} 1', 'ranker"} 0'), 0, 3600)
    assert (told[-1]["CircuitBreakerOpen"], told[-1]["CircuitBreakerFlapping"]) == ("false", "false")


def test_once_one_process_answers_alone_it_is_judged_again() -> None:
    agent = Agent()
    agent.looks(in_turn, 0, 1800)
    told = agent.looks(page, 1800, 3600)
    assert told[0]["ErrorRateHigh"] == "Malformed"
    assert {each["ErrorRateHigh"] for each in told[25:]} == {"false"}


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (lambda at: page(at, started=-20_000, life=100, share=0.5), "another process answered"),
        (
            lambda at: page(at).replace('{status="success"} 8', '{status="success"} 1'),
            "its counters fell without a new process",
        ),
    ],
)
def test_a_history_that_began_anew_says_why(changed: Page, why: str) -> None:
    agent = Agent()
    assert agent.looks(page, 0, 7200)[-1]["ErrorRateHigh"] == "false"
    assert agent.looks(changed, 7200, 7260)[-1]["ErrorRateHigh"] == "WarmingUp"
    assert agent.said("slo", "ErrorRateHigh") == f"History restarted, 30s of 5m0s so far: {why}."


def test_a_history_that_began_anew_after_a_gap_says_so() -> None:
    agent = Agent()
    agent.looks(page, 0, 1200)
    told = agent.looks(page, 7200, 7260)[-1]
    assert (told["CPUHigh"], told["PoolExhaustionPredicted"]) == ("WarmingUp", "WarmingUp")
    assert (
        agent.said("cpu", "CPUHigh") == "History restarted, 30s of 5m0s so far: the previous probe results are too old."
    )
    assert agent.said("pool", "PoolExhaustionPredicted") == (
        "History restarted, 0ms of 30m0s so far: the previous probe results are too old."
    )


def test_a_restart_in_a_gap_may_hide_more_and_says_so() -> None:
    agent = Agent()
    agent.looks(page, 0, 2400)
    told = agent.looks(lambda at: page(at - 7190, started=7190, life=0, share=0.001), 7200, 7260)[-1]
    assert told["AgentRestarting"] == "WarmingUp"
    assert agent.said("telemetry", "AgentRestarting") == (
        "History restarted, 30s of 30m0s so far: a new process came while no page could be read, perhaps not the only "
        "one."
    )


def test_a_pool_that_a_page_leaves_out_now_and_then_is_told_all_the_same() -> None:
    agent = Agent()

    def comes_and_goes(at: float) -> str:
        return page(at) if at // 30 % 3 else page(at).replace('pool="db"', 'pool="cache"')

    told = agent.looks(comes_and_goes, 0, 3000)
    assert told[-1]["PoolExhaustionPredicted"] == "false"
