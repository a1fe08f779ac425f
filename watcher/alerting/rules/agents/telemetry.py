"""The agents' own metrics."""

from watcher.alerting.rules.descriptions import AgentAlert, Figure, ProbeAlerts

ALERTS = ProbeAlerts(
    "The agents' own metrics",
    (
        AgentAlert(
            condition="MetricsUnavailable",
            held="10m",
            summary="The metrics of an agent cannot be read.",
            was="The metrics of an agent could not be read.",
            says=(
                "The metrics endpoint of {agent} cannot be fetched or read, so breakers, memory, pools and requests "
                "are not watched."
            ),
            hint="the network, a NetworkPolicy, a node, or a rollout",
        ),
        AgentAlert(
            condition="MetricsNonconformant",
            held="10m",
            summary="Prometheus cannot scrape the metrics of an agent.",
            was="Prometheus could not scrape the metrics of an agent.",
            says=(
                "A current Prometheus refuses the metrics endpoint of {agent} as a whole, so only the watcher has its "
                "metrics."
            ),
            hint="a rollout that changed what writes the page",
        ),
        AgentAlert(
            condition="AgentRestarting",
            held="5m",
            summary="An agent restarts again and again.",
            was="An agent restarted again and again.",
            says="A process of {agent} restarts again and again.",
            hint="a rollout, or the memory that they may have",
            figures=(
                Figure(
                    "At least {humanize} new processes were seen recently.",
                    ("max(agentweave_watcher_process_restarts{{of}} and on (pod) {true})",),
                ),
            ),
        ),
    ),
)
