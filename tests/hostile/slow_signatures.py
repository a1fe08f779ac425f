"""A chain of certificates whose signatures cost whoever verifies them."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import NameOID

from tests.servers.pki import Served


def endless_signatures(length: int) -> Served:
    """A chain of keys whose public exponent has 3,000 bits: each signature takes 10 ms to verify."""
    key, signer = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 3072)
    modulus = signer.public_key().public_numbers().n
    slow = rsa.RSAPublicNumbers(modulus - 2, modulus).public_key()
    names = ["leaf", *(f"c{number}" for number in range(length + 1))]
    keys: list[CertificatePublicKeyTypes] = [key.public_key(), *[slow] * length]
    chain = [certificate(name, up, each, signer) for name, up, each in zip(names, names[1:], keys, strict=False)]
    return Served(tuple(chain), key)


def certificate(name: str, issuer: str, key: CertificatePublicKeyTypes, by: rsa.RSAPrivateKey) -> x509.Certificate:
    """One of them, valid for two hours."""
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(_named(name)).issuer_name(_named(issuer)).public_key(key)
    made = made.serial_number(x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
    made = made.add_extension(x509.BasicConstraints(ca=name != "leaf", path_length=None), critical=True)
    return made.sign(by, hashes.SHA256())


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
