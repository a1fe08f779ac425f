"""What further attempts at an agent's ports showed: versions, suites, clients that should be refused, plaintext."""

from probes.readings.tls_posture.attempt import ALERT, Outcome, Refusal, Tried, shared
from probes.readings.tls_posture.port import InClear, PortTried, PortUse, shared_ports
from probes.readings.tls_posture.posture import TLSPosture

__all__ = [
    "ALERT",
    "InClear",
    "Outcome",
    "PortTried",
    "PortUse",
    "Refusal",
    "TLSPosture",
    "Tried",
    "shared",
    "shared_ports",
]
