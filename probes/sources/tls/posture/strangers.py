"""Certificates that an agent must refuse: of an authority that nobody trusts, and one that is forged.

The authority is made in memory and known to nobody; it signs nothing else.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from probes.contract import OwnIdentity
from probes.contract.spiffe_id import parse_spiffe_id

LIFETIME = 86400.0
"""Seconds for which they are valid."""

_SKEW = 3600.0
_FOREIGN = "spiffe://foreign.invalid/agentweave-watcher"
_SAYS_WHO = "agentweave-watcher: TLS posture test"


class Stranger(NamedTuple):
    """A certificate, and the key that goes with it."""

    chain: tuple[x509.Certificate, ...]
    key: ec.EllipticCurvePrivateKey


def foreign(date: float) -> Stranger:
    """Valid at `date` (Unix seconds) in all, but of a trust domain and an authority that do not exist."""
    return _issued(_name(f"{_SAYS_WHO}, foreign authority"), None, _FOREIGN, date)


def forged(trust_domain: str, identity: OwnIdentity, date: float) -> Stranger:
    """An SVID of the trust domain, of which the signature alone is wrong.

    Its issuer is one that the bundle has, and its ID that of the watcher where it is of the same trust domain.
    """
    own = _own_id(identity)
    parsed = parse_spiffe_id(own)
    same = parsed is not None and parsed.trust_domain == trust_domain
    spiffe_id = own if same else f"spiffe://{trust_domain}/agentweave-watcher"
    authority = next(iter(identity.bundles.get(trust_domain, ())), None)
    issuer = authority.subject if authority is not None else _name(trust_domain)
    return _issued(issuer, authority, spiffe_id, date)


def _issued(issuer: x509.Name, like: x509.Certificate | None, spiffe_id: str, date: float) -> Stranger:
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    start, end = (datetime.fromtimestamp(int(moment), UTC) for moment in (date - _SKEW, date + LIFETIME))
    builder = x509.CertificateBuilder().serial_number(x509.random_serial_number()).issuer_name(issuer)
    builder = builder.subject_name(_name(_SAYS_WHO)).public_key(key.public_key())
    builder = builder.not_valid_before(start).not_valid_after(end)
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(spiffe_id)])
    builder = builder.add_extension(names, critical=False).add_extension(_USAGE, critical=True)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    for known_as in _key_identifier(like):
        builder = builder.add_extension(known_as, critical=False)
    return Stranger((builder.sign(authority, hashes.SHA256()),), key)


_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def _key_identifier(authority: x509.Certificate | None) -> Sequence[x509.AuthorityKeyIdentifier]:
    """Whose signature it claims to have; nothing where the authority has no identifier that can be read."""
    if authority is None:
        return ()
    try:
        own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own.value),)


def _own_id(identity: OwnIdentity) -> str:
    try:
        names = identity.chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (IndexError, x509.ExtensionNotFound, ValueError):
        return ""
    return next(iter(names.get_values_for_type(x509.UniformResourceIdentifier)), "")


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])
