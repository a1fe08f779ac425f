"""Metrics: what a probe exports beside its conditions."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Metric:
    """A family of series. The full name is `agentweave_watcher_` + name; the instances are constants."""

    name: str
    help: str
    kind: Literal["gauge", "counter", "histogram"] = "gauge"
    labels: tuple[str, ...] = ()  # beyond the identity labels
    fleet: bool = False  # over the whole fleet: no identity labels, fed by observations and not by samples
    buckets: tuple[float, ...] = ()  # of a histogram
    trouble: bool = False  # what it says is of a trouble: it is exported before subjects that are well
    moment: bool = False  # the value is a moment of `EvaluationContext.now`, to be exported as Unix seconds


class Sample(NamedTuple):
    """One value of one target, kept until its next look."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()  # values, in the order of metric.labels


@lru_cache(maxsize=8192)
def shared_sample(metric: Metric, value: float, labels: tuple[str, ...] = ()) -> Sample:
    """The sample as one object for all targets that say the same, which may be the whole fleet."""
    return Sample(metric, value, labels)


class Observation(NamedTuple):
    """One event for a metric over the fleet: what a counter grows by, or what a histogram observes."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()
