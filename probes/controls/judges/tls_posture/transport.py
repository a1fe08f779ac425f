"""The judges of the checklist's lines on transport, and of the one that wants TLS tested."""

from probes.controls.catalogue.control import UnknownReason
from probes.controls.judges.tls_posture.case import Said, posture_judge, worst
from probes.controls.judges.tls_posture.clear_ports import nothing_in_clear
from probes.controls.judges.tls_posture.strangers import (
    certificate_required,
    certificates_verified,
    strict_verification,
)
from probes.controls.judges.tls_posture.versions import only_tls13, strong_suites
from probes.controls.judging import Facts, Says
from probes.readings.tls_posture import TLSPosture

_REASONS = {
    UnknownReason.SOURCE_MISSING: UnknownReason.NOT_ENABLED,
    UnknownReason.FORBIDDEN: UnknownReason.NO_DATA,
}
"""What the control that sums up says for reasons that it does not have."""


@posture_judge("security.transport.tls13-enforced")
def tls13_enforced(posture: TLSPosture, _: Facts) -> Said:
    """TLS 1.3 and nothing older."""
    return only_tls13(posture)


@posture_judge("security.transport.strong-ciphers")
def strong_ciphers(posture: TLSPosture, _: Facts) -> Said:
    """No weak suite."""
    return strong_suites(posture)


@posture_judge("security.transport.mtls-required")
def mtls_required(posture: TLSPosture, _: Facts) -> Said:
    """Nobody without a certificate."""
    return certificate_required(posture)


@posture_judge("security.transport.certificate-validation")
def certificate_validation(posture: TLSPosture, _: Facts) -> Said:
    """Nobody with a wrong one."""
    return certificates_verified(posture)


@posture_judge("security.transport.peer-verification-strict")
def peer_verification_strict(posture: TLSPosture, _: Facts) -> Said:
    """Whether a foreign one is let in."""
    return strict_verification(posture)


@posture_judge("security.transport.no-plaintext")
def no_plaintext(posture: TLSPosture, facts: Facts) -> Said:
    """No port in plaintext that should not be."""
    return nothing_in_clear(posture, facts)


@posture_judge("testing.security.tls-tested")
def tls_tested(posture: TLSPosture, facts: Facts) -> Said:
    """Versions, suites and plaintext together."""
    found = worst([only_tls13(posture), strong_suites(posture), nothing_in_clear(posture, facts)])
    if found.says is Says.GOOD:
        return found._replace(message=f"Versions, suites and ports were tried. {found.message}")
    return found._replace(reason=_REASONS.get(found.reason, found.reason)) if found.reason else found
