"""The summary that `locust --json` prints: one entry for each name that was requested.

Percentiles are those of all requests together, from Locust's own counts of response times, which it rounds.
"""

from collections.abc import Mapping
from math import ceil
from typing import Annotated

from pydantic import BaseModel, Field, RootModel

from watcher.checklist.results.counted import Count, Counted, Figure, UnreadableError, document, ratio

_QUANTILES = {"p50_seconds": 0.50, "p95_seconds": 0.95, "p99_seconds": 0.99}


_PEAK_SECONDS = 10


class _Entry(BaseModel):
    requests: Annotated[Count, Field(alias="num_requests")]
    failures: Annotated[Count, Field(alias="num_failures")]
    began: Annotated[Figure, Field(alias="start_time")]
    ended: Annotated[Figure | None, Field(alias="last_request_timestamp")] = None
    times: Annotated[dict[Figure, Count], Field(alias="response_times")]  # milliseconds -> requests
    by_second: Annotated[dict[int, Count], Field(alias="num_reqs_per_sec")] = {}


class _Summary(RootModel[list[_Entry]]):
    pass


def read_locust(data: bytes) -> Counted:
    """Requests, their rate, failures, duration and percentiles; UnreadableError where nothing was requested."""
    entries = [each for each in document(data, _Summary, "the JSON that `locust --json` prints").root if each.requests]
    if not entries:
        raise UnreadableError("nothing was requested, so that it has no rates")
    requests, failures = sum(each.requests for each in entries), sum(each.failures for each in entries)
    seconds = max(each.ended or each.began for each in entries) - min(each.began for each in entries)
    return Counted(
        {
            "requests": requests,
            "failures": failures,
            "error_ratio": ratio(failures, requests),
            "duration_seconds": round(seconds, 3),
            "requests_per_second": ratio(requests, seconds),
            **_peak(entries),
            **_percentiles(entries),
        }
    )


def _peak(entries: list[_Entry]) -> Mapping[str, float]:
    """The best mean of some seconds on end: one second alone says little."""
    by_second: dict[int, int] = {}
    for each in entries:
        for second, count in each.by_second.items():
            by_second[second] = by_second.get(second, 0) + count
    if not by_second or max(by_second) - min(by_second) < _PEAK_SECONDS:
        return {}
    held = {begin: sum(by_second.get(begin + place, 0) for place in range(_PEAK_SECONDS)) for begin in by_second}
    return {"peak_requests_per_second": max(held.values()) / _PEAK_SECONDS}


def _percentiles(entries: list[_Entry]) -> Mapping[str, float]:
    times: dict[float, int] = {}
    for each in entries:
        for took, count in each.times.items():
            times[took] = times.get(took, 0) + count
    total = sum(times.values())
    if not total:
        return {}
    found, ordered = dict[str, float](), sorted(times.items())
    for name, share in _QUANTILES.items():
        left = ceil(total * share)
        for took, count in ordered:
            left -= count
            if left <= 0:
                found[name] = took / 1000
                break
    return found
