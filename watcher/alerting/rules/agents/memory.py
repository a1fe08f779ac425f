"""Memory."""

from watcher.alerting.rules.descriptions import AgentAlert, Figure, ProbeAlerts

_USED = Figure(
    "It holds {humanize1024}B of {humanize1024}B.",
    (
        "max(agentweave_watcher_memory_rss_bytes{{of}} and on (pod) {true})",
        "max(agentweave_watcher_memory_limit_bytes{{of}} and on (pod) {true})",
    ),
)
_HINT = "a rollout that brought a leak, or a change of load"

ALERTS = ProbeAlerts(
    "Memory",
    (
        AgentAlert(
            condition="MemoryHigh",
            held="5m",
            summary="The memory of an agent is close to its limit.",
            was="The memory of an agent was close to its limit.",
            says="A process of {agent} is about to be killed because it runs out of memory.",
            hint=_HINT,
            figures=(_USED,),
        ),
        AgentAlert(
            condition="MemoryDrift",
            held="15m",
            summary="The memory of an agent rises day over day.",
            was="The memory of an agent rose day over day.",
            says="The memory of {agent} grows day over day, like a leak.",
            hint=_HINT,
            figures=(
                Figure(
                    "It rises by {humanize1024}B an hour.",
                    ("3600 * max(agentweave_watcher_memory_drift_bytes_per_second{{of}} and on (pod) {true})",),
                ),
            ),
        ),
        AgentAlert(
            condition="MemoryExhaustionPredicted",
            held="15m",
            summary="The memory of an agent will reach its limit.",
            was="The memory of an agent was about to reach its limit.",
            says="The memory of {agent} rises without slowing down and will reach the limit.",
            hint=_HINT,
            figures=(
                Figure(
                    "At this rate it does so in {humanizeDuration}.",
                    ("min(agentweave_watcher_memory_exhaustion_timestamp_seconds{{of}} and on (pod) {true}) - time()",),
                ),
                _USED,
            ),
        ),
    ),
)
