"""Which of latency, availability, errors and saturation does a warning serve? Known of shipped and labelled rules."""

from collections.abc import Mapping

from probes.controls.evidence.prometheus import AlertRule

SIGNALS = ("latency", "availability", "errors", "saturation")

_LABEL = "agentweave_signal"
_BY_CONTROL: Mapping[str, str] = {
    "alerts.latency": "latency",
    "alerts.authz-unreachable": "availability",
    "alerts.svid-rotation-failing": "availability",
    "alerts.error-rate": "errors",
    "alerts.breaker-opened": "errors",
    "alerts.resource-usage": "saturation",
}
_BY_NAME: Mapping[str, str] = {
    "AgentWeaveOPADecisionSlow": "latency",
    "AgentWeaveAgentRestarting": "availability",
    "AgentWeaveMetricsUnavailable": "availability",
    "AgentWeaveCircuitBreakerFlapping": "errors",
    "AgentWeaveMemoryDrift": "saturation",
    "AgentWeaveMemoryExhaustionPredicted": "saturation",
    "AgentWeavePoolSaturated": "saturation",
    "AgentWeavePoolExhaustionPredicted": "saturation",
}


def signal_of(rule: AlertRule) -> str:
    """One of SIGNALS, by its label agentweave_signal, the control that it answers, or its name; empty: not known."""
    labelled = dict(rule.labels).get(_LABEL, "")
    told = "availability" if labelled == "traffic" else labelled
    return told if told in SIGNALS else _BY_CONTROL.get(rule.control) or _BY_NAME.get(rule.name, "")
