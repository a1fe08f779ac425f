"""What looks told is counted once each: requests, time that could be judged, decisions, calls."""

import pytest

from probes.contract import Fault, Limits, Sample, Unknown, Verdict
from probes.contract.signal import SignalValues
from probes.controls.evidence import Traffic
from probes.history.process import Process
from probes.readings.decision import Actual, CanaryAnswer, Expected, OPAReading, Reply
from probes.readings.metrics_page import Families, RememberedPage
from probes.slo import ERROR_RATE, LATENCY, PROBE, REQUEST_RATE, SLOHistory, SLOLimits
from watcher.checklist.live.known.counted import Counted
from watcher.engine.board import Look
from watcher.engine.debounce import ProbeResult, debounce

START = 1_800_000_000.0
HOUR = 3600.0
LIMITS: Limits = SLOLimits()
WELL = (ERROR_RATE.false(), LATENCY.false())


class Looked:
    """An agent that is looked at every 30 s."""

    def __init__(self, share: float = 0.0) -> None:
        self.now, self.counted = START, Counted(share)

    def page(
        self,
        *verdicts: Verdict,
        rate: float | None = 1.0,
        made: dict[str, float] | None = None,
        retries: dict[str, float] | None = None,
        process: Process | None = None,
        error: str = "",
        seconds: float = 30.0,
    ) -> None:
        """One look at a page, by which the probe says this."""
        self.now += seconds
        kept = {"outbound_requests": made, "retries": retries}
        page = RememberedPage(
            status=200,
            size=1,
            filtered=True,
            squeezed=b"",
            error=error,
            families=Families(frozenset(), {}, {}, ours=True),
            kept={name: SignalValues(values) for name, values in kept.items() if values is not None},
        )
        samples = () if rate is None else (Sample(REQUEST_RATE, rate),)
        debounced = debounce(verdicts or WELL, {}, 1, self.now)
        result = ProbeResult(self.now, *debounced, samples, SLOHistory())
        self.counted.page(Look("agent_metrics", self.now, 0.01, page), result, LIMITS, process)

    def opa(self, actual: Actual, *, reached: bool = True, isolated: bool = False, **reply: object) -> None:
        """One look at the OPA."""
        self.now += 30
        answer = CanaryAnswer("c", Expected.DENY, Reply(actual=actual, **reply))  # type: ignore[arg-type]
        fault = reply.get("fault")
        reading = OPAReading(answers=(answer,), fault=fault if isinstance(fault, Fault) else None)
        self.counted.opa(Look("opa", self.now, 0.01, reading), reached=reached, isolated=isolated)


def test_requests_are_the_rate_times_the_time_between_looks() -> None:
    agent = Looked()
    assert agent.counted.requests(agent.now) is None
    for _ in range(11):
        agent.page(rate=0.1)
    assert agent.counted.requests(agent.now) == pytest.approx(30)
    assert agent.counted.requests(agent.now + 2 * HOUR) == 0


def test_a_look_is_counted_once_however_often_it_is_told_of() -> None:
    agent = Looked()
    agent.page()
    agent.page()
    before = agent.counted.requests(agent.now)
    agent.now -= 30
    agent.page()
    assert agent.counted.requests(agent.now) == before == pytest.approx(30)


@pytest.mark.parametrize(
    ("verdicts", "rate", "seconds"),
    [
        (WELL, 1.0, (300, 300, 0)),
        (WELL, 0.01, (300, 0, 0)),  # false, because there were too few requests to tell
        (WELL, None, (300, 0, 0)),
        ((ERROR_RATE.false(), LATENCY.true("Slow.")), 1.0, (300, 300, 300)),
        ((ERROR_RATE.false(), LATENCY.unknown(Unknown.SIGNAL_ABSENT)), 1.0, (0, 0, 0)),
        ((ERROR_RATE.unknown(Unknown.SIGNAL_ABSENT), LATENCY.false()), 1.0, (0, 300, 0)),
        ((ERROR_RATE.false(),), 1.0, (0, 0, 0)),
    ],
)
def test_time_is_judged_where_there_was_a_verdict_and_busy_where_it_could_be_another(
    verdicts: tuple[Verdict, ...], rate: float | None, seconds: tuple[float, float, float]
) -> None:
    agent = Looked()
    for _ in range(11):
        agent.page(*verdicts, rate=rate)
    assert agent.counted.seconds(agent.now) == seconds
    assert agent.counted.seconds(agent.now + 25 * HOUR) == (0, 0, 0)


