"""Looks at metrics pages one after the other, as the daemon makes them, with time as an argument."""

from dataclasses import dataclass, field
from typing import Any, TypeVar

from probes.contract import EvaluationContext, Limits, Probe, Sample, Target, TargetKey, Verdict
from probes.contract.signal import Absent, Signal, Unreadable
from probes.history.requests import Tally
from probes.readings.metrics_page import MetricsPage
from probes.slo.durations import Buckets, durations
from tests.servers.metrics_pages import page_of

T0 = 1_795_424_400.0


L = TypeVar("L", bound=Limits)


def page_context(target: Target, limits: L, at: float, interval: float, **known: Any) -> EvaluationContext[L]:
    """Of a look at a metrics page, `at` seconds after the first moment; `known`: what else a judge is told."""
    moment = T0 + at
    return EvaluationContext(
        target=target, limits=limits, now=moment, date=moment, interval=interval, endpoint="metrics", **known
    )


@dataclass
class Judged:
    """One probe and one target."""

    probe: Probe[MetricsPage, Any, Any]
    limits: Limits
    interval: float = 30.0
    parts: dict[str, Any] = field(default_factory=dict)
    once: bool = False
    history: Any = None
    verdicts: tuple[Verdict, ...] = ()
    samples: tuple[Sample, ...] = ()

    @property
    def target(self) -> Target:
        """What is looked at."""
        key = TargetKey("prod", "search", "search-0")
        return Target(key=key, metrics="http://127.0.0.1:1/metrics", **self.parts)

    def look(self, at: float, page: MetricsPage) -> dict[str, str]:
        """Condition -> its reason, or `false`, of a look `at` seconds after the first moment."""
        context = page_context(self.target, self.limits, at, self.interval, once=self.once)
        evaluation = self.probe.judge(page, self.history or self.probe.history(), context)
        self.history, self.verdicts, self.samples = evaluation.history, evaluation.verdicts, evaluation.samples
        return {each.kind.name: each.reason or each.status.value for each in evaluation.verdicts}

    def read(self, at: float, text: str) -> dict[str, str]:
        """`look` at a page with this text, from which the source takes no more than the probe asks for."""
        wanted = [each for each in self.probe.wants(self.limits) if isinstance(each, Signal)]
        return self.look(at, page_of(f"first 1\n{text}", *wanted))

    def message(self, condition: str) -> str:
        """What the latest look says of a condition."""
        return next(each.text for each in self.verdicts if each.kind.name == condition)

    def value(self, metric: str) -> float | None:
        """What the latest look exports of a metric without labels; None where it exports none."""
        return next((each.value for each in self.samples if each.metric.name == metric), None)

    def messages(self) -> list[str]:
        """What the latest look says of all conditions, in their order."""
        return [each.text for each in self.verdicts]


def slow(page: MetricsPage, limit: float) -> Tally | Absent | Unreadable:
    """Requests since the process began, and those slower than `limit` seconds."""
    found = durations(page, limit)
    return found.slower(limit) if isinstance(found, Buckets) else found
