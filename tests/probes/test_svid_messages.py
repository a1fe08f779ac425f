"""What the probe `svid` says, to the word."""

from dataclasses import replace

import pytest
from OpenSSL import _util

from probes.contract import Fault
from probes.readings.handshake import BundleState, Handshake, Spoke
from probes.readings.issuer import Issuer, Lifetime
from probes.readings.verify_error import SAID, VerifyError, say_verify_code
from probes.svid import PROBE, SvidHistory, judge
from tests.probes.served import NOW, SEARCH, SEEN, context, errors, leaf

UNTRUSTED = "The chain does not verify against the trust bundle of example.org"
REFUSED = "10.0.0.7:8443 refused the connection."
HTTP = "10.0.0.7:8443 answers in plain HTTP."
OTHER_ID = "spiffe://example.org/agent/other"
EVIL_ID = "spiffe://evil.test/agent/search"


def texts(reading: Handshake, expected: tuple[str, ...] = (SEARCH,)) -> dict[str, str]:
    evaluation = judge(reading, SvidHistory(), context(expected=expected))
    return {verdict.kind.name: verdict.text for verdict in evaluation.verdicts}


def left(seconds: float, lifetime: float = 3600) -> Handshake:
    """A served SVID with this much of its lifetime left."""
    return leaf(not_before=NOW + seconds - lifetime, not_after=NOW + seconds)


def named(*uris: str, trust_domain: str = "example.org") -> Handshake:
    return replace(leaf(uris=uris, uri_count=len(uris)), trust_domain=trust_domain)


UNREADABLE = leaf(readable=False, uris=(), uri_count=0, usages=None)


@pytest.mark.parametrize(
    ("condition", "reading", "sentence"),
    [
        ("AgentUnreachable", Handshake(fault=Fault.REFUSED, error=REFUSED), REFUSED),
        ("AgentUnreachable", Handshake(fault=Fault.OURS, error="Too many open files."), "Too many open files."),
        ("AgentUnreachable", Handshake(spoke=Spoke.TLS, error="No TLS in common."), "No TLS in common."),
        ("TLSMissing", Handshake(spoke=Spoke.PLAINTEXT_HTTP, error=HTTP), HTTP),
        ("TLSMissing", Handshake(spoke=Spoke.OTHER, error="It is SSH."), "It is SSH."),
        ("SVIDExpired", left(-11), "The served SVID expired 11s ago (serial 3f2a)."),
        ("SVIDExpired", left(-90061), "The served SVID expired 1d1h ago (serial 3f2a)."),
        (
            "SVIDExpiryImminent",
            left(600),
            "The served SVID expires in 10m0s, with 17% of its lifetime left (serial 3f2a).",
        ),
        (
            "SVIDRotationOverdue",
            left(1100),
            (
                "The served SVID was not rotated in time: "
                "it expires in 18m20s, with 31% of its lifetime left (serial 3f2a)."
            ),
        ),
        ("SVIDNotTrusted", leaf(not_before=NOW + 61), "The served chain is not valid for another 1m1s."),
        (
            "SVIDNotTrusted",
            replace(SEEN, verify_errors=(VerifyError(9, 1, NOW + 7200),)),
            "The served chain is not valid for another 2h0m.",
        ),
    ],
)
def test_every_verdict_says_exactly_this(condition: str, reading: Handshake, sentence: str) -> None:
    assert texts(reading)[condition] == sentence


def behind(left: float, *, authority: bool = False, fresh: bool = False, lifetime: float = 86400.0) -> Issuer:
    """An issuer with this much of its lifetime left; `fresh`: beside another authority that has just begun."""
    mine = Lifetime(NOW + left - lifetime, NOW + left)
    longest = Lifetime(NOW - 60, NOW + lifetime) if fresh else mine
    return Issuer("77", mine, authority=authority, longest=longest if authority else None)


