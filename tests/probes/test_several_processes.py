"""An agent with several worker processes, real ones, and what each probe says of it."""

import asyncio
import time
from pathlib import Path
from typing import Any

from probes import load_probes
from probes.contract import EvaluationContext, SourceContext, Target, TargetKey
from probes.contract.condition import Status
from probes.history.process import IN_TURN
from probes.readings.metrics_page import MetricsPage
from probes.slo import SLOLimits
from probes.sources.agent_metrics import AgentMetrics, AgentMetricsSettings
from probes.sources.names import Names
from tests.probes.sources.test_tokens import NoIdentity
from tests.servers.workers import workers

PROBES = [each for each in load_probes() if each.source == "agent_metrics"]
LIMITS: dict[str, Any] = {each.name: each.limits() for each in PROBES} | {
    "slo": SLOLimits.model_validate({"window": "1s", "least_requests": 1})
}
WANTS = tuple(dict.fromkeys(want for each in PROBES for want in each.wants(LIMITS[each.name])))
LOOKS, INTERVAL = 60, 0.05
Told = dict[str, tuple[Status, str]]


class Agent:
    """Looks at one page with the real source, and judges it by all probes as time goes by."""

    def __init__(self, url: str) -> None:
        key = TargetKey("prod", "search", "search-0")
        self.target = Target(key=key, metrics=url, cpu_limit=2.0, memory_limit=1 << 30)
        self.source = AgentMetrics(AgentMetricsSettings(), SourceContext(NoIdentity(), time.time, time.time, Names()))
        self.history: dict[str, Any] = {each.name: each.history() for each in PROBES}

    async def looks(self, count: int) -> list[Told]:
        """What is said at each of so many looks: condition -> status and sentence."""
        return [self._judged(await self.source.look(self.target, WANTS)) for _ in range(count)]

    def until_told(self, condition: str) -> Told:
        """What is said at the first look that tells this condition, or after half a minute."""
        until, [last] = time.monotonic() + 30, asyncio.run(self.looks(1))
        while last[condition][0] is Status.UNKNOWN and time.monotonic() < until:
            [last] = asyncio.run(self.looks(1))
        return last

    def _judged(self, page: MetricsPage) -> Told:
        told: Told = {}
        now = time.time()
        for probe in PROBES:
            context = EvaluationContext(self.target, LIMITS[probe.name], now, now, INTERVAL, "metrics")
            evaluation = probe.judge(page, self.history[probe.name], context)
            self.history[probe.name] = evaluation.history
            told |= {each.kind.name: (each.status, each.text) for each in evaluation.verdicts}
        return told


def told_of(url: str) -> list[Told]:
    return asyncio.run(Agent(url).looks(LOOKS))


def test_of_three_workers_in_turn_what_needs_counters_says_so_and_nothing_is_made_up() -> None:
    with workers(3) as url:
        told = told_of(url)
    last = told[-1]
    for condition in ("ErrorRateHigh", "LatencyHigh", "CPUHigh", "CircuitBreakerOpen", "CircuitBreakerFlapping"):
        assert last[condition] == (Status.UNKNOWN, IN_TURN)
    made_up = [each for look in told for each, (status, _) in look.items() if status is Status.TRUE]
    assert made_up == []
    assert last["MetricsUnavailable"][0] is Status.FALSE


def test_one_worker_is_judged() -> None:
    with workers(1) as url:
        last = Agent(url).until_told("ErrorRateHigh")
    assert last["ErrorRateHigh"][1].startswith("33.3% of ")


def test_multiprocess_mode_is_the_way_out(tmp_path: Path) -> None:
    with workers(3, tmp_path) as url:
        last = Agent(url).until_told("ErrorRateHigh")
    assert last["ErrorRateHigh"][0] is Status.TRUE
    assert last["ErrorRateHigh"][1].startswith("33.3% of ")
    assert last["LatencyHigh"][0] is Status.FALSE
