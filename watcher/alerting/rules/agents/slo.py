"""Requests."""

from watcher.alerting.rules.descriptions import AgentAlert, Figure, ProbeAlerts

_HINT = "a rollout, a change of load, or a service that all of them use"
_RATE = "max(agentweave_watcher_slo_requests_per_second{{of}} and on (pod) {true})"
_P95 = "max(agentweave_watcher_slo_latency_p95_seconds{{of}} and on (pod) {true})"

ALERTS = ProbeAlerts(
    "Requests",
    (
        AgentAlert(
            condition="ErrorRateHigh",
            held="5m",
            summary="Too many requests of an agent fail.",
            was="Too many requests of an agent failed.",
            says="More of the requests of {agent} fail than its limit allows.",
            hint=_HINT,
            figures=(
                Figure(
                    "{humanizePercentage} fail, at {humanize} requests a second.",
                    ("max(agentweave_watcher_slo_error_ratio{{of}} and on (pod) {true})", _RATE),
                ),
            ),
        ),
        AgentAlert(
            condition="LatencyHigh",
            held="5m",
            summary="The requests of an agent are slow.",
            was="The requests of an agent were slow.",
            says="The p95 of the request durations of {agent} is over its limit.",
            hint=_HINT,
            figures=(
                Figure("It is {humanizeDuration}.", (_P95,)),
                Figure(
                    "{humanizePercentage} take longer, at {humanize} requests a second.",
                    ("max(agentweave_watcher_slo_slow_ratio{{of}} and on (pod) {true})", _RATE),
                ),
            ),
        ),
    ),
)
