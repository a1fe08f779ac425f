"""A daemon at its everyday work: looks, and a scrape of /metrics every 15 s, in gzip as Prometheus asks."""

import gzip
import time
from collections.abc import Mapping
from dataclasses import dataclass

from tests.bench import own_series
from tests.bench.daemon import Daemon
from tests.bench.fleet import Fleet
from tests.bench.machine import Meter, Usage

SCRAPE_INTERVAL = 15.0


@dataclass(frozen=True, slots=True)
class Steady:
    """What happened in a while, and what it cost."""

    usage: Usage
    looks: Mapping[tuple[str, str], float]  # by source and result
    requests: Mapping[str, int]  # by kind, as the fleet counted them
    lag: own_series.Histogram
    skipped: float
    scrape_seconds: float  # of the slowest in gzip
    plain_seconds: float  # of the slower of two without, at the begin and at the end
    scrape_bytes: int  # without gzip
    series: int
    true: float  # conditions that are true: the fleet is healthy, so these are the benchmark's own trouble too

    @property
    def made(self) -> float:
        """All looks."""
        return sum(self.looks.values())

    @property
    def bad(self) -> float:
        """Looks that did not end well: the fleet is healthy, so these are the benchmark's own trouble."""
        return sum(count for (_, result), count in self.looks.items() if result != "ok")


def steady(daemon: Daemon, fleet: Fleet, seconds: float) -> Steady:
    """Watch the daemon work for so long."""
    first, served = daemon.fetch("/metrics"), fleet.served()
    meter, end = Meter(daemon.pid), time.monotonic() + seconds
    slowest = 0.0
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, SCRAPE_INTERVAL))
        scraped = daemon.fetch("/metrics", gzip=True)
        slowest = max(slowest, scraped.seconds)
    usage, last, plain = meter.read(), gzip.decompress(scraped.body), daemon.fetch("/metrics")
    before, lag = own_series.looks(first.body), "schedule_lag_seconds"
    return Steady(
        usage=usage,
        looks={which: count - before.get(which, 0) for which, count in own_series.looks(last).items()},
        requests={kind: each.served - served[kind].served for kind, each in fleet.served().items()},
        lag=own_series.Histogram.read(last, lag).since(own_series.Histogram.read(first.body, lag)),
        skipped=_skipped(last) - _skipped(first.body),
        scrape_seconds=slowest,
        plain_seconds=max(first.seconds, plain.seconds),
        scrape_bytes=len(last),
        series=last.count(b"\n") - last.count(b"\n# "),
        true=sum(each.value for each in own_series.samples(last, "conditions") if each.labels["status"] == "true"),
    )


def _skipped(page: bytes) -> float:
    return sum(sample.value for sample in own_series.samples(page, "schedule_skipped_total"))
