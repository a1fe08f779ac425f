"""Pages about circuit breakers, looked at one after the other with time as an argument."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from probes.breaker import PROBE
from probes.breaker.transitions import BREAKER_STATE, BreakerHistory, BreakerLimits
from probes.contract import Evaluation, Target, TargetKey
from probes.contract.signal import REQUESTS
from probes.history.process import PROCESS
from probes.readings.metrics_page import MetricsPage
from tests.probes.judged import T0, page_context
from tests.servers.metrics_pages import page_of

TARGET = Target(key=TargetKey("prod", "search", "search-0"), metrics="http://127.0.0.1:1/metrics")
OPEN, FLAPPING = "CircuitBreakerOpen", "CircuitBreakerFlapping"

Told = dict[tuple[str, str], str]


def page(states: Mapping[str, float | str], requests: float | None = None, started: float | None = 1) -> MetricsPage:
    lines = ["first 1"]
    lines += [f'agentweave_circuit_breaker_state{{callee="{name}"}} {state}' for name, state in states.items()]
    lines += [] if requests is None else [f"agentweave_requests_total {requests}"]
    lines += [] if started is None else [f"process_start_time_seconds {T0 + started}"]
    return page_of("\n".join(lines), BREAKER_STATE, *PROCESS, REQUESTS)


@dataclass
class Engine:
    """Judges page after page."""

    limits: BreakerLimits = field(default_factory=BreakerLimits)
    interval: float = 30.0
    once: bool = False
    history: BreakerHistory = field(default_factory=BreakerHistory)
    last: Evaluation[BreakerHistory] | None = None

    def look(self, at: float, page: MetricsPage) -> Told:
        context = page_context(TARGET, self.limits, at, self.interval, once=self.once)
        self.last = PROBE.judge(page, self.history, context)
        self.history = self.last.history
        return {(each.kind.name, each.subject): each.reason or each.status.value for each in self.last.verdicts}

    def sees(self, at: float, state: float | str, requests: float | None = None, started: float | None = 1) -> str:
        """The verdict on one callee that is in this state; by default the agent handles requests all the time."""
        return self.look(at, page({"a": state}, at if requests is None else requests, started))[OPEN, "a"]

    def samples(self) -> dict[str, float]:
        assert self.last is not None
        return {
            " ".join((each.metric.name.removeprefix("circuit_breaker_"), *each.labels)): each.value
            for each in self.last.samples
        }
