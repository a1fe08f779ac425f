"""Authorities of one trust bundle that only their keys tell apart."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import (
    AuthorityKeyIdentifier,
    Certificate,
    DuplicateExtension,
    ExtensionNotFound,
    Name,
    SubjectKeyIdentifier,
    UnsupportedGeneralNameType,
)


class Namesakes:
    """The authorities of a bundle that share their name with another one of another key; mostly none."""

    def __init__(self, authorities: Sequence[Certificate]) -> None:
        by_name: dict[Name, list[Certificate]] = defaultdict(list)
        for each in authorities:
            by_name[each.subject].append(each)
        self._by_name = {name: several for name, several in by_name.items() if len(_keys(several)) > 1}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._by_name)

    @property
    def groups(self) -> Sequence[Sequence[Certificate]]:
        """Those of each name."""
        return list(self._by_name.values())

    def candidates(self, issued: Certificate, date: float) -> int:
        """How many keys OpenSSL may take for that of the issuer: by name, key identifiers and dates (Unix seconds)."""
        several = self._by_name.get(issued.issuer)
        if not several:
            return 0
        kind = issued.signature_algorithm_oid.dotted_string
        keys = _readable([each for each in several if _may_be(each, issued, date)])
        return len({_encoded(key) for key in keys if kind.startswith(_signatures(key))})


def one_of_each_name(authorities: Sequence[Certificate]) -> Sequence[Sequence[Certificate]]:
    """Choices of these in which no two of different keys share a name, so that each is in one; none where none do."""
    groups = Namesakes(authorities).groups
    alone = [each for each in authorities if not any(each in group for group in groups)]
    turns = range(max(map(len, groups), default=0))
    return [[*alone, *(group[turn % len(group)] for group in groups)] for turn in turns]


def _may_be(issuer: Certificate, issued: Certificate, date: float) -> bool:
    """X509_check_issued of OpenSSL, and the preference of its store for what is valid."""
    if not issuer.not_valid_before_utc.timestamp() <= date <= issuer.not_valid_after_utc.timestamp():
        return False
    given, own = _authority_key(issued), _subject_key(issuer)
    if given is None:
        return True
    by_key = given.key_identifier is None or own is None or given.key_identifier == own
    return by_key and given.authority_cert_serial_number in (None, issuer.serial_number)


def _authority_key(certificate: Certificate) -> AuthorityKeyIdentifier | None:
    try:
        return certificate.extensions.get_extension_for_class(AuthorityKeyIdentifier).value
    except (ExtensionNotFound, DuplicateExtension, UnsupportedGeneralNameType, ValueError):
        return None


def _subject_key(certificate: Certificate) -> bytes | None:
    try:
        return certificate.extensions.get_extension_for_class(SubjectKeyIdentifier).value.digest
    except (ExtensionNotFound, DuplicateExtension, UnsupportedGeneralNameType, ValueError):
        return None


def _signatures(key: CertificatePublicKeyTypes) -> str:
    """How the object identifiers of the signatures begin that such a key makes: PKCS #1, ANSI X9.62, else any."""
    if isinstance(key, rsa.RSAPublicKey):
        return "1.2.840.113549.1.1."
    return "1.2.840.10045.4." if isinstance(key, ec.EllipticCurvePublicKey) else ""


def _keys(certificates: Sequence[Certificate]) -> frozenset[bytes]:
    return frozenset(map(_encoded, _readable(certificates)))


def _readable(certificates: Sequence[Certificate]) -> Iterator[CertificatePublicKeyTypes]:
    for each in certificates:
        try:
            yield each.public_key()
        except (ValueError, UnsupportedAlgorithm):
            continue


def _encoded(key: CertificatePublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
