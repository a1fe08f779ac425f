"""CPU."""

from watcher.alerting.rules.descriptions import AgentAlert, Figure, ProbeAlerts

ALERTS = ProbeAlerts(
    "CPU",
    (
        AgentAlert(
            condition="CPUHigh",
            held="10m",
            summary="An agent uses up its CPU limit.",
            was="An agent used up its CPU limit.",
            says="A process of {agent} uses nearly all the CPU it may have, and is throttled.",
            hint="a rollout, or a change of load",
            figures=(
                Figure(
                    "It uses {humanize} of {humanize} cores.",
                    (
                        "max(agentweave_watcher_cpu_usage_cores{{of}} and on (pod) {true})",
                        "max(agentweave_watcher_cpu_limit_cores{{of}} and on (pod) {true})",
                    ),
                ),
            ),
        ),
    ),
)
