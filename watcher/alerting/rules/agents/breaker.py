"""Circuit breakers."""

from watcher.alerting.rules.descriptions import AgentAlert, Figure, ProbeAlerts

_HINT = "the agent that all of them call"
_OPEN_SINCE = (
    "min(agentweave_watcher_circuit_breaker_open_since_timestamp_seconds{{of},callee=%[5]q} and on (pod) {true})"
)
_OPENED = (
    'max(increase(agentweave_watcher_circuit_breaker_transitions_total{{of},callee=%[5]q,to="open"}[30m])'
    " and on (pod) {true})"
)

ALERTS = ProbeAlerts(
    "Circuit breakers",
    (
        AgentAlert(
            condition="CircuitBreakerOpen",
            held="2m",
            summary="A circuit breaker stays open.",
            was="A circuit breaker stayed open.",
            says="The circuit breaker of {agent} for {subject} is not closed, so calls to {subject} fail at once.",
            hint=_HINT,
            figures=(
                Figure(
                    "It has not been closed for {humanizeDuration}.",
                    (f"time() - {_OPEN_SINCE}",),
                ),
            ),
        ),
        AgentAlert(
            condition="CircuitBreakerFlapping",
            held="10m",
            summary="A circuit breaker opens again and again.",
            was="A circuit breaker opened again and again.",
            says="The circuit breaker of {agent} for {subject} opens again and again.",
            hint=_HINT,
            figures=(
                Figure(
                    "It opened {humanize} times in half an hour.",
                    (f"round({_OPENED})",),
                ),
            ),
        ),
    ),
)
