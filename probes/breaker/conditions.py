"""What is judged of circuit breakers, and what is exported of them."""

from probes.contract import ConditionKind, Metric, Severity
from probes.contract.condition import Window

BREAKER_OPEN = ConditionKind(
    name="CircuitBreakerOpen",
    severity=Severity.CRITICAL,
    subject="callee",
    true_when="A circuit breaker has not been closed for longer than `open_for`: calls to this callee fail at once.",
    all_clear="The circuit breaker is closed, or has not been open for longer than `open_for`.",
    reasons=("Open", "HalfOpen", "OpenIdle"),
    window=Window("open_for"),
)
BREAKER_FLAPPING = ConditionKind(
    name="CircuitBreakerFlapping",
    severity=Severity.WARNING,
    subject="callee",
    true_when="A circuit breaker opened more often than `flapping_transitions` within `flapping_window`.",
    all_clear="The circuit breaker did not open more often than `flapping_transitions` within `flapping_window`.",
    window=Window("flapping_window"),
)
STATE = Metric(
    name="circuit_breaker_state", help="The current state of a circuit breaker is 1.", labels=("callee", "state")
)
TRANSITIONS = Metric(
    name="circuit_breaker_transitions_total",
    help="State changes seen; what happens between two probe attempts is missed.",
    kind="counter",
    labels=("callee", "to"),
)
OPEN_SINCE = Metric(
    name="circuit_breaker_open_since_timestamp_seconds",
    help="Since when a circuit breaker has been seen not closed; absent while it is closed.",
    labels=("callee",),
    moment=True,
)
