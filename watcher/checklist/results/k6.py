"""The summary of k6: of `--summary-export`, or what `handleSummary` is given, whose figures stand under `values`.

k6 gives p(99) only where `summaryTrendStats` asks for it; what is not there is not counted.
"""

from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from watcher.checklist.results.counted import Counted, Figure, UnreadableError, document, ratio

_QUANTILES = {"p50_seconds": ("med", "p(50)"), "p95_seconds": ("p(95)",), "p99_seconds": ("p(99)",)}


class _Metric(BaseModel):
    figures: dict[str, Figure] = {}

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        values = given["values"] if isinstance(given.get("values"), dict) else given
        return {"figures": {name: each for name, each in values.items() if isinstance(each, int | float)}}


class _State(BaseModel):
    ran: Annotated[Figure | None, Field(alias="testRunDurationMs")] = None


class _Metrics(BaseModel):
    requests: Annotated[_Metric, Field(alias="http_reqs")]
    took: Annotated[_Metric, Field(alias="http_req_duration")] = _Metric()
    failed: Annotated[_Metric | None, Field(alias="http_req_failed")] = None


class _Summary(BaseModel):
    metrics: _Metrics
    state: _State = _State()


def read_k6(data: bytes) -> Counted:
    """Requests, their rate, the share that failed, duration and percentiles; UnreadableError."""
    summary = document(data, _Summary, "the summary of k6 as JSON")
    given, metrics = summary.metrics.requests.figures, summary.metrics
    requests, rate = given.get("count", 0.0), given.get("rate", 0.0)
    if not requests:
        raise UnreadableError("nothing was requested, so that it has no rates")
    seconds = ratio(summary.state.ran, 1000) if summary.state.ran else ratio(requests, rate)
    counts = {"requests": requests, "requests_per_second": rate, "duration_seconds": round(seconds, 3)}
    if metrics.failed is not None:
        counts |= _failures(metrics.failed, requests)
    for name, keys in _QUANTILES.items():
        for key in keys:
            if key in metrics.took.figures:
                counts[name] = metrics.took.figures[key] / 1000
                break
    return Counted(counts)


def _failures(failed: _Metric, requests: float) -> dict[str, float]:
    """`passes` are the requests for which it is true that they failed; k6 says `value` or `rate` of their share."""
    figures = failed.figures
    if "passes" in figures:
        return {"failures": figures["passes"], "error_ratio": ratio(figures["passes"], requests)}
    share = figures.get("rate", figures.get("value"))
    return {} if share is None else {"error_ratio": share}