INTERMEDIATE, AUTHORITY = "The intermediate that is served with the SVID", "The authority behind the served SVID"
LEFT = "expires in {}, with {} of its lifetime left (serial 77)"


@pytest.mark.parametrize(
    ("leaf_left", "issuers", "sentence"),
    [
        (3000, [behind(1800)], f"{INTERMEDIATE} {LEFT.format('30m0s', '2%')}, before the SVID does."),
        (3000, [behind(3000)], f"{INTERMEDIATE} {LEFT.format('50m0s', '3%')}, and the SVID with it."),
        (3000, [behind(7200)], f"{INTERMEDIATE} {LEFT.format('2h0m', '8%')}."),
        (3000, [behind(1800, authority=True)], f"{AUTHORITY} {LEFT.format('30m0s', '2%')}, before the SVID does."),
        (
            3000,
            [behind(1800, authority=True, fresh=True)],
            f"{AUTHORITY} {LEFT.format('30m0s', '2%')}, before the SVID does.",
        ),
        (
            3000,
            [behind(7200, authority=True)],
            f"{AUTHORITY} {LEFT.format('2h0m', '8%')}, and the trust bundle has no fresh one.",
        ),
        (
            600,
            [behind(600), behind(7200, authority=True)],
            (
                "The served SVID expires in 10m0s, with 17% of its lifetime left (serial 3f2a). "
                f"{INTERMEDIATE} {LEFT.format('10m0s', '1%')}, and the SVID with it. "
                f"{AUTHORITY} {LEFT.format('2h0m', '8%')}, and the trust bundle has no fresh one."
            ),
        ),
    ],
)
def test_an_end_that_is_near_is_said_with_whose_it_is(leaf_left: float, issuers: list[Issuer], sentence: str) -> None:
    assert texts(replace(left(leaf_left), issuers=tuple(issuers)))["SVIDExpiryImminent"] == sentence


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        (replace(SEEN, bundle=BundleState.MISSING), "There is no confirmed trust bundle to verify against."),
        (replace(SEEN, bundle=BundleState.UNCONFIRMED), "There is no confirmed trust bundle to verify against."),
        (
            errors((7, 0)),
            f"{UNTRUSTED}: its signature is not that of its issuer.",
        ),
        (
            errors((24, 1)),
            "The served chain is not one to trust: its issuer has no public key (certificate 1 of the chain).",
        ),
        (leaf(not_before=NOW + 7200), "The served chain is not valid for another 2h0m."),
    ],
)
def test_what_some_peers_stumble_over_is_said_whatever_is_found(seen: Handshake, sentence: str) -> None:
    told = texts(replace(seen, remarks=("One thing.", "Another.")))["SVIDNotTrusted"]
    assert told == f"{sentence} One thing. Another."
    assert texts(seen)["SVIDNotTrusted"] == sentence


def test_a_remark_follows_what_is_well() -> None:
    told = texts(replace(SEEN, remarks=("One thing.", "Another.")))["SVIDNotTrusted"]
    assert told == "The served chain verifies against the trust bundle of its trust domain. One thing. Another."


def test_there_are_words_for_each_verify_error_of_openssl() -> None:
    lib, ffi = _util.lib, _util.ffi
    said = {code: ffi.string(lib.X509_verify_cert_error_string(code)).decode() for code in range(1, 300)}
    known = {code for code, text in said.items() if text != "unknown certificate verification error"}
    assert len(known) > 90
    assert set(SAID) == known
    assert len(set(SAID.values())) == len(SAID)
    assert not [text for text in SAID.values() if text.endswith(".") or "_" in text or text[0].isupper()]
    assert say_verify_code(9999) == "OpenSSL's verify error 9999"


