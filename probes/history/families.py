"""Metrics that no condition is judged by, and the checklist wants to know of."""

from probes.contract.signal import Row, Signal

_ENDS = ("result", "decision")  # labels that say how a decision ended: the checklist's, and that of SDK and tutorial
AUTHZ_DECISIONS = Signal(
    name="authz_decisions",
    kept=True,
    rows=(
        Row(metric="agentweave_authz_decisions_total", subject=_ENDS, summed=True),
        Row(metric="agentweave_auth_decisions_total", subject=_ENDS, summed=True),
    ),
)
"""Decisions that the agent made on its callers, by how they ended."""
AUTHZ_DURATION = Signal(
    name="authz_duration",
    suffixes=("", "_count"),  # its buckets say nothing that is asked
    rows=(
        Row(metric="agentweave_authz_check_duration_seconds"),
        Row(metric="agentweave_auth_check_duration_seconds"),
        Row(metric="agentweave_authz_duration_seconds"),
    ),
)
OUTBOUND = Signal(
    name="outbound_requests",
    kept=True,
    rows=(Row(metric="agentweave_outbound_requests_total", subject=("callee", "peer_id"), summed=True),),
)
"""Requests that the agent made to others, by callee. SDK 1.0.0 does not count them; `dialects` may name what does."""

OUTBOUND_ERRORS = Signal(
    name="outbound_errors",
    kept=True,
    rows=(Row(metric="agentweave_outbound_errors_total", subject=("callee", "peer_id"), summed=True),),
)
RETRIES = Signal(
    name="retries",
    kept=True,
    rows=(Row(metric="agentweave_retries_total", subject=("error", "error_class", "reason"), summed=True),),
)
"""Calls that were made again, by the class of the error before, where it is said."""

FAMILIES = (AUTHZ_DECISIONS, AUTHZ_DURATION, OUTBOUND, OUTBOUND_ERRORS, RETRIES)
"""What the checklist asks of a metrics page, beside what probes ask."""
