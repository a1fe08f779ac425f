"""Does the mTLS port answer, and does it speak TLS?"""

from typing import Any

from probes.contract import ConditionKind, EvaluationContext, Severity, Unknown, Verdict
from probes.readings.handshake import Handshake, Spoke

AGENT_UNREACHABLE = ConditionKind(
    name="AgentUnreachable",
    severity=Severity.CRITICAL,
    true_when="The TLS handshake with the agent's mTLS port fails.",
    all_clear="The mTLS port answers.",
    reasons=("ConnectionRefused", "Lost", "NameNotResolved", "HandshakeTimeout", "HandshakeFailed", "Reset"),
    repeated=True,
)
TLS_MISSING = ConditionKind(
    name="TLSMissing",
    severity=Severity.CRITICAL,
    true_when="The mTLS port answers, but not with TLS.",
    all_clear="The mTLS port speaks TLS.",
    reasons=("PlaintextHTTP", "NotTLS"),
)


def unreachable(reading: Handshake, context: EvaluationContext[Any]) -> Verdict:
    """A port that talks something else than TLS is reached: that is TLSMissing, and one page is enough."""
    if reading.asked_in > 1 and (reading.completed or not reading.asked):
        return AGENT_UNREACHABLE.unknown(Unknown.MALFORMED, reading.error)  # it may be gone since it was asked
    found = context.network(AGENT_UNREACHABLE, reading, stalled="HandshakeTimeout", reset="Reset")
    if found is not None:
        return found
    if reading.broke_off:
        return AGENT_UNREACHABLE.unknown(Unknown.UNAUTHORIZED, f"{reading.error} It may refuse the watcher alone.")
    if reading.spoke is Spoke.TLS and not reading.completed:
        return AGENT_UNREACHABLE.true(reading.error, "HandshakeFailed")
    return AGENT_UNREACHABLE.false()


def tls_missing(reading: Handshake) -> Verdict:
    """Judged by the first bytes that came, in a handshake that failed later too."""
    match reading.spoke:
        case Spoke.TLS:
            return TLS_MISSING.false()
        case Spoke.PLAINTEXT_HTTP:
            return TLS_MISSING.true(reading.error, "PlaintextHTTP")
        case Spoke.OTHER:
            return TLS_MISSING.true(reading.error, "NotTLS")
    return TLS_MISSING.unknown(Unknown.SOURCE_FAILED)
