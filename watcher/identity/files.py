"""The identity in three PEM files, for people without a Workload API."""

from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import Certificate, load_pem_x509_certificates

from probes.contract import OwnIdentity
from watcher.identity.material import assemble, spiffe_id
from watcher.identity.source import IdentityError, IdentityTrouble

_LARGEST = 1 << 20  # bytes of one file

Contents = tuple[bytes, bytes, bytes]


class Files:
    """Reads the contents each time: what tells that a file changed (times, inodes) differs between volumes."""

    def __init__(self, cert_file: Path, key_file: Path, bundle_file: Path, trust_domain: str | None) -> None:
        """Nothing is read yet; without a trust domain it is that of the certificate's SPIFFE ID."""
        self._cert_file, self._key_file, self._bundle_file = cert_file, key_file, bundle_file
        self._trust_domain = trust_domain
        self._seen: Contents | None = None
        self._taken: Contents | None = None
        self._identity: OwnIdentity | None = None

    def ask(self, ring: Callable[[], None]) -> OwnIdentity:
        """The identity in the files; changed ones are taken when they read the same twice."""
        contents = _read(self._cert_file), _read(self._key_file), _read(self._bundle_file)
        before, self._seen = self._seen, contents
        if self._identity is not None and contents == self._taken:
            return self._identity
        if self._identity is not None and contents != before:
            ring()  # a writer may be halfway, and a bundle cut off between two authorities still reads well
            return self._identity
        self._identity, self._taken = self._parse(contents), contents
        return self._identity

    def close(self) -> None:
        """Nothing is held between two reads."""

    def _parse(self, contents: Contents) -> OwnIdentity:
        chain = _certificates(self._cert_file, contents[0])
        key = _key(self._key_file, contents[1])
        served = spiffe_id(chain[0]).removeprefix("spiffe://").partition("/")[0]
        trust_domain = self._trust_domain or served
        if not trust_domain:
            raise IdentityError(
                IdentityTrouble.MALFORMED, f"{self._cert_file} has no SPIFFE ID: trust_domain must be given"
            )
        if served not in ("", trust_domain):
            raise IdentityError(
                IdentityTrouble.WRONG_TRUST_DOMAIN, f"{self._cert_file} is of {served}, not of {trust_domain}"
            )
        return assemble(trust_domain, chain, key, {trust_domain: _certificates(self._bundle_file, contents[2])})


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            contents = file.read(_LARGEST + 1)
    except OSError as error:
        raise IdentityError(IdentityTrouble.FILES_UNREADABLE, f"{path}: {error.strerror}") from error
    if len(contents) > _LARGEST:
        raise IdentityError(IdentityTrouble.MALFORMED, f"{path} is larger than {_LARGEST} bytes")
    return contents


def _certificates(path: Path, contents: bytes) -> list[Certificate]:
    try:
        certificates = load_pem_x509_certificates(contents)
    except ValueError as error:
        raise IdentityError(IdentityTrouble.MALFORMED, f"{path} holds no readable PEM certificate") from error
    if len(certificates) != contents.count(b"-----BEGIN CERTIFICATE-----"):
        raise IdentityError(IdentityTrouble.MALFORMED, f"{path} ends in the middle of a certificate")
    return certificates


def _key(path: Path, contents: bytes) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(contents, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise IdentityError(IdentityTrouble.MALFORMED, f"{path} holds no readable, unencrypted PEM key") from error
