"""Connection pools."""

from watcher.alerting.rules.descriptions import AgentAlert, Figure, ProbeAlerts

_HINT = "a service that all of them use, or a change of load"
_FULL_AT = "min(agentweave_watcher_pool_exhaustion_timestamp_seconds{{of},pool=%[5]q} and on (pod) {true})"
_USED = Figure(
    "{humanize} of {humanize} connections are in use.",
    (
        "max(agentweave_watcher_pool_in_use{{of},pool=%[5]q} and on (pod) {true})",
        "max(agentweave_watcher_pool_capacity{{of},pool=%[5]q} and on (pod) {true})",
    ),
)

ALERTS = ProbeAlerts(
    "Connection pools",
    (
        AgentAlert(
            condition="PoolSaturated",
            held="10m",
            summary="A connection pool is nearly full.",
            was="A connection pool was nearly full.",
            says="The connection pool {subject} of {agent} has little room left.",
            hint=_HINT,
            figures=(_USED,),
        ),
        AgentAlert(
            condition="PoolExhausted",
            held="3m",
            summary="A connection pool is exhausted.",
            was="A connection pool was exhausted.",
            says="All connections of the pool {subject} of {agent} are in use, so the next call waits or fails.",
            hint=_HINT,
            figures=(_USED,),
        ),
        AgentAlert(
            condition="PoolExhaustionPredicted",
            held="10m",
            summary="A connection pool will be full soon.",
            was="A connection pool was about to be full.",
            says="The use of the connection pool {subject} of {agent} rises steadily towards the capacity.",
            hint=_HINT,
            figures=(
                Figure(
                    "At this rate it is full in {humanizeDuration}.",
                    (f"{_FULL_AT} - time()",),
                ),
                _USED,
            ),
        ),
    ),
)
