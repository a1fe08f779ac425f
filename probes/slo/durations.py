"""What a metrics page says of how long requests took: a histogram or a summary."""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from operator import le, lt
from typing import NamedTuple

from probes.contract.signal import MOST, Absent, Row, Series, Signal, Unreadable
from probes.history.requests import Tally, not_counters
from probes.readings.histograms import Histogram
from probes.readings.metrics_page import MetricsPage

DURATION = Signal(
    name="request_duration",
    suffixes=("", "_bucket", "_count"),
    rows=(Row(metric="agentweave_request_duration_seconds"),),
)
"""How long requests took, in seconds: a histogram or a summary."""

P95 = 0.95


MOST_BUCKETS = 50
"""A histogram with more is read for the requests that were slower than the limit alone."""


class Buckets(NamedTuple):
    """Requests by how long they took; of several histograms all together."""

    bounds: tuple[float, ...]  # seconds, upper ones in their order; the last is infinite
    counts: tuple[float, ...]  # requests up to each

    def slower(self, limit: float) -> Tally:
        """Those that took longer than `limit` seconds.

        Within a bucket durations are taken as evenly spread, as histogram_quantile() of Prometheus does.
        """
        above = bisect_right(self.bounds, limit)
        low, fast = (self.bounds[above - 1], self.counts[above - 1]) if above else (0.0, 0.0)
        if low == limit:
            return Tally(self.counts[-1], self.counts[-1] - fast)
        high, more = self.bounds[above], self.counts[above]
        if high == math.inf:
            return Tally(self.counts[-1], 0.0, self.counts[-1] - fast)
        return Tally(self.counts[-1], self.counts[-1] - more + (more - fast) * ((high - limit) / (high - low)))

    def quantile(self, share: float) -> float | None:
        """The seconds that this share of the requests took at most, by the same rule.

        None where there are none, and where it is beyond the last bound: the buckets do not tell it then.
        """
        rank = share * self.counts[-1]
        if not rank > 0:
            return None
        place = next(place for place, count in enumerate(self.counts) if count >= rank)
        low, fast = (self.bounds[place - 1], self.counts[place - 1]) if place else (0.0, 0.0)
        high, more = self.bounds[place], self.counts[place]
        return low + (high - low) * ((rank - fast) / (more - fast)) if low < high < math.inf else None


def durations(page: MetricsPage, limit: float) -> Buckets | Tally | Absent | Unreadable:
    """How long requests took: the buckets of histograms; else requests, and those slower than `limit` seconds.

    A summary has no more than quantiles: where its p95 is over the limit, all of its requests count as slow, else none.
    """
    row, histograms = page.wanted.rows[DURATION][0], page.histograms(DURATION)
    if isinstance(histograms, Unreadable):
        return histograms
    if histograms:
        return _together(row, histograms, limit)
    found = page.series(DURATION)
    if not isinstance(found, tuple):
        return found
    row, series = found
    has_quantiles = any(one.name == row.metric for one in series)
    series = [one for one in series if one.name != row.metric or not math.isnan(one.value)]  # NaN: no requests lately
    if wrong := not_counters(row, series):
        return wrong
    buckets = _by_labels((one for one in series if one.name.endswith("_bucket")), "le")
    if buckets:
        return _together(row, [_in_order(each) for each in buckets.values()], limit)
    if not has_quantiles:
        return Absent(f"{row.metric} has neither buckets nor quantiles.")
    counts = {_key(one.labels): one.value for one in series if one.name.endswith("_count")}
    quantiles = _by_labels((one for one in series if one.name == row.metric), "quantile")
    if not counts.keys() >= quantiles.keys() or not counts:
        return Unreadable(f"{row.metric} has quantiles without a count")
    return _sum(row, [_slow_of_summary(quantiles.get(of, {}), count, limit) for of, count in counts.items()])


Labels = frozenset[tuple[str, str]]


def _key(labels: Mapping[str, str], but: str = "") -> Labels:
    return frozenset(pair for pair in labels.items() if pair[0] != but)


def _by_labels(series: Iterable[Series], bound: str) -> dict[Labels, dict[float, float]]:
    """Value by bound (`le` or `quantile`) of each histogram or summary; a bound that is no number is NaN."""
    found: dict[Labels, dict[float, float]] = {}
    for one in series:
        found.setdefault(_key(one.labels, bound), {})[_number(one.labels.get(bound, ""))] = one.value
    return found


def _in_order(buckets: Mapping[float, float]) -> Histogram:
    bounds = sorted(buckets)
    return Histogram(bounds, [buckets[bound] for bound in bounds])


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _together(row: Row, histograms: Sequence[Histogram], limit: float) -> Buckets | Tally | Unreadable:
    """All of them; where their buckets differ, or are very many, how many requests were slow is all that is told."""
    if not all(_adds_up(*each) for each in histograms):
        return Unreadable(f"{row.metric} has buckets that do not add up")
    bounds = histograms[0].bounds
    if len(bounds) > MOST_BUCKETS or any(each.bounds != bounds for each in histograms):
        return _sum(row, [Buckets(tuple(each.bounds), tuple(each.counts)).slower(limit) for each in histograms])
    return Buckets(tuple(bounds), tuple(map(sum, zip(*(each.counts for each in histograms), strict=True))))


def _adds_up(bounds: Sequence[float], counts: Sequence[float]) -> bool:
    """Whether these bounds, and as many counts of requests up to each, are those of a histogram."""
    ascend = all(map(lt, bounds, bounds[1:])) and all(map(le, counts, counts[1:]))  # NaN does not
    return ascend and bounds[-1] == math.inf and 0 <= counts[0] <= counts[-1] <= MOST


def _slow_of_summary(quantiles: Mapping[float, float], count: float, limit: float) -> Tally | str:
    if any(math.isnan(at) for at in quantiles):
        return "has a quantile that is no number"
    if any(value > limit for at, value in quantiles.items() if at <= P95):
        return Tally(count, count, at_once=True)
    fast = any(value <= limit for at, value in quantiles.items() if at >= P95)
    return Tally(count, 0.0, 0.0 if fast else count, at_once=True)


def _sum(row: Row, tallies: Sequence[Tally | str]) -> Tally | Unreadable:
    good: list[Tally] = []
    for each in tallies:
        if isinstance(each, str):
            return Unreadable(f"{row.metric} {each}")
        good.append(each)
    requests, bad, unclear = (sum(parts) for parts in zip(*(each[:3] for each in good), strict=True))
    return Tally(requests, bad, unclear, good[0].at_once)
