"""Certificates that no sane SPIFFE authority issues."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtensionOID
from OpenSSL.crypto import X509, PKey

from watcher.demo.authority import Authority

USAGES: Mapping[str, bool] = {
    "digital_signature": True,
    "content_commitment": False,
    "key_encipherment": False,
    "data_encipherment": False,
    "key_agreement": False,
    "key_cert_sign": False,
    "crl_sign": False,
    "encipher_only": False,
    "decipher_only": False,
}


@dataclass(frozen=True, slots=True)
class Served:
    """A chain and its key, of whatever kind."""

    chain: tuple[x509.Certificate, ...]
    key: CertificateIssuerPrivateKeyTypes

    def write(self, directory: Path) -> tuple[Path, Path]:
        """Write chain and key as PEM into an existing directory and return both paths."""
        certificate_file, key_file = directory / "odd.pem", directory / "odd.key"
        certificate_file.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in self.chain))
        key_file.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate_file, key_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What an odd leaf shall be; the rest is as an SVID should be."""

    uris: Sequence[str] = ("spiffe://example.org/agent/search",)
    dns: Sequence[str] = ()
    addresses: Sequence[str] = ()
    raw_names: bytes | None = None  # the bytes of the SAN extension, whatever they are
    not_before: float
    not_after: float
    ca: bool = False
    usages: Mapping[str, bool] | None = field(default_factory=dict)  # beside digitalSignature; None: no such extension
    key: CertificateIssuerPrivateKeyTypes = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def signed_by(self, authority: "Authority | PlainAuthority") -> Served:
        """Served with this authority's intermediates, if it has any."""
        start, end = (datetime.fromtimestamp(moment, UTC) for moment in (self.not_before, self.not_after))
        builder = x509.CertificateBuilder().serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(start).not_valid_after(end).public_key(self.key.public_key())
        builder = builder.subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "odd")]))
        builder = builder.add_extension(x509.BasicConstraints(ca=self.ca, path_length=None), critical=True)
        if self.usages is not None:
            builder = builder.add_extension(x509.KeyUsage(**{**USAGES, **self.usages}), critical=True)
        if names := self._names():
            builder = builder.add_extension(names, critical=False)
        return Served((authority.sign(builder), *authority.intermediates), self.key)

    def _names(self) -> x509.ExtensionType | None:
        if self.raw_names is not None:
            return x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, self.raw_names)
        names = [*map(x509.UniformResourceIdentifier, self.uris), *map(x509.DNSName, self.dns)]
        names += [x509.IPAddress(ip_address(each)) for each in self.addresses]
        return x509.SubjectAlternativeName(names) if names else None


class PlainAuthority:
    """A CA as `openssl x509` makes it without a configuration: its certificates have no key identifiers."""

    intermediates: tuple[x509.Certificate, ...] = ()

    def __init__(
        self,
        now: float,
        *,
        name: str = "example.org root",
        lifetime: float = 86400.0,
        under: "PlainAuthority | None" = None,
        key: CertificateIssuerPrivateKeyTypes | None = None,
        ca: bool = True,
        purposes: Sequence[x509.ObjectIdentifier] = (),
    ) -> None:
        """Valid from an hour before `now`, Unix seconds, until `lifetime` after it; `ca`: whether it says to be one.

        `purposes`: all that what it signs may be used for; none given: anything.
        """
        self.trust_domain = "example.org"
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        start, end = (datetime.fromtimestamp(int(moment), UTC) for moment in (now - 3600, now + lifetime))
        builder = x509.CertificateBuilder().serial_number(x509.random_serial_number()).subject_name(self._name)
        builder = builder.not_valid_before(start).not_valid_after(end).public_key(self.key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        if purposes:
            builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        self.certificate = (under or self).sign(builder)
        if under is not None:
            self.intermediates = (self.certificate, *under.intermediates)

    def sign(self, builder: x509.CertificateBuilder) -> x509.Certificate:
        """Sign any certificate, as it stands, with this authority as the issuer."""
        return builder.issuer_name(self._name).sign(self.key, hashes.SHA256())


def with_negative_serial(certificate: x509.Certificate, key: CertificateIssuerPrivateKeyTypes) -> x509.Certificate:
    """The same with the sign bit of its serial number set, signed anew; cryptography makes no such thing."""
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    tbs = bytearray(certificate.tbs_certificate_bytes)
    length = (certificate.serial_number.bit_length() + 8) // 8
    serial = bytes([2, length]) + certificate.serial_number.to_bytes(length, "big")
    tbs[tbs.index(serial) + 2] |= 0x80
    rest = certificate.public_bytes(Encoding.DER)
    algorithm = rest[rest.index(bytes(certificate.tbs_certificate_bytes)) + len(tbs) :]
    algorithm = algorithm[: 2 + algorithm[1]]
    signature = key.sign(bytes(tbs), ec.ECDSA(hashes.SHA256()))
    content = bytes(tbs) + algorithm + _der(3, b"\0" + signature)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        return x509.load_der_x509_certificate(_der(0x30, content))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def signed_with_sha1(served: Served, authority: Authority) -> Served:
    """The same with the signature of the years before 2011, which cryptography makes no more."""
    leaf = X509.from_cryptography(served.chain[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        leaf.sign(PKey.from_cryptography_key(authority.key), "sha1")
    return Served((leaf.to_cryptography(), *served.chain[1:]), served.key)


def chain_of(length: int, authority: Authority, now: float, spiffe_id: str) -> Served:
    """An SVID under this many authorities, each signed by the one before."""
    for _ in range(length):
        authority = authority.intermediate(now)
    svid = authority.issue(spiffe_id, not_before=now - 10, not_after=now + 3600)
    return Served(svid.chain, svid.key)


def constrained(links: int, names: int, now: float) -> Served:
    """So many URIs behind intermediates that exclude as many each: all are compared with all, and nothing matches."""
    key, chain = ec.generate_private_key(ec.SECP256R1()), list[x509.Certificate]()
    excluded = [x509.UniformResourceIdentifier(f"h{number:03x}") for number in range(names)]
    uris = [x509.UniformResourceIdentifier(f"a://{number:03x}b") for number in range(names)]
    extensions = [x509.SubjectAlternativeName(uris), *[x509.NameConstraints(None, excluded)] * links]
    for number, extension in enumerate(extensions):
        builder = x509.CertificateBuilder().serial_number(number + 1).public_key(key.public_key())
        builder = builder.subject_name(_named(number)).issuer_name(_named(number + 1))
        builder = builder.not_valid_before(datetime.fromtimestamp(now - 10, UTC))
        builder = builder.not_valid_after(datetime.fromtimestamp(now + 3600, UTC))
        builder = builder.add_extension(x509.BasicConstraints(ca=number > 0, path_length=None), critical=True)
        chain.append(builder.add_extension(extension, critical=False).sign(key, hashes.SHA256()))
    return Served(tuple(chain), key)


def _named(number: int) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"link {number}")])
