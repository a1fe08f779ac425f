"""Where a served chain leads, what is wrong with it, and what some peers stumble over."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_certificate
from OpenSSL import crypto

from probes.readings.certificate import MAX_CERTIFICATE, Leaf, UnreadableError, from_stranger, read_issuer
from probes.readings.issuer import Issuer
from probes.readings.name_constraints import are_too_many
from probes.readings.verify_error import VerifyCode, VerifyError
from probes.sources.tls.contexts import Trust
from probes.sources.tls.path import verify_otherwise
from probes.sources.tls.session import TLSSession


class FollowedChain(NamedTuple):
    """What following a chain to the trust bundle found."""

    issuers: tuple[Issuer, ...]
    errors: tuple[VerifyError, ...]
    remarks: tuple[str, ...]


def follow(session: TLSSession, served: Sequence[bytes], leaf: Leaf | None, trust: Trust, date: float) -> FollowedChain:
    """`served` as DER, the `leaf` first, as far as that can be read; `date` in Unix seconds.

    By the path that OpenSSL chose, or by another one where a signature of that is wrong.
    """
    errors = tuple(dict.fromkeys(session.verification.errors))
    path = [*served[:1], *map(_der, (session.tls.get_verified_chain() or ())[1:])]
    if any(each.code == VerifyCode.BAD_SIGNATURE for each in errors) and not are_too_many(served):
        other = verify_otherwise(served, trust.authorities, errors, date)
        if other is not None:
            path, errors = [each.public_bytes(Encoding.DER) for each in other[0]], other[1]
    issuers = _issuers(path[1:], trust)
    return FollowedChain(issuers, errors, tuple(_remarks(path, leaf, issuers, trust, date)))


def _issuers(above: Sequence[bytes], trust: Trust) -> tuple[Issuer, ...]:
    known = trust.issuers
    if len(above) == 1 and above[0] in known:
        return known[above[0]]  # one tuple for all that an authority has signed itself
    found = (known[der] if der in known else _intermediate(der) for der in above)
    return tuple(issuer for several in found for issuer in several)


@lru_cache(maxsize=256)  # a fleet shares its intermediates
def _intermediate(der: bytes) -> tuple[Issuer, ...]:
    if len(der) > MAX_CERTIFICATE:
        return ()
    try:
        return (read_issuer(der),)
    except UnreadableError:
        return ()


def _remarks(
    path: Sequence[bytes], leaf: Leaf | None, issuers: Sequence[Issuer], trust: Trust, date: float
) -> Iterator[str]:
    if leaf is not None and leaf.serial.startswith("-"):
        yield "The serial number of the served SVID is negative: Go peers, from Go 1.23 on, refuse it."
    if any(each.serial.startswith("-") for each in issuers):
        yield "The serial number of a certificate behind the SVID is negative: Go peers, from Go 1.23 on, refuse it."
    candidates = max((_candidates(der, trust, date) for der in path[:-1]), default=0) if trust.namesakes else 0
    if candidates > 1:
        yield (
            f"{candidates} valid authorities of {trust.trust_domain} have the same name, and no key identifiers tell "
            "which one signed: peers that use OpenSSL, such as Python's, may try the wrong one and refuse this agent, "
            "while Go peers try each."
        )


def _candidates(der: bytes, trust: Trust, date: float) -> int:
    try:
        with from_stranger():
            return trust.namesakes.candidates(load_der_x509_certificate(der), date)
    except UnreadableError:
        return 0


def _der(certificate: crypto.X509) -> bytes:
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
