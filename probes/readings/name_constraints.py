"""How much is there to compare the names of a served chain with its name constraints (RFC 5280, section 4.2.1.10)?"""

from collections.abc import Sequence

from cryptography.x509 import (
    DuplicateExtension,
    ExtensionNotFound,
    ExtensionType,
    InvalidVersion,
    NameConstraints,
    SubjectAlternativeName,
    UnsupportedGeneralNameType,
    load_der_x509_certificate,
)

from probes.readings.certificate import MAX_CERTIFICATE

_IDENTIFIER = bytes.fromhex("551d1e")  # 2.5.29.30
_MOST = 1 << 20
"""Bytes of names times bytes of constraints. Each name is compared with each constraint of its kind: so many bytes
take 15 ms at worst, and a kilobyte of both is more than any authority has."""

FEW = 1 << 11
"""Bytes of a chain of which there never are too many: half of them names, and half of them constraints."""

_UNREAD = 64 * _MOST
"""The same, of whole certificates: in so many it is not even looked for them, which takes 10 ms."""


def are_too_many(chain: Sequence[bytes]) -> bool:
    """Whether to compare the names in these DER certificates with the constraints in them takes too long."""
    constraining = [each for each in chain if _IDENTIFIER in each]
    at_most = sum(map(len, chain)) * sum(map(len, constraining))
    if not _MOST < at_most <= _UNREAD:
        return at_most > _MOST
    sizes = [_sizes(each) for each in chain]
    return sum(names for names, _ in sizes) * sum(constraints for _, constraints in sizes) > _MOST


def _sizes(der: bytes) -> tuple[int, int]:
    """The bytes of the names in a certificate, and of its constraints; all of it where it is not read."""
    whole = len(der), len(der) if _IDENTIFIER in der else 0
    if len(der) > MAX_CERTIFICATE:
        return whole
    try:
        certificate = load_der_x509_certificate(der)
        extensions, subject = certificate.extensions, len(certificate.subject.public_bytes())
    except (ValueError, InvalidVersion, DuplicateExtension, UnsupportedGeneralNameType):
        return whole

    def size(kind: type[ExtensionType]) -> int:
        try:
            return len(extensions.get_extension_for_class(kind).value.public_bytes())
        except ExtensionNotFound:
            return 0

    return subject + size(SubjectAlternativeName), size(NameConstraints)
