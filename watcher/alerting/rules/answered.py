"""Which lines of the production readiness checklist do the shipped alerts answer? Rules carry them as a label."""

from collections.abc import Mapping

LABEL = "agentweave_control"
"""Label of a rule, shipped or the operator's own: the control that it answers."""

ANSWERED: Mapping[str, str] = {
    "SVIDRotationOverdue": "alerts.svid-rotation-failing",
    "OPAUnreachable": "alerts.authz-unreachable",
    "ErrorRateHigh": "alerts.error-rate",
    "LatencyHigh": "alerts.latency",
    "CircuitBreakerOpen": "alerts.breaker-opened",
    "MemoryHigh": "alerts.resource-usage",
    "CPUHigh": "alerts.resource-usage",
}
"""By condition."""
