"""What the daemon exports about itself and the fleet as a whole, in prometheus_client's own registry."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from importlib.metadata import version
from platform import python_version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

from probes import AnyProbe
from probes.contract import Metric, Observation
from watcher.metrics.families import (
    BUILD_INFO,
    BUNDLE_END,
    BUNDLE_START,
    IMPAIRED,
    LOOKS,
    OWN_FAMILIES,
    PREFIX,
    SKIPPED,
)

disable_created_metrics()  # type: ignore[no-untyped-call]  # theirs; `_created` series are in no contract


class Impairment(StrEnum):
    """The daemon's own troubles (contract, section 4)."""

    NO_IDENTITY = "NoIdentity"
    ISOLATED = "Isolated"
    DISCOVERY_STALE = "DiscoveryStale"
    OVERLOADED = "Overloaded"
    CONFIG_REJECTED = "ConfigRejected"
    STATE_UNWRITABLE = "StateUnwritable"
    CLOCK_JUMPED = "ClockJumped"
    DESCRIPTORS_SHORT = "DescriptorsShort"
    LEASE_UNCONFIRMED = "LeaseUnconfirmed"


class OwnMetrics:
    """All series without identity labels but `conditions`, which are counted at the scrape."""

    def __init__(self, probes: Sequence[AnyProbe], sources: Iterable[str]) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(namespace=PREFIX.rstrip("_"), registry=self.registry)  # memory and CPU of the daemon itself
        fleet = [metric for probe in probes for metric in probe.metrics if metric.fleet]
        # A gauge is made when it is first set: the library would export 0 for what was never told.
        self._made = {
            metric: _make(metric, self.registry) for metric in (*OWN_FAMILIES, *fleet) if metric.kind != "gauge"
        }
        # The library checks and locks to find a child, and every look needs half a dozen of them.
        self._children: dict[tuple[Metric, tuple[str, ...]], Gauge | Counter | Histogram] = {}
        self._moments: dict[tuple[Metric, tuple[str, ...]], float] = {}
        self._ahead = 0.0
        self.set(BUILD_INFO, 1, version("agentweave-watcher"), python_version())
        for source in sources:
            for result in ("ok", "error", "timeout"):
                self.add(LOOKS, 0, source, result)
            self.add(SKIPPED, 0, source)

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """Set a gauge."""
        gauge = self._child(metric, labels)
        if not isinstance(gauge, Gauge):
            raise TypeError(f"{metric.name} is a {metric.kind}, and only a gauge is set")
        gauge.set(value)

    def set_moment(self, metric: Metric, moment: float, *labels: str) -> None:
        """Set a gauge to a moment of the steady scale; it is exported as Unix seconds, by the date at each scrape."""
        self._moments[metric, labels] = moment
        self.set(metric, moment + self._ahead, *labels)

    def set_ahead(self, ahead: float) -> None:
        """The date is so many seconds ahead of the steady scale now."""
        if ahead != self._ahead:
            self._ahead = ahead
            for (metric, labels), moment in self._moments.items():
                self.set(metric, moment + ahead, *labels)

    def drop(self, metric: Metric) -> None:
        """Export this gauge no more, until it is set again."""
        self._moments = {at: moment for at, moment in self._moments.items() if at[0] is not metric}
        if metric in self._made:
            self.registry.unregister(self._made.pop(metric))

    def add(self, metric: Metric, value: float, *labels: str) -> None:
        """Let a counter grow, or a histogram observe, by `value`."""
        made = self._children.get((metric, labels))
        if made is None:
            made = self._children[metric, labels] = self._child(metric, labels)
        if isinstance(made, Histogram):
            made.observe(value)
        elif isinstance(made, Counter):
            made.inc(value)

    def observe(self, observations: Iterable[Observation]) -> None:
        """Count what probes saw over the fleet."""
        for metric, value, labels in observations:
            self.add(metric, value, *labels)

    def impair(self, reason: Impairment, *, hold: bool) -> None:
        """Say whether the daemon has this trouble now."""
        self.set(IMPAIRED, hold, reason)

    def set_all(self, metric: Metric, values: Mapping[tuple[str, ...], float]) -> None:
        """Set a gauge by its labels; what is not among these leaves no series."""
        if metric in self._made:
            self._made[metric].clear()
        for labels, value in values.items():
            self.set(metric, value, *labels)

    def bundles(self, newest: Mapping[str, tuple[float, float]]) -> None:
        """Begin and end of the newest authority held now, by trust domain (Unix seconds); others leave no series."""
        for metric, end in ((BUNDLE_START, 0), (BUNDLE_END, 1)):
            self.set_all(metric, {(trust_domain,): moments[end] for trust_domain, moments in newest.items()})

    def _child(self, metric: Metric, labels: tuple[str, ...]) -> Gauge | Counter | Histogram:
        made = self._made.get(metric)
        if made is None:
            made = self._made[metric] = _make(metric, self.registry)
        return made.labels(*labels) if labels else made


def _make(metric: Metric, registry: CollectorRegistry) -> Gauge | Counter | Histogram:
    name = PREFIX + metric.name
    match metric.kind:
        case "gauge":
            return Gauge(name, metric.help, metric.labels, registry=registry)
        case "counter":
            return Counter(name, metric.help, metric.labels, registry=registry)
    return Histogram(name, metric.help, metric.labels, registry=registry, buckets=metric.buckets)
