"""What the daemon exports about itself and the fleet as a whole, in prometheus_client's own registry."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from importlib.metadata import version
from platform import python_version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

from probes import AnyProbe
from probes.contract import Metric, Observation
from watcher.web.exposition import PREFIX

disable_created_metrics()  # type: ignore[no-untyped-call]  # theirs; `_created` series are in no contract

_LAGS = (0.001, 0.0025, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
_LOOKS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def _gauge(name: str, text: str, *labels: str) -> Metric:
    return Metric(name=name, help=text, labels=labels, fleet=True)


def _counter(name: str, text: str, *labels: str) -> Metric:
    return Metric(name=name, help=text, kind="counter", labels=labels, fleet=True)


def _seconds(name: str, text: str, buckets: tuple[float, ...]) -> Metric:
    return Metric(name=name, help=text, kind="histogram", labels=("source",), buckets=buckets, fleet=True)


TARGETS = _gauge("targets", "Targets that are watched.")
LOOKS = _counter("looks_total", "Looks made, by how they ended.", "source", "result")
LOOK_SECONDS = _seconds("look_duration_seconds", "How long looks took.", _LOOKS)
LAG = _seconds("schedule_lag_seconds", "How late looks started.", _LAGS)
SKIPPED = _counter("schedule_skipped_total", "Looks left out: too late, or the last one still goes on.", "source")
HEARTBEAT = _gauge("heartbeat_timestamp_seconds", "When the schedule last made progress.")
DISCOVERED = _gauge("discovery_last_success_timestamp_seconds", "When the fleet was last discovered.")
DISCOVERED_IN = _gauge(DISCOVERED.name, "When the agents of a namespace were last known.", "namespace")
PODS = _gauge("discovery_pods", "Pods that the discovery sees, by what they are to the watcher.", "state")
CONFIG_OK = _gauge("config_last_reload_successful", "Whether the newest config was taken.")
CONFIG_AT = _gauge("config_last_reload_success_timestamp_seconds", "When a config was last taken.")
BUNDLE_START = _gauge("trust_bundle_not_before_timestamp_seconds", "Begin of the newest authority.", "trust_domain")
BUNDLE_END = _gauge("trust_bundle_not_after_timestamp_seconds", "End of the newest authority.", "trust_domain")
BUILD_INFO = _gauge("build_info", "What runs.", "version", "python")
SHARDS = _gauge("shards", "Configured number of shards.")
ACTIVE = _gauge("active", "1 while this process looks and exports, 0 on standby.", "shard")
IMPAIRED = _gauge("impaired", "1 while the watcher itself has this trouble.", "reason")
DRILL_SUCCESS = _gauge("drill_last_success_timestamp_seconds", "When a test alert last arrived.", "severity")
DRILL_FAILURES = _gauge("drill_failures", "Drills in a row that failed; only where drills are configured.")
EVENTS = _counter("events_total", "Events on pods, by what became of them.", "result")
STALL = _gauge("loop_stall_seconds", "The longest stall of the event loop in the last half minute.")
METRICS = (
    *(TARGETS, LOOKS, LOOK_SECONDS, LAG, SKIPPED, HEARTBEAT, DISCOVERED, PODS, CONFIG_OK, CONFIG_AT),
    *(BUNDLE_START, BUNDLE_END, BUILD_INFO, SHARDS, ACTIVE, IMPAIRED, STALL),
    *(DRILL_SUCCESS, DRILL_FAILURES, EVENTS),
)


class Impairment(StrEnum):
    """The daemon's own troubles (contract, section 4)."""

    NO_IDENTITY = "NoIdentity"
    ISOLATED = "Isolated"
    DISCOVERY_STALE = "DiscoveryStale"
    OVERLOADED = "Overloaded"
    CONFIG_REJECTED = "ConfigRejected"
    STATE_UNWRITABLE = "StateUnwritable"


class Vitals:
    """All series without identity labels but `conditions`, which are counted at the scrape."""

    def __init__(self, probes: Sequence[AnyProbe], sources: Iterable[str]) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(namespace=PREFIX.rstrip("_"), registry=self.registry)  # memory and CPU of the daemon itself
        fleet = [metric for probe in probes for metric in probe.metrics if metric.fleet]
        # A gauge is made when it is first set: the library would export 0 for what was never told.
        self._made = {metric: _make(metric, self.registry) for metric in (*METRICS, *fleet) if metric.kind != "gauge"}
        # The library checks and locks to find a child, and every look needs half a dozen of them.
        self._children: dict[tuple[Metric, tuple[str, ...]], Gauge | Counter | Histogram] = {}
        self.set(BUILD_INFO, 1, version("agentweave-watcher"), python_version())
        for source in sources:
            for result in ("ok", "error", "timeout"):
                self.add(LOOKS, 0, source, result)
            self.add(SKIPPED, 0, source)

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """Set a gauge."""
        gauge = self._child(metric, labels)
        assert isinstance(gauge, Gauge)  # noqa: S101  narrows the type; the constants above are what it is called with
        gauge.set(value)

    def drop(self, metric: Metric) -> None:
        """Export this gauge no more, until it is set again."""
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

    def bundles(self, newest: Mapping[str, tuple[float, float]]) -> None:
        """Begin and end of the newest authority held now, by trust domain (Unix seconds); others leave no series."""
        for metric, end in ((BUNDLE_START, 0), (BUNDLE_END, 1)):
            if metric in self._made:
                self._made[metric].clear()
            for trust_domain, moments in newest.items():
                self.set(metric, moments[end], trust_domain)

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


class LoopLag:
    """How late the event loop woke up lately: a lagging loop misses deadlines that agents kept."""

    WINDOW = 30.0
    OVERLOADED_AT = 1.0

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now  # monotonic seconds
        self._late: deque[tuple[float, float]] = (
            deque()
        )  # only delays that no later one exceeds: the first is the worst
        self.worst = 0.0  # the longest delay of the last half minute, in seconds

    def woke(self, late: float) -> None:
        """The loop woke up `late` seconds after the time it was asked for."""
        now = self._now()
        while self._late and self._late[-1][1] <= late:
            self._late.pop()
        self._late.append((now, late))
        while now - self._late[0][0] > self.WINDOW:
            self._late.popleft()
        self.worst = self._late[0][1]

    @property
    def overloaded(self) -> bool:
        """Whether the loop lagged so long that a deadline may have been missed by us and not by an agent."""
        return self.worst > self.OVERLOADED_AT
