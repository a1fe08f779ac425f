"""What does a served certificate say, and is it one that a SPIFFE workload may serve?"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from sys import intern

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    DuplicateExtension,
    ExtensionType,
    InvalidVersion,
    KeyUsage,
    SubjectAlternativeName,
    UniformResourceIdentifier,
    UnsupportedGeneralNameType,
    load_der_x509_certificate,
)

from probes.contract.text import cut
from probes.readings.issuer import Issuer, Lifetime

MAX_CERTIFICATE = 1 << 14
"""Bytes; the names in a larger one are not read: ten thousand of them would hold up every other look."""
_KEPT_URIS = 10
_KEPT_URI = 2049  # characters: one more than a SPIFFE ID may have
_WEAK_HASHES = ("md5", "sha1")
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """The facts of a served leaf certificate. Times are Unix seconds."""

    serial: str  # hexadecimal
    not_before: float
    not_after: float
    uris: tuple[str, ...] = ()  # the first ten URI SANs
    uri_count: int = 0
    readable: bool = True  # whether its extensions could be read: without them nothing is known of names and usages
    ca: bool = False
    usages: frozenset[str] | None = None  # None: no such extension, so nothing is restricted
    key: str = ""
    weakness: str = ""  # why its key or signature protects nothing; empty where they do

    @property
    def lifetime(self) -> float:
        """Seconds; zero or negative where the certificate is nonsense."""
        return self.not_after - self.not_before


class UnreadableError(ValueError):
    """These bytes are no certificate, or none whose dates can be told."""


def read_leaf(der: bytes) -> Leaf:
    """The facts of a DER certificate; UnreadableError where it cannot be read at all."""
    with from_stranger():
        return _leaf(load_der_x509_certificate(der), der)


def read_issuer(der: bytes) -> Issuer:
    """The facts of a DER certificate that stands above a leaf; UnreadableError where it cannot be read."""
    with from_stranger():
        return issuer_of(load_der_x509_certificate(der))


def issuer_of(certificate: Certificate) -> Issuer:
    """The facts of a certificate as of one that was served; ValueError where it has no date or serial number."""
    dates = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
    return Issuer(cut(f"{certificate.serial_number:x}"), Lifetime(*dates))


def weakness(der: bytes) -> str:
    """Why the key or signature of a DER certificate is too weak to trust, empty where it is not."""
    with from_stranger():
        certificate = load_der_x509_certificate(der)
        return _key(certificate)[1] or _weak_signature(certificate)


@contextmanager
def from_stranger() -> Iterator[None]:
    """Read what a stranger made: UnreadableError is expected, and warnings are no news to the operator."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        try:
            yield
        except (ValueError, InvalidVersion) as error:
            raise UnreadableError(str(error)) from error


def leaf_flaws(leaf: Leaf) -> Iterator[str]:
    """What makes this no leaf by X509-SVID, sections 4.1, 4.3 and 5.2, beside its name.

    A certificate without the key usage extension is let pass: section 5.2 does not ask validators to refuse it.
    """
    if not leaf.readable:
        yield "its extensions cannot be read"
    if leaf.ca:
        yield "it is a CA certificate"
    if leaf.usages is not None:
        if "digital_signature" not in leaf.usages:
            yield "its key may not sign handshakes (no digitalSignature)"
        if leaf.usages & {"key_cert_sign", "crl_sign"}:
            yield "its key may sign certificates (keyCertSign or cRLSign)"
    if leaf.weakness:
        yield leaf.weakness


def _leaf(certificate: Certificate, der: bytes) -> Leaf:
    extensions = _extensions(certificate) if len(der) <= MAX_CERTIFICATE else None
    uris = _uris(extensions or {})
    key, weak_key = _key(certificate)
    return Leaf(
        serial=cut(f"{certificate.serial_number:x}"),
        not_before=certificate.not_valid_before_utc.timestamp(),
        not_after=certificate.not_valid_after_utc.timestamp(),
        uris=tuple(uri[:_KEPT_URI] for uri in uris[:_KEPT_URIS]),
        uri_count=len(uris),
        readable=extensions is not None,
        ca=_is_ca(extensions or {}),
        usages=_usages(extensions or {}),
        key=intern(key),
        weakness=weak_key or _weak_signature(certificate),
    )


def _extensions(certificate: Certificate) -> Mapping[type[ExtensionType], ExtensionType] | None:
    try:
        return {type(each.value): each.value for each in certificate.extensions}
    except (ValueError, DuplicateExtension, UnsupportedGeneralNameType):
        return None


def _uris(extensions: Mapping[type[ExtensionType], ExtensionType]) -> list[str]:
    names = extensions.get(SubjectAlternativeName)
    return names.get_values_for_type(UniformResourceIdentifier) if isinstance(names, SubjectAlternativeName) else []


def _is_ca(extensions: Mapping[type[ExtensionType], ExtensionType]) -> bool:
    constraints = extensions.get(BasicConstraints)
    return isinstance(constraints, BasicConstraints) and constraints.ca


def _usages(extensions: Mapping[type[ExtensionType], ExtensionType]) -> frozenset[str] | None:
    usage = extensions.get(KeyUsage)
    return _named(*(getattr(usage, name) for name in _USAGES)) if isinstance(usage, KeyUsage) else None


@lru_cache(maxsize=128)  # of seven usages: one object for the whole fleet
def _named(*given: bool) -> frozenset[str]:
    return frozenset(compress(_USAGES, given))


def _key(certificate: Certificate) -> tuple[str, str]:
    """What the key is, and why it is too weak."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "unreadable", "its key cannot be read"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return _sized(f"EC {key.curve.name}", key.key_size, 224)
    if isinstance(key, rsa.RSAPublicKey):
        return _sized(f"RSA {key.key_size}", key.key_size, 2048)
    if isinstance(key, dsa.DSAPublicKey):
        return _sized(f"DSA {key.key_size}", key.key_size, 2048)
    return type(key).__name__.removesuffix("PublicKey"), ""


def _sized(name: str, bits: int, least: int) -> tuple[str, str]:
    return name, f"its key is too short ({name})" if bits < least else ""


def _weak_signature(certificate: Certificate) -> str:
    try:
        digest = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:  # OpenSSL could not verify it either, and said so
        return ""
    if digest is None or digest.name not in _WEAK_HASHES or certificate.subject == certificate.issuer:
        return ""
    return f"its signature is too weak ({digest.name})"
