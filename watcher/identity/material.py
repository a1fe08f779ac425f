"""Do a chain, a key and bundles make an identity?"""

from collections.abc import Iterable, Mapping

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes, PrivateKeyTypes
from cryptography.x509 import (
    Certificate,
    DuplicateExtension,
    ExtensionNotFound,
    SubjectAlternativeName,
    UniformResourceIdentifier,
    UnsupportedGeneralNameType,
)

from probes.contract import OwnIdentity
from watcher.identity.source import IdentityError, IdentityTrouble

_SIGNING = (
    rsa.RSAPrivateKey,
    ec.EllipticCurvePrivateKey,
    ed25519.Ed25519PrivateKey,
    ed448.Ed448PrivateKey,
    dsa.DSAPrivateKey,
)


def assemble(
    trust_domain: str,
    chain: Iterable[Certificate],
    key: PrivateKeyTypes,
    bundles: Mapping[str, Iterable[Certificate]],
) -> OwnIdentity:
    """An identity whose key belongs to its leaf, or IdentityError. The order of authorities says nothing."""
    links = tuple(chain)
    authorities = {name: tuple(sorted(bundle, key=_fingerprint)) for name, bundle in bundles.items()}
    return OwnIdentity(trust_domain=trust_domain, chain=links, key=_own_key(links[0], key), bundles=authorities)


def anchored(identity: OwnIdentity) -> bool:
    """Whether an authority of its own trust domain signed something of the chain."""
    bundle = identity.bundles[identity.trust_domain]
    return any(_signed(link, authority) for link in identity.chain for authority in bundle)


def same(one: OwnIdentity | None, other: OwnIdentity) -> bool:
    """Whether nothing changed; the key cannot without its leaf."""
    if one is None:
        return False
    return (one.trust_domain, one.chain, one.bundles) == (other.trust_domain, other.chain, other.bundles)


def spiffe_id(leaf: Certificate) -> str:
    """The SPIFFE ID of an X509-SVID; empty where there is not exactly one."""
    try:
        names = leaf.extensions.get_extension_for_class(SubjectAlternativeName).value
    except (ExtensionNotFound, DuplicateExtension, UnsupportedGeneralNameType, ValueError):
        return ""
    uris = names.get_values_for_type(UniformResourceIdentifier)
    return uris[0] if len(uris) == 1 and uris[0].startswith("spiffe://") else ""


def begins(certificate: Certificate) -> float:
    """notBefore in Unix seconds."""
    return certificate.not_valid_before_utc.timestamp()


def ends(certificate: Certificate) -> float:
    """notAfter in Unix seconds."""
    return certificate.not_valid_after_utc.timestamp()


def _own_key(leaf: Certificate, key: PrivateKeyTypes) -> CertificateIssuerPrivateKeyTypes:
    if not isinstance(key, _SIGNING):
        raise IdentityError(IdentityTrouble.MALFORMED, f"a key of type {type(key).__name__} cannot sign")
    try:
        fits = key.public_key() == leaf.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise IdentityError(IdentityTrouble.MALFORMED, "the certificate's public key cannot be read") from error
    if not fits:
        raise IdentityError(IdentityTrouble.KEY_MISMATCH, "the private key does not belong to the certificate")
    return key


def _signed(certificate: Certificate, authority: Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _fingerprint(certificate: Certificate) -> bytes:
    return certificate.fingerprint(hashes.SHA256())
