"""What is judged of an agent's requests, by which limits, and what is remembered of them."""

from dataclasses import dataclass, field

from pydantic import Field

from probes.contract import ConditionKind, Limits, Metric, Seconds, Severity
from probes.contract.condition import Window
from probes.history.counters import Growth
from probes.history.process import NOBODY, Process

_FAILURES = ("error", "failure", "failed", "timeout", "exception", "unavailable")
_SUCCESSES = ("success", "ok", "succeeded", "completed", "denied", "rejected", "unauthorized", "cancelled")


class SLOLimits(Limits):
    """When an agent's requests are trouble."""

    error_ratio: float = Field(
        default=0.05, gt=0, lt=1, description="failing when failed requests / requests is above this, over `window`"
    )
    p95_limit: Seconds = Field(default=0.2, gt=0, description="limit for the p95 of request durations, over `window`")
    window: Seconds = Field(default=300.0, ge=1, description="window over which requests are counted")
    least_requests: int = Field(default=20, ge=1, description="with fewer requests in the window nothing is failing")
    failed_statuses: tuple[str, ...] = Field(
        default=_FAILURES,
        description="values of the label `status` that mean a failed request, in addition to HTTP 5xx",
    )
    good_statuses: tuple[str, ...] = Field(
        default=_SUCCESSES, description="values that mean a request did not fail, in addition to HTTP codes below 500"
    )


ERROR_RATE = ConditionKind(
    name="ErrorRateHigh",
    severity=Severity.CRITICAL,
    true_when="More than `error_ratio` of at least `least_requests` requests failed over `window`.",
    all_clear="At most `error_ratio` of the requests fail, or there are fewer than `least_requests`.",
    window=Window("window"),
)
LATENCY = ConditionKind(
    name="LatencyHigh",
    severity=Severity.CRITICAL,
    true_when="The p95 of at least `least_requests` requests over `window` is above `p95_limit`.",
    all_clear="The p95 is at most `p95_limit`, or there are fewer than `least_requests` requests.",
    window=Window("window"),
)
ERROR_RATIO = Metric(
    name="slo_error_ratio", help="Share of failed requests over the probe's window; absent while unknown."
)
SLOW_RATIO = Metric(
    name="slo_slow_ratio", help="Share of the requests over the probe's window that took longer than its limit."
)
LATENCY_P95 = Metric(
    name="slo_latency_p95_seconds",
    help="The p95 of request durations over the probe's window, from histogram buckets; absent while unknown, and "
    "beyond "
    "the last bucket.",
)
REQUEST_RATE = Metric(
    name="slo_requests_per_second", help="Requests a second over the probe's window; absent while unknown."
)


@dataclass(frozen=True, slots=True)
class SLOHistory:
    """The requests that were seen."""

    failed: Growth = field(default_factory=Growth)
    took: Growth = field(default_factory=Growth)  # in each bucket; where there are none, all and the slow ones
    bounds: int = 0  # of the buckets: a checksum, which tells these from others; 0: there are none
    process: Process = NOBODY
