"""A page that costs too much CPU: the look ends in time, says so, and is made less often until the page is good."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import nullcontext

import pytest

from probes.breaker import PROBE as BREAKER
from probes.breaker.transitions import BREAKER_STATE, BreakerLimits
from probes.contract import EvaluationContext, SourceContext, Target, TargetKey
from probes.contract.signal import REQUESTS, START_TIME
from probes.readings.metrics_page import MetricsPage, PageTrouble
from probes.sources.agent_metrics import AgentMetrics, AgentMetricsSettings
from probes.sources.names import Names
from probes.sources.pace import SLOWEST
from tests.hostile import pages as hostile
from tests.servers import metrics_pages as pages

WANTS = (BREAKER_STATE, START_TIME, REQUESTS)
LARGE = hostile.thousand_subjects()
GOOD = b"process_start_time_seconds 1\nagentweave_requests_total 1\nagentweave_circuit_breaker_state 0\n"


class NoIdentity:
    """No identity is configured."""

    current = None
    confirmed = False


class CPU:
    """Seconds of CPU that a test spends: so many at each time that somebody asks."""

    def __init__(self, each: float) -> None:
        self.each, self.now = each, 0.0

    def __call__(self) -> float:
        self.now += self.each
        return self.now


class Agent:
    """Answers with the page that a test sets, and counts how often it was asked."""

    def __init__(self, page: bytes) -> None:
        self.page, self.asked = page, 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        writer.write(pages.ok(self.page))
        await writer.drain()


def _looks(
    agent: Agent, cpu: Callable[[], float], rounds: Sequence[bytes], now: Callable[[], float] = lambda: 0.0
) -> list[MetricsPage]:
    async def main() -> list[MetricsPage]:
        context = SourceContext(
            identity=NoIdentity(), now=now, date=lambda: 0.0, names=Names(), cpu_time=cpu, gate=nullcontext()
        )
        source = AgentMetrics(AgentMetricsSettings(), context)
        async with pages.serving(agent.talk) as url:
            target = Target(key=TargetKey("prod", "search", "search-0"), metrics=url + "/metrics")
            found = []
            for page in rounds:
                agent.page = page
                found.append(await source.look(target, WANTS))
            return found

    return asyncio.run(main())


def test_a_page_beyond_the_budget_is_too_large_and_says_how_often_it_is_asked_for() -> None:
    agent = Agent(LARGE)
    [page] = _looks(agent, CPU(0.04), [LARGE])
    assert (page.trouble, page.fault, page.result, page.asked_in) == (PageTrouble.TOO_LARGE, None, "error", 2)
    assert page.error == (
        "The metrics endpoint is too much to read: to read it takes more than 150 ms of CPU. It is requested at one "
        "of 2 attempts."
    )
    assert page.evidence()["asked_at"] == page.remembered().evidence()["asked_at"] == "one of 2 attempts"
    assert 0.15 < page.cpu < 0.3
    assert agent.asked == 1, "what the filter let through was too much already"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (hostile.backslash_page(), "its wanted lines are more than 2.0 MiB"),
        (hostile.many_labels(), "its wanted lines have more than 50000 labels"),
    ],
)
def test_a_page_beyond_a_cap_is_too_large_whatever_the_clock_says(body: bytes, why: str) -> None:
    [page] = _looks(Agent(body), CPU(0.0), [body])
    assert page.trouble is PageTrouble.TOO_LARGE
    assert page.error == f"The metrics endpoint is too much to read: {why}. It is requested at one of 2 attempts."


def test_it_is_asked_for_less_and_less_often() -> None:
    agent, looks = Agent(LARGE), 2 + 4 + 8 + 3 * SLOWEST
    found = _looks(agent, CPU(0.04), [LARGE] * looks)
    assert agent.asked == 6
    assert [page.asked_in for page in found] == [2] * 2 + [4] * 4 + [8] * 8 + [SLOWEST] * 3 * SLOWEST
    assert {page.trouble for page in found} == {PageTrouble.TOO_LARGE}
    assert [page.cpu > 0 for page in found] == [page.asked for page in found], "what one look took is charged once"


def test_each_look_between_says_the_same_and_how_long_ago_that_was() -> None:
    seconds = iter(range(0, 3000, 30))
    found = _looks(Agent(LARGE), CPU(0.04), [LARGE] * 6, now=lambda: float(next(seconds)))
    assert [page.age for page in found] == [0.0, 30.0, 0.0, 30.0, 60.0, 90.0]
    assert found[5].error == f"{found[2].error} That was 1m30s ago."


def test_a_good_page_ends_it_and_a_relapse_begins_where_it_was() -> None:
    agent = Agent(LARGE)
    cpu = CPU(0.04)
    found = _looks(agent, cpu, [LARGE] * 2 + [GOOD] * 5)
    assert [page.trouble for page in found[2:]] == [None] * 5
    assert [page.asked_in for page in found[2:]] == [1] * 5
    relapse = _looks(Agent(LARGE), cpu, [LARGE] * 6 + [GOOD, LARGE])
    assert [relapse[2].asked_in, relapse[6].trouble, relapse[7].asked_in] == [4, None, 4]


def test_a_large_page_within_the_budget_is_read_and_charged() -> None:
    [page] = _looks(Agent(LARGE), CPU(0.0002), [LARGE])
    assert (page.trouble, page.result, page.asked_in) == (None, "ok", 1)
    assert 0.002 < page.cpu < 0.15
    judged = BREAKER.judge(page, BREAKER.history(), _context())
    assert len(judged.verdicts) == 2 * 999


def test_a_small_page_costs_next_to_nothing_and_is_not_charged() -> None:
    [page] = _looks(Agent(GOOD), CPU(0.0005), [GOOD])
    assert (page.trouble, page.cpu) == (None, 0.0)


def _context() -> EvaluationContext[BreakerLimits]:
    target = Target(key=TargetKey("prod", "search", "search-0"), metrics="http://x")
    return EvaluationContext(
        target=target, limits=BreakerLimits(), now=1.0, date=1.0, interval=30.0, endpoint="metrics"
    )


def test_the_loop_does_other_things_while_a_large_page_is_read() -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async def main() -> None:
        context = SourceContext(
            identity=NoIdentity(), now=lambda: 0.0, date=lambda: 0.0, names=Names(), cpu_time=CPU(0.006)
        )
        source = AgentMetrics(AgentMetricsSettings(), context)
        async with pages.serving(Agent(LARGE).talk) as url:
            counting = asyncio.create_task(count())
            before = turns
            await source.look(Target(key=TargetKey("a", "b", "c"), metrics=url), WANTS)
            counting.cancel()
            assert turns - before > 20

    asyncio.run(main())