@pytest.mark.parametrize(
    ("code", "depth", "stranger"),
    [
        (2, 0, "its issuer is not known"),
        (7, 0, "its signature is not that of its issuer"),
        (18, 0, "it is self-signed and not in the bundle"),
        (19, 1, "the chain ends in a root that is not in the bundle (certificate 1 of the chain)"),
        (20, 0, "its issuer is neither in the bundle nor in the chain"),
        (21, 0, "no certificate that could verify it was served"),
        (27, 2, "it is not trusted (certificate 2 of the chain)"),
    ],
)
def test_a_chain_of_an_unknown_authority_is_said_to_be_one(code: int, depth: int, stranger: str) -> None:
    told = texts(errors((code, depth)))["SVIDNotTrusted"]
    assert told == f"{UNTRUSTED}: {stranger}."


@pytest.mark.parametrize(
    ("reading", "flaws"),
    [
        (errors((10, 1)), "it has expired (certificate 1 of the chain)"),
        (errors((22, 9)), "the chain is too long (certificate 9 of the chain)"),
        (errors((79, 1)), "it is no CA certificate, but has issued the one before it (certificate 1 of the chain)"),
        (errors((24, 0)), "its issuer has no public key"),
        (errors((25, 2)), "its path length constraint is exceeded (certificate 2 of the chain)"),
        (errors((26, 0)), "its usages or extended usages do not allow TLS servers"),
        (errors((999, 0)), "OpenSSL's verify error 999"),
        (UNREADABLE, "its extensions cannot be read"),
        (leaf(ca=True), "it is a CA certificate"),
        (leaf(usages=frozenset()), "its key may not sign handshakes (no digitalSignature)"),
        (
            leaf(usages=frozenset({"digital_signature", "crl_sign"}), weakness="its key is too short (RSA 1024)"),
            "its key may sign certificates (keyCertSign or cRLSign); its key is too short (RSA 1024)",
        ),
        (
            replace(errors((26, 0)), weak_intermediates=("of an intermediate, its key is too short",)),
            "its usages or extended usages do not allow TLS servers; of an intermediate, its key is too short",
        ),
    ],
)
def test_each_flaw_of_a_chain_is_said_and_all_of_several(reading: Handshake, flaws: str) -> None:
    assert texts(reading)["SVIDNotTrusted"] == f"The served chain is not one to trust: {flaws}."


@pytest.mark.parametrize(
    ("reading", "expected", "sentence"),
    [
        (named(), (SEARCH,), "The served certificate names no SPIFFE ID."),
        (UNREADABLE, (SEARCH,), "The served certificate names no SPIFFE ID: its extensions cannot be read."),
        (named(SEARCH, SEARCH), (SEARCH,), "The served certificate has 2 URI SANs where one is allowed."),
        (
            named("spiffe://example.org/\x1b[31m"),
            (SEARCH,),
            r"The URI SAN of the served certificate is no SPIFFE ID of a workload: spiffe://example.org/\x1b[31m.",
        ),
        (
            named("x" * 300),
            (SEARCH,),
            f"The URI SAN of the served certificate is no SPIFFE ID of a workload: {'x' * 200}.",
        ),
        (named(EVIL_ID), (), f"{EVIL_ID} is not of the trust domain example.org."),
        (
            named(EVIL_ID),
            ("spiffe://partner.test/agent/a", SEARCH),
            f"{EVIL_ID} is not of the trust domain example.org or partner.test.",
        ),
        (named(OTHER_ID), (SEARCH,), f"{OTHER_ID} is served where {SEARCH} is expected."),
        (
            named(OTHER_ID),
            (SEARCH, "spiffe://example.org/agent/index"),
            f"{OTHER_ID} is served where {SEARCH} or spiffe://example.org/agent/index is expected.",
        ),
    ],
)
def test_a_wrong_identity_is_said_with_what_is_served(
    reading: Handshake, expected: tuple[str, ...], sentence: str
) -> None:
    assert texts(reading, expected)["SVIDWrongIdentity"] == sentence


def test_a_healthy_agent_is_said_to_be_so_of_every_condition() -> None:
    assert texts(SEEN) == {kind.name: kind.all_clear for kind in PROBE.conditions}
