"""The path from a served leaf to the trust bundle: which certificates are on it, and whether there is another one.

OpenSSL chooses each issuer by its name and key identifiers before it looks at a signature, and does not come back to
that choice. Where two authorities have one name and no key identifiers, as in the rotation of a CA that makes none, it
depends on their order in the store whether a chain verifies (RFC 5280, section 6, asks for some path that does).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509 import Certificate, ExtendedKeyUsage, ExtensionNotFound, load_der_x509_certificate
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from OpenSSL import crypto

from probes.readings.certificate import MAX_CERTIFICATE, UnreadableError, from_stranger
from probes.readings.verify_error import UNKNOWN_AUTHORITY, VerifyCode, VerifyError

MAX_VERIFY_DEPTH = 8
"""Intermediates that are followed: a chain of fifty is an attempt to keep us busy (SPIRE nests two or three)."""

_MOST_SIGNATURES = 32
_PATIENCE = 0.01  # seconds of CPU
_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of x509_vfy.h; pyOpenSSL has no name for it

_OF_SERVERS = {
    ExtendedKeyUsageOID.SERVER_AUTH,
    ObjectIdentifier("1.3.6.1.4.1.311.10.3.3"),  # "server gated cryptography" of Microsoft and Netscape
    ObjectIdentifier("2.16.840.1.113730.4.1"),
}
"""What OpenSSL takes for the purpose of a TLS server (check_ssl_ca of crypto/x509/v3_purp.c); any purpose is none."""

Path = tuple[Certificate, ...]
"""From the leaf to an authority."""


def verify_otherwise(
    served: Sequence[bytes],
    authorities: Sequence[Certificate],
    found: Sequence[VerifyError],
    date: float,
    cpu_time: Callable[[], float] = time.thread_time,
) -> tuple[Path, tuple[VerifyError, ...]] | None:
    """The best path on which each signature is right, with what else is wrong on it; None where there is none.

    `served` as DER, the leaf first; `found`: the errors of the path that OpenSSL chose; `date` in Unix seconds.
    """
    of_leaf = tuple(each for each in found if each.depth == 0 and each.code not in UNKNOWN_AUTHORITY)
    best: tuple[Path, tuple[VerifyError, ...]] | None = None
    with suppress(UnreadableError), from_stranger():
        chain = [
            load_der_x509_certificate(der) for der in served[: MAX_VERIFY_DEPTH + 1] if len(der) <= MAX_CERTIFICATE
        ]
        for path in _paths(chain, authorities, cpu_time):
            flaws = _flaws(path, date)
            if best is None or not flaws:
                best = path, tuple(dict.fromkeys((*of_leaf, *flaws)))
            if not flaws:
                break
    return best


def _paths(
    chain: Sequence[Certificate], authorities: Sequence[Certificate], cpu_time: Callable[[], float]
) -> Iterator[Path]:
    left, ends = _MOST_SIGNATURES, cpu_time() + _PATIENCE
    begun: list[Path] = [(chain[0],)] if chain else []
    while begun:
        path = begun.pop()
        for issuer in (*authorities, *chain[1:]):
            if issuer.subject != path[-1].issuer or issuer in path:
                continue
            if not left or cpu_time() > ends:
                return
            left -= 1
            if not _signed(path[-1], issuer):
                continue
            if issuer in authorities:
                yield (*path, issuer)
            elif len(path) <= MAX_VERIFY_DEPTH:
                begun.append((*path, issuer))


def _signed(certificate: Certificate, issuer: Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _flaws(path: Path, date: float) -> list[VerifyError]:
    """What OpenSSL finds on a path that has no other way to go; the dates of the leaf are told already."""
    store = crypto.X509Store()
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN | _NO_CHECK_TIME)
    leaf, *between, authority = map(crypto.X509.from_cryptography, path)
    store.add_cert(authority)
    flaws = [*_dated(path, date), *_purposes(path)]
    try:
        crypto.X509StoreContext(store, leaf, between).verify_certificate()
    except crypto.X509StoreContextError as error:
        code, depth, *_ = error.errors
        flaws.append(VerifyError(code, depth, 0.0))
    return flaws


def _purposes(path: Path) -> Iterator[VerifyError]:
    """Of the issuers, which a store of certificates does not look at; what is wrong with the leaf is told already."""
    for depth, each in enumerate(path[1:], 1):
        try:
            allowed = each.extensions.get_extension_for_class(ExtendedKeyUsage).value
        except (ExtensionNotFound, ValueError):  # ValueError: unreadable, of which OpenSSL tells itself
            continue
        if _OF_SERVERS.isdisjoint(allowed):
            yield VerifyError(VerifyCode.PURPOSE, depth, 0.0)


def _dated(path: Path, date: float) -> Iterator[VerifyError]:
    for depth, each in enumerate(path[1:], 1):
        start = each.not_valid_before_utc.timestamp()
        if date > each.not_valid_after_utc.timestamp():
            yield VerifyError(VerifyCode.EXPIRED, depth, 0.0)
        elif date < start:
            yield VerifyError(VerifyCode.NOT_YET_VALID, depth, start)
