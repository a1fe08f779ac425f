"""A small SPIFFE certificate authority for the demo and the tests: keys in memory, EC P-256, nothing to install."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_A_DAY = 86400
_A_YEAR = 365 * _A_DAY


@dataclass(frozen=True, slots=True)
class Svid:
    """An X509-SVID as a workload serves it: leaf first, then the intermediates, never the root."""

    chain: tuple[x509.Certificate, ...]
    key: ec.EllipticCurvePrivateKey

    @property
    def chain_pem(self) -> bytes:
        """The chain as servers want it in one file."""
        return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in self.chain)

    @property
    def key_pem(self) -> bytes:
        """The private key, PKCS #8, not encrypted."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def write(self, directory: Path) -> tuple[Path, Path]:
        """Write `svid.pem` and `svid.key` (mode 0600) into an existing directory and return both paths."""
        certificate_file, key_file = directory / "svid.pem", directory / "svid.key"
        key_file.touch(mode=0o600)
        key_file.write_bytes(self.key_pem)
        certificate_file.write_bytes(self.chain_pem)
        return certificate_file, key_file


class Authority:
    """The signing authority of one trust domain, or an intermediate under it.

    Times are Unix seconds; X.509 keeps whole seconds, so fractions are cut off.
    """

    def __init__(
        self, trust_domain: str, now: float, *, lifetime: float = _A_YEAR, under: "Authority | None" = None
    ) -> None:
        """Make a key and a certificate valid from a day before `now` until `lifetime` after it."""
        self.trust_domain = trust_domain
        self.key = ec.generate_private_key(ec.SECP256R1())
        self._issuer = _name(f"{trust_domain} {'intermediate' if under else 'root'}")
        self.intermediates: tuple[x509.Certificate, ...] = ()
        builder = _valid(now - _A_DAY, now + lifetime).subject_name(self._issuer).public_key(self.key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        own_key = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        builder = builder.add_extension(own_key, critical=False)
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        builder = builder.add_extension(_names(f"spiffe://{trust_domain}"), critical=False)
        self.certificate = (under or self).sign(builder)
        if under:
            self.intermediates = (self.certificate, *under.intermediates)

    def intermediate(self, now: float, *, lifetime: float = _A_YEAR) -> "Authority":
        """An authority signed by this one; what it issues carries its certificate in the chain."""
        return Authority(self.trust_domain, now, lifetime=lifetime, under=self)

    def issue(self, spiffe_id: str, *, not_before: float, not_after: float, hosts: Sequence[str] = ()) -> Svid:
        """An X509-SVID with this ID; `hosts` (names or addresses) are for clients that check those.

        The ID is not checked against the trust domain: tests forge.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _valid(not_before, not_after).subject_name(_name("workload")).public_key(key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
        builder = builder.add_extension(_BOTH_ENDS, critical=False)
        leaf = self.sign(builder.add_extension(_names(spiffe_id, *hosts), critical=False))
        return Svid((leaf, *self.intermediates), key)

    def sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        """Sign any certificate, as it stands, with this authority as the issuer."""
        issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.issuer_name(self._issuer).add_extension(issuer_key, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    @property
    def bundle_pem(self) -> bytes:
        """The trust bundle: this authority's own certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    def write_bundle(self, directory: Path) -> Path:
        """Write `bundle.pem` into an existing directory and return its path."""
        path = directory / "bundle.pem"
        path.write_bytes(self.bundle_pem)
        return path


_BOTH_ENDS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


def _valid(not_before: float, not_after: float) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().serial_number(x509.random_serial_number())
    start, end = (datetime.fromtimestamp(int(moment), UTC) for moment in (not_before, not_after))
    return builder.not_valid_before(start).not_valid_after(end)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _names(spiffe_id: str, *hosts: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(spiffe_id), *map(_host, hosts)])


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """What the X509-SVID specification, section 4.3, asks of a leaf (a signature) or of an authority."""
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
