"""Which families does the page have?"""

from collections.abc import Iterator

from probes.contract import Unknown
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import Missing, PrometheusLook
from probes.controls.judges.agent_metrics.case import PageCase, lacking, page_judge, sampled
from probes.controls.judges.looked import worst
from probes.controls.judging import Says, Statement

_DURATION, _NO_POOL = "agentweave_request_duration_seconds", "agentweave_active_connections"
_INBOUND, _OUTBOUND = "inbound", "outbound"


@page_judge("metrics.requests-total")
def requests_total(case: PageCase) -> Iterator[Statement]:
    """Whether requests are counted."""
    yield _family(case, "requests", "agentweave_requests_total", _INBOUND)


@page_judge("metrics.authz-decisions-total")
def authz_decisions_total(case: PageCase) -> Iterator[Statement]:
    """Whether decisions are counted."""
    yield _family(case, "authz_decisions", "agentweave_authz_decisions_total", _INBOUND)


@page_judge("metrics.authz-check-duration-seconds")
def authz_check_duration(case: PageCase) -> Iterator[Statement]:
    """Whether it is told how long decisions take."""
    yield _family(case, "authz_duration", "agentweave_authz_check_duration_seconds", _INBOUND)


@page_judge("metrics.circuit-breaker-state")
def circuit_breaker_state(case: PageCase) -> Iterator[Statement]:
    """Whether the state of breakers is told."""
    yield _family(case, "breaker_state", "agentweave_circuit_breaker_state", _OUTBOUND)


@page_judge("metrics.connection-pool-active")
def connection_pool_active(case: PageCase) -> Iterator[Statement]:
    """Whether the use of the pool is told."""
    yield _pool(case)


@page_judge("metrics.request-duration-seconds")
def request_duration(case: PageCase) -> Iterator[Statement]:
    """Whether a histogram tells how long requests take, or a summary with quantiles; a count alone does not."""
    names = sampled(case, "request_duration")
    if any(not name.endswith(("_count", "_sum")) for name in names):
        yield _there(case, names[0].removesuffix("_bucket"), _DURATION)
    else:
        yield lacking(case, "request_duration", f"{_DURATION} with buckets or quantiles", *_traffic(case, _INBOUND))


@page_judge("observability.metrics.core-exported")
def core_exported(case: PageCase) -> Iterator[Statement]:
    """Whether requests, their duration and their errors are told."""
    names = {"requests": "agentweave_requests_total", "request_duration": _DURATION}
    missing = [(signal, family) for signal, family in names.items() if not sampled(case, signal)]
    if not missing and not _errors_are_told(case):
        missing = [("request_errors", "label or counter that tells how requests ended")]
    if missing:
        yield lacking(case, *missing[0], *_traffic(case, _INBOUND))
    else:
        yield case.good("The metrics endpoint counts requests, errors and durations.")


@page_judge("observability.metrics.resource-exported")
def resource_exported(case: PageCase) -> Iterator[Statement]:
    """Whether CPU, memory and the pool are told; what the page does not say of the first two Prometheus may have."""
    missing = [signal for signal in ("cpu", "memory") if not sampled(case, signal)]
    pool = _pool(case)
    if pool.reason is not None or pool.says is Says.BAD:
        yield pool
    elif missing:
        yield _elsewhere(case, " and ".join(missing))
    else:
        yield case.good("The metrics endpoint has CPU, memory and the use of the pool.")


def _elsewhere(case: PageCase, missing: str) -> Statement:
    """Whether Prometheus has of the pod what its page does not tell."""
    found = case.evidence.of(SourceName.PROMETHEUS, PrometheusLook)
    if isinstance(found, Missing) or found.value.measures is not None:
        said = f"The metrics endpoint lacks {missing}; whether Prometheus has it is unknown."
        return case.unclear(UnknownReason.NO_DATA, said)
    if case.pod.name in found.value.measured:
        return case.good(f"The metrics endpoint has the use of the pool, and Prometheus has {missing}.")
    return case.bad(f"Neither the metrics endpoint nor Prometheus has {missing}.")


def _family(case: PageCase, signal: str, family: str, which: str) -> Statement:
    names = sampled(case, signal)
    return _there(case, names[0], family) if names else lacking(case, signal, family, *_traffic(case, which))


def _pool(case: PageCase) -> Statement:
    """Active connections are no pool: the SDK counts there what comes in."""
    names = tuple(name for name in sampled(case, "pool_in_use") if name != _NO_POOL)
    family = "agentweave_connection_pool_active"
    return _there(case, names[0], family) if names else lacking(case, "pool_in_use", family, *_traffic(case, _OUTBOUND))


def _there(case: PageCase, name: str, family: str) -> Statement:
    name = name.removesuffix("_count")
    alias = "" if name == family else f", an alias of {family}"
    return case.good(f"The metrics endpoint has {name} with a sample{alias}.")


def _traffic(case: PageCase, which: str) -> tuple[float | None, str]:
    traffic = case.seen.traffic
    return (traffic.requests if which == _INBOUND else traffic.made), which


def _errors_are_told(case: PageCase) -> bool:
    """Whether the watcher can tell which requests failed: its condition lacks no signal for it."""
    if sampled(case, "request_errors"):
        return True
    told = worst(case.seen.verdicts, "ErrorRateHigh")
    return told is not None and told.reason != Unknown.SIGNAL_ABSENT
