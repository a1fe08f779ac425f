"""An agent's metrics page, printed by prometheus_client from the metric set of the AgentWeave SDK."""

import random
import re
import time

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    enable_created_metrics,
    generate_latest,
)
from prometheus_client.gc_collector import GCCollector
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

PEER = "spiffe://bench.test/agent/orchestrator"
AGENT = "search-agent"
CAPABILITY = "search"
REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
AUTH_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


def sdk_page() -> str:
    """About 13 kB: names, labels and buckets as in agentweave/observability/metrics.py, one peer, one capability."""
    enable_created_metrics()  # type: ignore[no-untyped-call]  # theirs; an agent has them, our own daemon does not
    try:
        return _printed(CollectorRegistry())
    finally:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # theirs


def _printed(registry: CollectorRegistry) -> str:
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    _requests(registry)
    _authorization(registry)
    by_peer = ["agent_name", "peer_id"]
    connections = Gauge("agentweave_active_connections", "Number of active connections", by_peer, registry=registry)
    connections.labels(AGENT, PEER).set(12)
    states = "Circuit breaker state (0=closed, 1=open, 2=half-open)"
    Gauge("agentweave_circuit_breaker_state", states, by_peer, registry=registry).labels(AGENT, PEER).set(0)
    return _aged(resident(generate_latest(registry).decode()))


def capabilities_page(capabilities: int, *, traced: bool) -> bytes:
    """In OpenMetrics: requests and durations by capability, of fifteen buckets, with or without a trace on each."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    labels, buckets = ["agent_name", "capability", "status"], (*Histogram.DEFAULT_BUCKETS[:-1], 20.0)
    total = Counter("agentweave_requests", "Total number of requests received", labels, registry=registry)
    durations = Histogram(
        "agentweave_request_duration_seconds", "Request duration", labels, buckets=buckets, registry=registry
    )
    for number in range(capabilities):
        of = (AGENT, f"{CAPABILITY}-{number}", "success")
        trace = {"trace_id": f"{number:032x}", "span_id": f"{number:016x}"} if traced else None
        for bound in buckets:
            durations.labels(*of).observe(bound, trace)
            total.labels(*of).inc(1, trace)
    page: bytes = generate_openmetrics(registry)  # type: ignore[no-untyped-call]  # ships no types
    return page


def resident(page: str, more: int = 0) -> str:
    """The page of a process that holds 180 MiB and `more` bytes."""
    return _with(page, "process_resident_memory_bytes", (180 << 20) + more)


def _aged(page: str) -> str:
    # Older than the longest window, which a younger process could not have filled; of pages made apart the same.
    return _with(page, "process_start_time_seconds", int(time.time()) // 86400 * 86400 - 3 * 86400)


def _with(page: str, name: str, number: int) -> str:
    return re.sub(rf"^{name} .*$", f"{name} {number}.0", page, flags=re.MULTILINE)


def _requests(registry: CollectorRegistry) -> None:
    labels = ["agent_name", "capability", "status"]
    total = Counter("agentweave_requests_total", "Total number of requests received", labels, registry=registry)
    duration = Histogram(
        "agentweave_request_duration_seconds",
        "Request processing duration in seconds",
        labels,
        buckets=REQUEST_BUCKETS,
        registry=registry,
    )
    errors = Counter(
        "agentweave_errors_total",
        "Total number of errors",
        ["agent_name", "error_type", "capability"],
        registry=registry,
    )
    errors.labels(AGENT, "transport_error", CAPABILITY).inc(7)
    seeded = random.Random(1)
    for status, requests in (("success", 4000), ("error", 7), ("denied", 90)):
        total.labels(AGENT, CAPABILITY, status).inc(requests)
        for _ in range(requests):
            duration.labels(AGENT, CAPABILITY, status).observe(seeded.expovariate(40))


def _authorization(registry: CollectorRegistry) -> None:
    decisions = Counter(
        "agentweave_auth_decisions_total",
        "Total number of authorization decisions",
        ["agent_name", "peer_id", "capability", "decision"],
        registry=registry,
    )
    duration = Histogram(
        "agentweave_auth_check_duration_seconds",
        "Authorization check duration in seconds",
        ["agent_name", "peer_id", "capability"],
        buckets=AUTH_BUCKETS,
        registry=registry,
    )
    seeded = random.Random(2)
    for decision, checks in (("allow", 4000), ("deny", 90)):
        decisions.labels(AGENT, PEER, CAPABILITY, decision).inc(checks)
    for _ in range(4090):
        duration.labels(AGENT, PEER, CAPABILITY).observe(seeded.expovariate(200))
