"""Signed records: who signed them, and what a statement around one must say."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from probes.controls.catalogue.control import UnknownReason
from probes.controls.records import Authority, Verify
from tests.checklist.live.records.made import SEARCH, Book, attestation, envelope, result
from tests.probes.controls.made import OTHER_SHA
from watcher.checklist.live.records.envelope import Key, load_key
from watcher.checklist.live.records.trust import Trust

ED, OTHER = ed25519.Ed25519PrivateKey.generate(), ed25519.Ed25519PrivateKey.generate()
P256, P384 = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP384R1())
RSA = rsa.generate_private_key(65537, 2048)
WEAK = 1024  # bits
PSS = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH)
SIGNED: dict[str, tuple[Key, Callable[[bytes], bytes]]] = {
    "ed25519": (ED.public_key(), ED.sign),
    "P-256": (P256.public_key(), partial(P256.sign, signature_algorithm=ec.ECDSA(hashes.SHA256()))),
    "P-384": (P384.public_key(), partial(P384.sign, signature_algorithm=ec.ECDSA(hashes.SHA384()))),
    "RSA": (RSA.public_key(), partial(RSA.sign, padding=padding.PKCS1v15(), algorithm=hashes.SHA256())),
    "RSA-PSS": (RSA.public_key(), partial(RSA.sign, padding=PSS, algorithm=hashes.SHA256())),
}


def book(*, verify: Verify = Verify.ALL, authorities: tuple[Authority, ...] = (), **keys: Key) -> Book:
    made = Book()
    made.adopt(Trust(authorities, verify, keys, keyed=bool(keys)))
    return made


@pytest.mark.parametrize("kind", SIGNED)
def test_a_record_that_a_configured_key_signed_is_verified_by_its_signature(kind: str) -> None:
    key, sign = SIGNED[kind]
    made = book(other=OTHER.public_key(), pipeline=key)
    made.take(envelope(result(), sign))
    [record] = made.of(SEARCH)
    assert (record.verified, record.signers) == ("signature", frozenset({"pipeline"}))
    assert made.why() == {}


def test_the_wrong_key_no_key_and_another_text_are_told_by_name() -> None:
    made = book(pipeline=ED.public_key())
    good, wrong = envelope(result(), ED.sign), envelope(result(), OTHER.sign)
    tampered = {**good, "payload": envelope(result(failures=0, run_id="other"), ED.sign)["payload"]}
    made.take(good, wrong, tampered, result())
    assert list(made.why().values()) == [
        ["NotVerified", "WrongSignature"],
        ["NotVerified", "WrongSignature"],
        ["NotVerified"],
    ]
    assert len(made.of(SEARCH)) == 1


def test_only_pipelines_or_nobody_need_to_sign_and_a_wrong_signature_never_counts() -> None:
    made = book(verify=Verify.PIPELINES, pipeline=ED.public_key())
    made.take(attestation(), result(), envelope(attestation(at="2027-01-14"), OTHER.sign, []))
    assert list(made.why().values()) == [["NotVerified"], ["WrongSignature"]]
    off = book(verify=Verify.OFF)
    off.take(envelope(result(), OTHER.sign))
    assert [each.verified for each in off.of(SEARCH)] == ["none"]


def test_an_authority_with_keys_believes_those_alone() -> None:
    sources = Authority("configmap:records/*", keys=frozenset({"pipeline"}))
    made = book(verify=Verify.OFF, authorities=(sources,), pipeline=ED.public_key(), other=OTHER.public_key())
    made.take(envelope(result(), ED.sign), envelope(result(run_id="2"), OTHER.sign), attestation())
    assert list(made.why().values()) == [["OutsideAuthority"], ["OutsideAuthority"]]


def test_what_a_key_signed_that_was_taken_out_counts_as_taken_away() -> None:
    made = book(pipeline=ED.public_key())
    made.take(envelope(result(), ED.sign))
    made.adopt(Trust((), Verify.ALL, {"pipeline": OTHER.public_key()}, keyed=True))
    assert made.settle()
    assert [each.gone for each in made.of(SEARCH)] == [UnknownReason.RECORD_REMOVED]
    assert list(made.why().values()) == [["NotVerified", "WrongSignature"]]


def test_the_subjects_of_the_statement_are_the_images_of_the_record() -> None:
    made = book(pipeline=ED.public_key())
    bare = result(bind=None)
    made.take(envelope(bare, ED.sign, [OTHER_SHA]))
    [record] = made.of(SEARCH)
    assert record.image_digests == {OTHER_SHA}
    made.take(envelope(result(), ED.sign, [OTHER_SHA]))
    assert list(made.why().values()) == [["WrongStatement"]]


@pytest.mark.parametrize(
    "changed",
    [
        {"payloadType": "text/plain"},
        {"payload": "%%"},
        {"payload": 7},
        {"payload": "bm8="},
        {"signatures": []},
        {"signatures": None},
        {"signatures": [{"sig": "%"}]},
        {"signatures": [{"sig": "AAAA"}] * 11},
    ],
)
def test_what_is_no_envelope_holds_no_record(changed: dict[str, object]) -> None:
    made = book(pipeline=ED.public_key())
    made.take({**envelope(result(), ED.sign), **changed})
    assert list(made.why().values()) == [["WrongStatement"]]


@pytest.mark.parametrize("changed", [{"_type": "x"}, {"predicateType": "x"}, {"predicate": []}])
def test_a_statement_of_something_else_holds_no_record(changed: dict[str, Any]) -> None:
    made = book(pipeline=ED.public_key())
    made.take(envelope(result(), ED.sign, **changed))
    assert list(made.why().values()) == [["WrongStatement"]]


def test_keys_that_are_weak_or_of_another_kind_are_refused(tmp_path: Path) -> None:
    weak = rsa.generate_private_key(65537, WEAK).public_key()
    other = dsa.generate_private_key(WEAK).public_key()
    small = ec.generate_private_key(ec.SECP192R1()).public_key()
    good = tmp_path / "good.pub"
    good.write_bytes(ED.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert load_key(good) == ED.public_key()
    for key in (weak, other, small):
        file = tmp_path / "key.pub"
        file.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        with pytest.raises(ValueError, match=r"an RSA key of fewer|expected a key of|a key of the curve"):
            load_key(file)
    (tmp_path / "key.pub").write_text("no key")
    with pytest.raises(ValueError, match="PEM"):
        load_key(tmp_path / "key.pub")