def test_a_page_that_was_not_had_and_a_long_gap_count_for_no_more_than_they_are() -> None:
    agent = Looked()
    agent.page()
    agent.page(error="Lost.")
    assert agent.counted.seconds(agent.now) == (0, 0, 0)
    agent.page(seconds=10 * HOUR)
    assert agent.counted.seconds(agent.now)[0] == 300


@pytest.mark.parametrize(
    ("actual", "more", "counted"),
    [
        (Actual.DENY, {}, (1, 0)),
        (Actual.UNDEFINED, {}, (1, 0)),
        (Actual.UNREACHABLE, {"fault": Fault.REFUSED}, (1, 1)),
        (Actual.ERROR, {"status": 500}, (1, 1)),
        (Actual.MALFORMED, {}, (1, 1)),
        (Actual.ERROR, {"status": 403}, (0, 0)),
        (Actual.UNREACHABLE, {"fault": Fault.OURS}, (0, 0)),
        (Actual.UNREACHABLE, {"impaired": True}, (0, 0)),
        (Actual.UNREACHABLE, {"reached": False}, (0, 0)),
        (Actual.UNREACHABLE, {"isolated": True}, (0, 0)),
    ],
)
def test_a_look_without_a_decision_counts_where_it_is_no_fault_of_ours(
    actual: Actual, more: dict[str, object], counted: tuple[int, int]
) -> None:
    agent = Looked()
    agent.opa(actual, **more)  # type: ignore[arg-type]
    assert agent.counted.decisions(agent.now) == counted


def test_calls_are_what_the_counters_of_the_page_grew_by() -> None:
    agent = Looked()
    agent.page(made={"index": 100.0}, retries={"Timeout": 5.0})
    agent.page(made={"index": 110.0, "store": 3.0}, retries={"Timeout": 6.0})
    agent.page(made={"index": 2.0, "store": 3.0}, retries={"Timeout": 0.0})  # a new process
    found = agent.counted.traffic(agent.now)
    assert (found.made, found.retries, found.failed) == (15.0, 1.0, None)
    assert found.made_by_callee == {"index": 12.0, "store": 3.0}


def test_of_processes_that_answer_in_turn_no_call_is_counted() -> None:
    agent = Looked()
    for value in (100.0, 5.0, 110.0, 6.0):
        agent.page(made={"index": value}, process=Process(returns=2))
    assert agent.counted.traffic(agent.now).made is None


def test_an_agent_that_counts_no_calls_tells_of_none() -> None:
    agent = Looked()
    agent.page()
    agent.page()
    found = agent.counted.traffic(agent.now)
    assert found == Traffic(requests=found.requests)
    assert found.requests == pytest.approx(30)


def test_retries_that_grew_in_two_blocks_in_a_row_are_told_by_their_class() -> None:
    agent = Looked()
    for number in range(25):
        agent.page(retries={"AuthorizationError": float(number), "Timeout": 1.0})
    assert agent.counted.traffic(agent.now).retried == {"AuthorizationError"}


def test_which_counts_are_over_what_controls_ask_for_is_looked_at_once_in_five_minutes() -> None:
    agent = Looked()
    agent.page(rate=1.0)
    before = agent.counted.crossed(agent.now)
    agent.page(rate=1.0)
    assert agent.counted.crossed(agent.now) == before
    assert agent.counted.crossed(agent.now + 300) != before
    assert PROBE.name == "slo"
