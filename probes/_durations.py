"""What a metrics page says of how long requests took: a histogram or a summary."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from probes._requests import Tally, not_counters
from probes._signal import Absent, Row, Series, Signal, Unreadable
from probes.sources.agent_metrics import MetricsPage

DURATION = Signal(
    name="request_duration",
    suffixes=("", "_bucket", "_count"),
    rows=(Row(metric="agentweave_request_duration_seconds"),),
)
"""How long requests took, in seconds: a histogram or a summary."""

P95 = 0.95


def slow(page: MetricsPage, limit: float) -> Tally | Absent | Unreadable:
    """Requests and those slower than `limit` seconds.

    Within a bucket durations are taken as evenly spread, as histogram_quantile() of Prometheus does. A summary has
    no more than quantiles: where its p95 is over the limit, all of its requests count as slow, else none.
    """
    if (tally := _slow_at_once(page, limit)) is not None:
        return tally
    told = page.series(DURATION)
    if not isinstance(told, tuple):
        return told
    row, series = told
    has_quantiles = any(one.name == row.metric for one in series)
    series = [one for one in series if one.name != row.metric or not math.isnan(one.value)]  # NaN: no requests lately
    if wrong := not_counters(row, series):
        return wrong
    buckets = _by_labels((one for one in series if one.name.endswith("_bucket")), "le")
    if buckets:
        return _sum(row, [_slow_of_histogram(each, limit) for each in buckets.values()])
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


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


_COUNT = re.compile(rb"[0-9.e+]+")


def _slow_at_once(page: MetricsPage, limit: float) -> Tally | None:
    """What `slow` says of a histogram in the plain form that libraries print; None for anything else.

    Forty lines, read one by one, would cost as much as the rest of the look.
    """
    row = page.wanted.rows[DURATION][0]
    lines = page.block(DURATION, row, "_bucket")
    histograms = None if row.where or not lines else _histograms(lines)
    if not histograms:
        return None
    told = _sum(row, [_slow_of_histogram(each, limit) for each in histograms.values()])
    return told if isinstance(told, Tally) else None


def _histograms(lines: bytes) -> Mapping[tuple[bytes, bytes], Mapping[float, float]] | None:
    """Count by bound of each histogram, by the rest of its labels as they are printed."""
    total = lines.count(b"\n") + 1
    bound = next((start for start in (b',le="', b'{le="') if lines.count(start) == total), b"")
    if not bound or b"\\" in lines:  # without an escape no value can hold a quote, and so no label
        return None
    found: dict[tuple[bytes, bytes], dict[float, float]] = {}
    for line in lines.split(b"\n"):
        before, _, rest = line.partition(bound)
        text, _, rest = rest.partition(b'"')
        after, _, count = rest.rpartition(b"} ")
        if not _COUNT.fullmatch(count):
            return None
        found.setdefault((before, after), {})[_bound(text)] = _number(count.decode())
    return found if sum(map(len, found.values())) == total else None


@lru_cache(maxsize=256)
def _bound(text: bytes) -> float:
    return _number(text.decode())


def _slow_of_histogram(buckets: Mapping[float, float], limit: float) -> Tally | str:
    bounds = sorted(buckets)
    counts = [buckets[bound] for bound in bounds]
    if any(map(math.isnan, (*bounds, *counts))) or bounds[-1] != math.inf or counts != sorted(counts):
        return "has buckets that do not add up"
    below = max((place for place, bound in enumerate(bounds) if bound <= limit), default=-1)
    low, fast = (bounds[below], counts[below]) if below >= 0 else (0.0, 0.0)
    if low == limit:
        return Tally(counts[-1], counts[-1] - fast)
    high, more = bounds[below + 1], counts[below + 1]
    if high == math.inf:
        return Tally(counts[-1], 0.0, counts[-1] - fast)
    return Tally(counts[-1], counts[-1] - more + (more - fast) * (high - limit) / (high - low))


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
