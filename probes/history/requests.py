"""What a metrics page says of requests: how many there were, how many were bad, and of how many it cannot be told."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from probes.contract.signal import MOST, REQUESTS, Absent, Row, Series, Signal, Unreadable
from probes.readings.metrics_page import MetricsPage

ERRORS = Signal(
    name="request_errors",
    rows=(
        Row(metric="agentweave_errors_total", summed=True),
        Row(metric="agentweave_request_errors_total", summed=True),
    ),
)
"""Requests that failed, where the counter of requests does not say how they ended."""


class Tally(NamedTuple):
    """Counters since the process began; or, where only a summary tells, how all of them divide at this moment."""

    requests: float
    bad: float
    unclear: float = 0.0  # may be bad or not: the page does not say
    at_once: bool = False  # `bad` and `unclear` are no counters


def failed(page: MetricsPage, failures: Sequence[str], successes: Sequence[str]) -> Tally | Absent | Unreadable:
    """Requests and those that failed, by the words that the counter's label has for it, or by a counter of errors."""
    found = page.series(REQUESTS)
    if not isinstance(found, tuple):
        return found
    row, series = found
    if wrong := not_counters(row, series):
        return wrong
    endings = [_ending(row, one.labels) for one in series]
    if not any(endings):
        return _by_errors(page, sum(one.value for one in series))
    of = list(zip(endings, (one.value for one in series), strict=True))
    return Tally(
        requests=sum(count for _, count in of),
        bad=sum(count for ending, count in of if _is_failure(ending, failures)),
        unclear=sum(count for ending, count in of if _is_unclear(ending, failures, successes)),
    )


def _ending(row: Row, labels: Mapping[str, str]) -> str:
    return next((labels[name].lower() for name in row.state_label if labels.get(name)), "")


def _is_failure(ending: str, failures: Sequence[str]) -> bool:
    return ending in failures or (_is_http_code(ending) and ending.startswith("5"))


def _is_unclear(ending: str, failures: Sequence[str], successes: Sequence[str]) -> bool:
    return not (_is_http_code(ending) or ending in failures or ending in successes)


def _is_http_code(ending: str) -> bool:
    return len(ending) == 3 and ending[0] in "12345" and (ending[1:] == "xx" or ending.isdecimal())


def _by_errors(page: MetricsPage, requests: float) -> Tally | Absent | Unreadable:
    found = page.series(ERRORS)
    if isinstance(found, Absent):
        return Absent(
            "The metrics endpoint does not say how requests ended, by a label `status` or by a counter of errors."
        )
    if isinstance(found, Unreadable):
        return found
    row, series = found
    errors = sum(one.value for one in series)
    return not_counters(row, series) or Tally(requests, errors)


def not_counters(row: Row, series: Sequence[Series]) -> Unreadable | None:
    strange = next((one for one in series if not 0 <= one.value <= MOST), None)
    if strange is not None:
        return Unreadable(f"{strange.name} is {strange.value:g}")
    if len({(one.name, frozenset(one.labels.items())) for one in series}) < len(series):
        return Unreadable(f"{row.metric} has the same series twice")
    return None
