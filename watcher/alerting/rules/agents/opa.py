"""Authorization."""

from watcher.alerting.rules.descriptions import AgentAlert, Figure, ProbeAlerts

_BUNDLE = "the policy bundle that was published last, or the server that hands it out"
_POLICY = "the policy that was published last"
_FETCHED = "min(agentweave_watcher_opa_bundle_last_success_timestamp_seconds{{of},bundle=%[5]q} and on (pod) {true})"

ALERTS = ProbeAlerts(
    "Authorization",
    (
        AgentAlert(
            condition="OPAUnreachable",
            held="3m",
            summary="OPA gives no authorization decision.",
            was="OPA gave no authorization decision.",
            says="The OPA of {agent} gives no decision, so calls to it are denied or decided by a fallback.",
            hint="OPA itself (is it running, was it rolled out), and the network or a NetworkPolicy in front of it",
        ),
        AgentAlert(
            condition="OPAWrongAllow",
            held="2m",
            summary="OPA allows what must be denied.",
            was="OPA allowed what must be denied.",
            says=(
                "A request that must be denied is allowed by the policy of {agent}; treat this as a security incident."
            ),
            hint=_POLICY,
        ),
        AgentAlert(
            condition="OPAWrongDeny",
            held="3m",
            summary="OPA denies what must be allowed.",
            was="OPA denied what must be allowed.",
            says="A request that must be allowed is denied by the policy of {agent}.",
            hint=_POLICY,
        ),
        AgentAlert(
            condition="OPAPolicyMissing",
            held="3m",
            summary="The policy of an agent is missing from its OPA.",
            was="The policy of an agent was missing from its OPA.",
            says="The OPA of {agent} answers, but has nothing at the decision path that the agent asks.",
            hint=_BUNDLE,
        ),
        AgentAlert(
            condition="OPADefaultMissing",
            held="15m",
            summary="A policy has no default decision.",
            was="A policy had no default decision.",
            says="The policy of {agent} answers some requests with nothing, so the agent decides by its own fallback.",
            hint=_POLICY,
        ),
        AgentAlert(
            condition="OPADecisionError",
            held="3m",
            summary="OPA gives answers that are not decisions.",
            was="OPA gave answers that were not decisions.",
            says="What the OPA of {agent} answers is not a decision.",
            hint=_POLICY,
        ),
        AgentAlert(
            condition="OPABundleStale",
            held="10m",
            summary="A policy bundle of OPA is stale.",
            was="A policy bundle of OPA was stale.",
            says="Bundle {subject} of the OPA of {agent} is not up to date.",
            hint="the server that hands out the bundle, or a bundle that OPA refuses",
            figures=(
                Figure(
                    "It was last fetched {humanizeDuration} ago.",
                    (f"time() - {_FETCHED}",),
                ),
            ),
        ),
        AgentAlert(
            condition="OPARevisionSkew",
            held="10m",
            summary="An OPA has another policy revision than its peers.",
            was="An OPA had another policy revision than its peers.",
            says="Bundle {subject} of an OPA of {agent} has another revision than most OPAs of the same agent.",
            hint=_BUNDLE,
            figures=(
                Figure(
                    "They have {humanize} revisions.",
                    ("count(count by (revision) (agentweave_watcher_opa_bundle_info{{of},bundle=%[5]q}))",),
                ),
            ),
        ),
        AgentAlert(
            condition="OPADecisionSlow",
            held="15m",
            summary="Authorization decisions are slow.",
            was="Authorization decisions were slow.",
            says="The p95 of the latest decisions for {agent} is over the limit.",
            hint="a policy or its data that grew, or the CPU that OPA may have",
            figures=(
                Figure(
                    "It is {humanizeDuration}.",
                    ("max(agentweave_watcher_opa_decision_p95_seconds{{of}} and on (pod) {true})",),
                ),
            ),
        ),
    ),
)
