"""A signed record: an in-toto statement in a DSSE envelope, and who signed it.

1. The envelope has `payloadType`, `payload` (base64) and `signatures` (DSSE 1.0.2, protocol and envelope).
2. The payload is an in-toto statement (v1, or v0.1) whose predicate type is ours and whose predicate is the record.
3. The subjects of the statement are the images: those that the record names, if it names any, must be among them.
4. A signature is over PAE(payloadType, payload), by one of the configured keys: Ed25519; ECDSA with the hash of the
   size of its curve; RSA of 2048 bits or more, PKCS #1 v1.5 or PSS with SHA-256.

Not known here: signatures without keys (Fulcio, Rekor), certificates, envelopes that hang at an image in a registry.
"""

import binascii
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic_core import from_json

from probes.controls.records.document import PREDICATE_TYPE

MOST_PAYLOAD, MOST_SIGNATURES = 2**18, 10
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_STATEMENTS = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
_MOST_KEY = 2**16
_HASHES: Mapping[int, hashes.HashAlgorithm] = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}

Key: TypeAlias = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey
Keys: TypeAlias = Mapping[str, Key]
"""By the name that the config gives them."""


class EnvelopeError(ValueError):
    """It is none, or holds no record; a sentence."""


class Envelope(NamedTuple):
    """What was signed, and by which signatures."""

    signed: bytes
    signatures: tuple[bytes, ...]
    record: object = None  # the predicate

    def signers(self, keys: Keys) -> frozenset[str]:
        """The names of the keys that signed it."""
        return frozenset(name for name, key in keys.items() if any(self._is_by(key, each) for each in self.signatures))

    def _is_by(self, key: Key, signature: bytes) -> bool:
        return any(_verifies(key, signature, self.signed, each) for each in _paddings(key))


def is_envelope(data: object) -> bool:
    """Whether this document is one, and not a record itself."""
    return isinstance(data, dict) and "payloadType" in data and "payload" in data


def opened(data: Mapping[str, Any]) -> Envelope:
    """The envelope with its record; EnvelopeError."""
    if data["payloadType"] != _PAYLOAD_TYPE:
        raise EnvelopeError(f"expected payloadType {_PAYLOAD_TYPE}")
    payload = _decoded(data["payload"])
    if len(payload) > MOST_PAYLOAD:
        raise EnvelopeError(f"its payload is over {MOST_PAYLOAD >> 10} KiB")
    try:
        statement = from_json(payload, allow_inf_nan=False)
    except (ValueError, RecursionError) as error:
        raise EnvelopeError("its payload is not JSON") from error
    signatures = tuple(_signatures(data.get("signatures")))
    return Envelope(_pae(payload), signatures, _predicate(statement))


def load_key(path: Path) -> Key:
    """The public key in this PEM file; OSError, or ValueError where it is none that is known here."""
    with path.open("rb") as file:
        raw = file.read(_MOST_KEY)
    key = load_pem_public_key(raw)
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < 2048:
        raise ValueError("an RSA key of fewer than 2048 bits")
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size not in _HASHES:
        raise ValueError(f"a key of the curve {key.curve.name}")
    known = key if isinstance(key, Key) else None
    if known is None:
        raise ValueError("expected a key of Ed25519, ECDSA or RSA")
    return known


def _decoded(text: object) -> bytes:
    if not isinstance(text, str):
        raise EnvelopeError("expected base64")
    try:
        return urlsafe_b64decode(text) if set("-_") & set(text) else b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EnvelopeError("expected base64") from error


def _signatures(given: object) -> Iterator[bytes]:
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_SIGNATURES:
        raise EnvelopeError(f"expected 1 to {MOST_SIGNATURES} signatures")
    for each in given:
        yield _decoded(each.get("sig") if isinstance(each, dict) else None)


def _pae(payload: bytes) -> bytes:
    kind = _PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _predicate(statement: object) -> object:
    if not isinstance(statement, dict) or statement.get("_type") not in _STATEMENTS:
        raise EnvelopeError("expected an in-toto statement, v1 or v0.1")
    if statement.get("predicateType") != PREDICATE_TYPE:
        raise EnvelopeError(f"expected the predicateType {PREDICATE_TYPE}")
    record, subjects = statement.get("predicate"), frozenset(_subjects(statement.get("subject")))
    if not isinstance(record, dict):
        raise EnvelopeError("expected a record as predicate")
    bind = record.get("bind")
    named = bind.get("image_digests") if isinstance(bind, dict) else None
    if not named and subjects and bind in (None, "none"):
        return {**record, "bind": {"image_digests": sorted(subjects)}}
    if isinstance(named, list) and not {each for each in named if isinstance(each, str)} <= subjects:
        raise EnvelopeError("the record names images that are no subjects of the statement")
    return record


def _subjects(given: object) -> Iterable[str]:
    for each in given if isinstance(given, list) else ():
        digest = each.get("digest") if isinstance(each, dict) else None
        sha256 = digest.get("sha256") if isinstance(digest, dict) else None
        if isinstance(sha256, str):
            yield f"sha256:{sha256}"


def _paddings(key: Key) -> tuple[padding.AsymmetricPadding | None, ...]:
    if isinstance(key, rsa.RSAPublicKey):
        return padding.PKCS1v15(), padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)
    return (None,)


def _verifies(key: Key, signature: bytes, signed: bytes, by: padding.AsymmetricPadding | None) -> bool:
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, signed)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, signed, ec.ECDSA(_HASHES[key.curve.key_size]))
        elif by is not None:
            key.verify(signature, signed, by, hashes.SHA256())
    except InvalidSignature:
        return False
    return True
