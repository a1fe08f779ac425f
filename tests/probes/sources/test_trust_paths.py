"""Which path a served chain takes to the trust bundle, whatever the order of its authorities."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from probes.contract import OwnIdentity
from probes.readings.handshake import Handshake
from probes.readings.issuer import Issuer, Lifetime
from probes.readings.verify_error import VerifyCode, VerifyError
from probes.sources.tls.path import verify_otherwise
from tests.probes.sources.test_handshake import NOW, OURS, SEARCH, SVID, WATCHER, Provider, identity, look
from tests.servers.pki import Leaf, PlainAuthority, Served, with_negative_serial
from tests.servers.tls_servers import serve, speak_tls, tls_context
from watcher.demo.authority import Authority, Svid

AMBIGUOUS = (
    "2 valid authorities of example.org have the same name, and no key identifiers tell which one signed: peers that "
    "use OpenSSL, such as Python's, may try the wrong one and refuse this agent, while Go peers try each."
)
NEGATIVE = "The serial number of the served SVID is negative: Go peers, from Go 1.23 on, refuse it."
OLD, NEW = PlainAuthority(NOW), PlainAuthority(NOW, lifetime=172800)


def bundle(*authorities: Authority | PlainAuthority) -> OwnIdentity:
    """In this order."""
    return replace(identity(WATCHER), bundles={"example.org": tuple(each.certificate for each in authorities)})


def leaf(authority: Authority | PlainAuthority, **facts: object) -> Served:
    dates = {"not_before": NOW - 10, "not_after": NOW + 3600}
    return Leaf(**(dates | facts)).signed_by(authority)  # type: ignore[arg-type]  # the facts are those of a Leaf


def seen(served: Served | Svid, *authorities: Authority | PlainAuthority) -> Handshake:
    with serve(speak_tls(tls_context(served))) as address:
        return look(address, Provider(bundle(*authorities)))


def codes(reading: Handshake) -> list[tuple[int, int]]:
    return [(each.code, each.depth) for each in reading.verify_errors]


@pytest.mark.parametrize("order", [(OLD, NEW), (NEW, OLD)], ids=["old first", "new first"])
@pytest.mark.parametrize("signer", [OLD, NEW], ids=["of the old", "of the new"])
def test_two_authorities_of_one_name_are_both_tried_whatever_their_order(
    signer: PlainAuthority, order: Sequence[PlainAuthority]
) -> None:
    reading = seen(leaf(signer), *order)
    assert (codes(reading), reading.remarks) == ([], (AMBIGUOUS,))
    assert [(each.authority, each.lifetime.end) for each in reading.issuers] == [(True, _end(signer))]


@pytest.mark.parametrize("order", [(OLD, NEW), (NEW, OLD)], ids=["old first", "new first"])
def test_a_stranger_with_the_name_of_two_authorities_stays_one(order: Sequence[PlainAuthority]) -> None:
    assert codes(seen(leaf(PlainAuthority(NOW)), *order)) == [(VerifyCode.BAD_SIGNATURE, 0)]


@pytest.mark.parametrize("order", [(OLD, NEW), (NEW, OLD)], ids=["old first", "new first"])
def test_what_else_is_wrong_with_the_leaf_is_told_on_either_path(order: Sequence[PlainAuthority]) -> None:
    assert codes(seen(leaf(OLD, not_after=NOW - 5), *order)) == [(VerifyCode.EXPIRED, 0)]


@pytest.mark.parametrize("order", [(OLD, NEW), (NEW, OLD)], ids=["old first", "new first"])
def test_intermediates_of_one_name_are_both_tried(order: Sequence[PlainAuthority]) -> None:
    first, second = (PlainAuthority(NOW, name="between", under=each) for each in order)
    served = leaf(second)
    chain = (served.chain[0], first.certificate, second.certificate)
    reading = seen(Served(chain, served.key), *order)
    assert codes(reading) == []
    assert [each.authority for each in reading.issuers] == [False, True]


@pytest.mark.parametrize("order", [(OLD, NEW), (NEW, OLD)], ids=["old first", "new first"])
def test_a_path_with_a_flaw_is_told_with_the_flaw_and_not_as_a_stranger(order: Sequence[PlainAuthority]) -> None:
    no_authority = PlainAuthority(NOW, name="between", under=OLD, ca=False)
    reading = seen(leaf(no_authority), *order)
    assert codes(reading)[0] == (79, 1)
    assert VerifyCode.BAD_SIGNATURE not in {each.code for each in reading.verify_errors}
    assert str(reading.verify_errors[0]) == (
        "it is no CA certificate, but has issued the one before it (certificate 1 of the chain)"
    )


@pytest.mark.parametrize(
    ("purpose", "flawed"),
    [
        (ExtendedKeyUsageOID.CLIENT_AUTH, True),
        (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, True),
        (ExtendedKeyUsageOID.SERVER_AUTH, False),
        (ObjectIdentifier("2.16.840.1.113730.4.1"), False),
    ],
)
def test_an_issuer_that_is_not_for_servers_is_told_so_on_either_path(purpose: ObjectIdentifier, flawed: bool) -> None:
    """As OpenSSL says it of the path that it takes."""
    issuer = PlainAuthority(NOW, name="between", under=OLD, purposes=[purpose])
    told = [(26, 1)] if flawed else []
    assert codes(seen(leaf(issuer), OLD)) == codes(seen(leaf(issuer), OLD, NEW)) == told
    assert codes(seen(leaf(issuer), NEW, OLD)) == told
    root = PlainAuthority(NOW, purposes=[purpose])
    assert codes(seen(leaf(root), root, NEW)) == codes(seen(leaf(root), NEW, root)) == told


def test_an_authority_that_has_expired_is_told_so_on_the_other_path() -> None:
    dead = PlainAuthority(NOW, lifetime=-60)
    assert codes(seen(leaf(dead), dead, NEW)) == codes(seen(leaf(dead), NEW, dead)) == [(VerifyCode.EXPIRED, 1)]


def test_authorities_that_something_tells_apart_get_no_remark() -> None:
    with_identifiers = [Authority("example.org", NOW) for _ in range(2)]
    svid = with_identifiers[0].issue(SEARCH, not_before=NOW - 10, not_after=NOW + 3600)
    of_another_kind = PlainAuthority(NOW, key=rsa.generate_private_key(65537, 2048))
    of_the_same_key = PlainAuthority(NOW, lifetime=7200, key=OLD.key)
    expired = PlainAuthority(NOW, lifetime=-60)
    for served, authorities in (
        (svid, with_identifiers),
        (leaf(OLD), (OLD, PlainAuthority(NOW, name="another"))),
        (leaf(OLD), (OLD, of_another_kind)),
        (leaf(OLD), (OLD, of_the_same_key)),
        (leaf(OLD), (OLD, expired)),
    ):
        for order in (authorities, authorities[::-1]):
            reading = seen(served, *order)
            assert (codes(reading), reading.remarks) == ([], ())


def test_a_negative_serial_number_gets_a_remark() -> None:
    svid = OURS.issue(SEARCH, not_before=NOW - 10, not_after=NOW + 3600)
    negative = Served((with_negative_serial(svid.chain[0], OURS.key), *svid.chain[1:]), svid.key)
    reading = seen(negative, OURS)
    assert (codes(reading), reading.remarks) == ([], (NEGATIVE,))
    assert reading.leaf is not None
    assert int(reading.leaf.serial, 16) < 0


def test_a_negative_serial_number_of_an_intermediate_gets_one_too() -> None:
    between = OURS.intermediate(NOW)
    svid = between.issue(SEARCH, not_before=NOW - 10, not_after=NOW + 3600)
    served = Served((svid.chain[0], with_negative_serial(between.certificate, OURS.key)), svid.key)
    assert seen(served, OURS).remarks == (
        "The serial number of a certificate behind the SVID is negative: Go peers, from Go 1.23 on, refuse it.",
    )


def test_what_stands_behind_a_leaf_is_read_with_its_dates() -> None:
    between, other = OURS.intermediate(NOW, lifetime=7200), Authority("example.org", NOW, lifetime=86400 * 999)
    svid = between.issue(SEARCH, not_before=NOW - 10, not_after=NOW + 3600)
    reading = seen(svid, OURS, other)
    longest = Lifetime(NOW - 86400, NOW + 86400 * 999)
    assert reading.issuers == (
        Issuer(f"{between.certificate.serial_number:x}", Lifetime(NOW - 86400, NOW + 7200)),
        Issuer(
            f"{OURS.certificate.serial_number:x}",
            Lifetime(NOW - 86400, NOW + 86400 * 365),
            authority=True,
            longest=longest,
        ),
    )
    assert seen(svid, other).issuers == reading.issuers[:1]  # no authority stands behind it
    assert seen(SVID, OURS).issuers[0].longest == Lifetime(NOW - 86400, NOW + 86400 * 365)


def test_the_search_for_another_path_ends_when_its_time_is_up() -> None:
    many = [PlainAuthority(NOW) for _ in range(40)]
    served = [leaf(many[39]).chain[0].public_bytes(Encoding.DER)]
    roots = [each.certificate for each in many]
    wrong = (VerifyError(VerifyCode.BAD_SIGNATURE, 0, 0.0),)
    assert verify_otherwise(served, roots, wrong, NOW, lambda: 0.0) is None  # 32 signatures at most
    assert verify_otherwise(served, roots[20:], wrong, NOW, lambda: 0.0) is not None
    clock = iter(range(99))
    assert verify_otherwise(served, roots[20:], wrong, NOW, lambda: float(next(clock))) is None


def test_bytes_that_are_no_certificate_have_no_other_path() -> None:
    assert verify_otherwise([b"no"], [OLD.certificate], (), NOW) is None
    assert verify_otherwise([], [OLD.certificate], (), NOW) is None


def _end(authority: PlainAuthority) -> float:
    return authority.certificate.not_valid_after_utc.timestamp()
