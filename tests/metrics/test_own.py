from probes.contract import Metric
from watcher.metrics.families import CONFIG_AT, DISCOVERED_IN, PREFIX
from watcher.metrics.own import OwnMetrics

NOW = 1_790_000_000.0


def value(own: OwnMetrics, metric: Metric, **labels: str) -> float | None:
    return own.registry.get_sample_value(PREFIX + metric.name, labels)


def test_moments_are_dated_again_when_the_date_is_set() -> None:
    own = OwnMetrics([], [])
    own.set_moment(CONFIG_AT, NOW)
    assert value(own, CONFIG_AT) == NOW
    own.set_ahead(-3600.0)
    own.set_moment(DISCOVERED_IN, NOW + 5, "prod")
    assert (value(own, CONFIG_AT), value(own, DISCOVERED_IN, namespace="prod")) == (NOW - 3600, NOW - 3595)
    own.set_ahead(0.0)
    assert (value(own, CONFIG_AT), value(own, DISCOVERED_IN, namespace="prod")) == (NOW, NOW + 5)


def test_a_moment_that_is_dropped_does_not_come_back() -> None:
    own = OwnMetrics([], [])
    own.set_moment(CONFIG_AT, NOW)
    own.drop(CONFIG_AT)
    own.set_ahead(60.0)
    assert value(own, CONFIG_AT) is None
