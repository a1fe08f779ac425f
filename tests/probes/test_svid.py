"""What the probe `svid` makes of readings: every row of the contract, from plain records, without a network."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from probes.contract import EvaluationContext, Fault, Verdict
from probes.contract.condition import Status
from probes.readings.certificate import UnreadableError, read_leaf
from probes.readings.handshake import BundleState, Handshake, Spoke
from probes.readings.issuer import Issuer, Lifetime
from probes.readings.verify_error import VerifyError
from probes.svid import PROBE, SvidHistory, SvidLimits, judge
from tests.probes.served import LEAF, NOW, SEARCH, SEEN, context, errors, leaf
from watcher.demo.authority import Authority

ALL_CLEAR = dict.fromkeys((kind.name for kind in PROBE.conditions), ("false", ""))


def said(
    reading: Handshake, the_case: EvaluationContext[SvidLimits] | None = None, history: SvidHistory | None = None
) -> dict[str, Verdict]:
    evaluation = judge(reading, history or SvidHistory(), the_case or context())
    assert [verdict.kind for verdict in evaluation.verdicts] == list(PROBE.conditions)
    for verdict in evaluation.verdicts:
        text = verdict.text
        assert text
        assert text.isprintable()
    return {verdict.kind.name: verdict for verdict in evaluation.verdicts}


def differs(reading: Handshake, the_case: EvaluationContext[SvidLimits] | None = None) -> dict[str, tuple[str, str]]:
    """What is not all clear."""
    found = {name: (str(verdict.status), verdict.reason) for name, verdict in said(reading, the_case).items()}
    return {name: found[name] for name in found if found[name] != ALL_CLEAR[name]}


def test_a_healthy_agent_is_all_clear() -> None:
    assert differs(SEEN) == {}


def test_a_good_form_is_no_proof_where_it_is_not_known_who_the_agent_should_be() -> None:
    why = "Which SPIFFE ID it should serve could not be discovered: its Service search cannot be read: 403."
    case = context(expected=())
    unlearnt = case._replace(target=replace(case.target, unlearnt={"spiffe_ids": why}))
    assert said(SEEN, case)["SVIDWrongIdentity"].status is Status.FALSE
    found = said(SEEN, unlearnt)["SVIDWrongIdentity"]
    assert (found.status, found.reason, found.text) == (Status.UNKNOWN, "FactUnknown", why)
    ignored = unlearnt._replace(limits=SvidLimits(when_absent="ignore"))
    assert said(SEEN, ignored)["SVIDWrongIdentity"].status is Status.FALSE
    assert differs(leaf(uris=()), unlearnt) == {"SVIDWrongIdentity": ("true", "NoURISAN")}


FAILED = dict.fromkeys(list(ALL_CLEAR)[1:], ("unknown", "SourceFailed"))


@pytest.mark.parametrize(
    ("fault", "facts", "verdict"),
    [
        (Fault.REFUSED, {}, ("true", "ConnectionRefused")),
        (Fault.REFUSED, {"inferred": True}, ("unknown", "NeverReached")),
        (Fault.REFUSED, {"inferred": True, "reached": True}, ("true", "ConnectionRefused")),
        (Fault.SILENT, {}, ("unknown", "NeverReached")),
        (Fault.SILENT, {"reached": True}, ("true", "Lost")),
        (Fault.SILENT, {"reached": True, "isolated": True}, ("unknown", "WatcherImpaired")),
        (Fault.STALLED, {}, ("true", "HandshakeTimeout")),
        (Fault.STALLED, {"held_up": True}, ("unknown", "WatcherImpaired")),
        (Fault.RESET, {}, ("true", "Reset")),
    ],
)
def test_faults_of_the_network(fault: Fault, facts: dict[str, object], verdict: tuple[str, str]) -> None:
    reading = Handshake(fault=fault, error="10.0.0.7:8443 is not well.")
    assert differs(reading, context(expected=(), **facts)) == {"AgentUnreachable": verdict} | FAILED


def test_a_handshake_that_fails_is_unreachable_but_speaks_tls() -> None:
    reading = Handshake(spoke=Spoke.TLS, error="No TLS in common.")
    expected = {"AgentUnreachable": ("true", "HandshakeFailed")} | FAILED
    del expected["TLSMissing"]
    assert differs(reading) == expected


@pytest.mark.parametrize(("spoke", "reason"), [(Spoke.PLAINTEXT_HTTP, "PlaintextHTTP"), (Spoke.OTHER, "NotTLS")])
def test_a_port_without_tls_is_reached_and_pages_once(spoke: Spoke, reason: str) -> None:
    assert differs(Handshake(spoke=spoke, error="It speaks HTTP.")) == FAILED | {"TLSMissing": ("true", reason)}


def test_what_the_watcher_cannot_ask_is_not_blamed_on_the_agent() -> None:
    reading = Handshake(fault=Fault.OURS, error="Too many open files.")
    assert differs(reading) == FAILED | {"AgentUnreachable": ("unknown", "WatcherImpaired")}


@pytest.mark.parametrize("asked", [True, False])
def test_an_agent_that_is_looked_at_less_often_is_not_called_reachable(asked: bool) -> None:
    reading = replace(SEEN, asked=asked, asked_in=4, error="It takes 50 ms of CPU.")
    assert differs(reading) == {"AgentUnreachable": ("unknown", "Malformed")}, "no other condition says why"
    assert said(reading)["AgentUnreachable"].text == "It takes 50 ms of CPU."


@pytest.mark.parametrize(("age", "told"), [(179.0, {}), (181.0, dict.fromkeys(FAILED, ("unknown", "Stale")))])
def test_what_was_seen_more_than_three_intervals_ago_says_nothing_any_more(
    age: float, told: dict[str, tuple[str, str]]
) -> None:
    reading = replace(SEEN, asked_in=10, error="It takes 50 ms of CPU.").again(age)
    assert differs(reading) == told | {"AgentUnreachable": ("unknown", "Malformed")}
    text = {each.text for each in said(reading).values() if each.status is Status.UNKNOWN}
    assert text == {f"It takes 50 ms of CPU. That was {'2m59s' if age < 180 else '3m1s'} ago."}


def test_an_old_reading_leaves_the_history_and_tells_no_dates() -> None:
    history = SvidHistory(serial="77", dates=(1.0, 2.0), rotations=3)
    judged = judge(replace(SEEN, asked_in=10).again(600.0), history, context())
    assert judged.history is history
    assert [each.metric.name for each in judged.samples] == ["svid_rotations_total"]


def test_a_fault_of_the_network_that_nobody_asked_about_again_is_not_counted_again() -> None:
    reading = Handshake(fault=Fault.STALLED, error="It stalled.", asked_in=2)
    assert differs(reading)["AgentUnreachable"] == ("true", "HandshakeTimeout")
    assert differs(reading.again(60.0))["AgentUnreachable"] == ("unknown", "Malformed")


def test_a_server_that_broke_off_is_neither_reached_nor_out_of_reach_and_its_leaf_is_judged() -> None:
    reading = replace(leaf(not_after=NOW - 1), completed=False, broke_off=True, error="It broke off.")
    assert differs(reading) == {
        "AgentUnreachable": ("unknown", "Unauthorized"),
        "SVIDExpired": ("true", "CertificateExpired"),
    }
    assert said(reading)["AgentUnreachable"].text == "It broke off. It may refuse the watcher alone."


def test_a_leaf_read_in_a_handshake_that_stalled_later_is_judged() -> None:
    reading = replace(leaf(not_after=NOW - 1), fault=Fault.STALLED, completed=False, error="It stalled.")
    assert differs(reading) == {
        "AgentUnreachable": ("true", "HandshakeTimeout"),
        "SVIDExpired": ("true", "CertificateExpired"),
    }


def test_a_handshake_without_a_readable_certificate_is_malformed() -> None:
    unknown = dict.fromkeys(list(ALL_CLEAR)[2:], ("unknown", "Malformed"))
    assert differs(replace(SEEN, leaf=None)) == unknown


EXPIRED = {"SVIDExpired": ("true", "CertificateExpired")}
IMMINENT = {"SVIDExpiryImminent": ("true", "SVIDExpiryImminent")}
OVERDUE = {"SVIDRotationOverdue": ("true", "NotRotated")}


@pytest.mark.parametrize(
    ("lifetime", "remaining", "expected"),
    [
        (3600, 3600, {}),
        (3600, 1440, {}),  # 40 %
        (3600, 1439, {}),  # under 40 %, five minutes of patience
        (3600, 1140, {}),
        (3600, 1139, OVERDUE),
        (3600, 720, OVERDUE),  # 20 %
        (3600, 719, OVERDUE | IMMINENT),
        (3600, 0, OVERDUE | IMMINENT),
        (3600, -1, EXPIRED),
        (1, 0, OVERDUE | IMMINENT),
        (60, 18, {}),  # a tenth of the lifetime is the patience
        (60, 17.9, OVERDUE),
        (86400 * 365, 86400 * 146 - 300.1, OVERDUE),
        (0, 0, {}),
        (0, -1, EXPIRED),
        (-10, 5, {}),
        (-10, -1, EXPIRED),
    ],
)
def test_the_dates_decide(lifetime: float, remaining: float, expected: dict[str, tuple[str, str]]) -> None:
    reading = leaf(not_before=NOW + remaining - lifetime, not_after=NOW + remaining)
    found = differs(reading)
    found.pop("SVIDNotTrusted", None)
    assert found == expected


def dated(left: float, lifetime: float = 86400.0) -> Lifetime:
    return Lifetime(NOW + left - lifetime, NOW + left)


DAY = 86400.0


@pytest.mark.parametrize(
    ("issuer", "imminent"),
    [
        (Issuer("1", dated(0.5 * DAY)), False),
        # Healthy SPIRE signs by the next CA when a sixth is left; what the old one signed is served a while longer.
        (Issuer("1", dated(0.19 * DAY)), False),
        (Issuer("1", dated(DAY / 6 - 590)), False),
        (Issuer("1", dated(DAY / 6 - 610)), True),  # it signed when another should have
        (Issuer("1", dated(3001)), True),
        (Issuer("1", dated(3000)), True),  # the leaf was cut to its end
        (Issuer("1", dated(1)), True),
        (Issuer("1", dated(0)), True),
        (Issuer("1", dated(-1)), False),  # then the chain does not verify any more
        (Issuer("1", dated(2999, lifetime=6000)), False),  # half of it is left
        (Issuer("1", dated(2999, lifetime=0)), False),
        (Issuer("1", dated(2999, lifetime=-9)), False),
        (Issuer("1", dated(0.21 * DAY), authority=True, longest=dated(0.21 * DAY)), False),
        (Issuer("1", dated(0.19 * DAY), authority=True, longest=dated(0.19 * DAY)), True),
        (Issuer("1", dated(0.19 * DAY), authority=True, longest=dated(DAY)), False),  # the next one is there
        (Issuer("1", dated(4000), authority=True, longest=dated(DAY)), False),
        (Issuer("1", dated(4000), authority=True, longest=dated(4001)), True),
        (Issuer("1", dated(4000), authority=True, longest=dated(-4000)), True),
        (Issuer("1", dated(2999), authority=True, longest=dated(DAY)), True),  # the leaf outlives it
    ],
)
def test_the_end_of_what_stands_behind_a_leaf_is_foretold(issuer: Issuer, imminent: bool) -> None:
    other = Issuer("2", dated(400 * DAY, lifetime=800 * DAY), authority=True, longest=dated(400 * DAY, 800 * DAY))
    for issuers in ((issuer,), (issuer, other), (other, issuer)):
        assert differs(replace(SEEN, issuers=issuers)) == (IMMINENT if imminent else {})


def test_a_date_of_ours_that_is_doubted_foretells_no_end() -> None:
    reading = replace(SEEN, issuers=(Issuer("1", dated(1)),))
    assert said(reading, context(clock_doubt="It is wrong."))["SVIDExpiryImminent"].status is Status.UNKNOWN


@given(
    ends=st.lists(st.tuples(st.integers(-100_000, 10**10), st.integers(-9, 10**10), st.booleans()), max_size=4),
    longest=st.none() | st.integers(-(10**10), 10**10),
)
def test_any_dates_behind_a_leaf_are_judged(ends: list[tuple[int, int, bool]], longest: int | None) -> None:
    last = dated(longest) if longest is not None else None
    issuers = tuple(Issuer("1", dated(*dates), authority=of, longest=last) for *dates, of in ends)
    found = differs(replace(SEEN, issuers=issuers))
    assert found in ({}, IMMINENT)
    if not any(0 <= left < 0.2 * lifetime for left, lifetime, _ in ends):
        assert found == {}


def test_a_lifetime_below_zero_is_never_overdue() -> None:
    reading = leaf(not_before=NOW + 10.2, not_after=NOW + 0.2)
    assert differs(reading, context(limits=SvidLimits(rotation_overdue_ratio=0.05, clock_skew="60s"))) == {}


def test_the_ratios_are_the_operators() -> None:
    limits = SvidLimits(rotation_overdue_ratio=0.9, expiry_imminent_ratio=0.85)
    assert differs(SEEN, context(limits=limits)) == IMMINENT
    assert differs(SEEN, context(limits=limits, now=NOW + 300)) == IMMINENT | OVERDUE


@given(start=st.floats(-1e11, 3e11), lifetime=st.floats(-1e6, 1e11), now=st.floats(0, 3e11), skew=st.floats(0, 1e6))
def test_any_dates_are_judged_and_expiry_excludes_what_comes_before_it(
    start: float, lifetime: float, now: float, skew: float
) -> None:
    reading = leaf(not_before=start, not_after=start + lifetime)
    found = said(reading, context(now=now, limits=SvidLimits.model_construct(clock_skew=skew)))
    true = {name for name, verdict in found.items() if verdict.status is Status.TRUE}
    assert ("SVIDExpired" in true) == (now > start + lifetime)
    if "SVIDExpired" in true:
        assert not true & {"SVIDExpiryImminent", "SVIDRotationOverdue"}
    assert ("SVIDNotTrusted" in true) == (start > now + skew)


@pytest.mark.parametrize(
    ("reading", "verdict"),
    [
        (errors((20, 0), (21, 0)), ("true", "UnknownAuthority")),
        (errors((18, 0)), ("true", "UnknownAuthority")),
        (errors((19, 1)), ("true", "UnknownAuthority")),
        (errors((7, 0)), ("true", "UnknownAuthority")),
        (errors((20, 0), (26, 0)), ("true", "UnknownAuthority")),
        (errors((10, 0)), ("false", "")),
        (errors((10, 1)), ("true", "BadChain")),
        (errors((79, 1)), ("true", "BadChain")),
        (errors((32, 1)), ("true", "BadChain")),
        (errors((25, 1)), ("true", "BadChain")),
        (errors((26, 0)), ("true", "BadChain")),
        (errors((22, 9), (20, 9)), ("true", "BadChain")),
        (errors((999, 0)), ("true", "BadChain")),
        (errors((20, 0), bundle=BundleState.UNCONFIRMED), ("unknown", "NoTrustBundle")),
        (errors(bundle=BundleState.UNCONFIRMED), ("unknown", "NoTrustBundle")),
        (errors((26, 0), bundle=BundleState.UNCONFIRMED), ("true", "BadChain")),
        (errors((20, 0), bundle=BundleState.MISSING), ("unknown", "NoTrustBundle")),
        (errors(bundle=BundleState.MISSING), ("unknown", "NoTrustBundle")),
        (leaf(ca=True), ("true", "BadChain")),
        (leaf(usages=frozenset({"key_encipherment"})), ("true", "BadChain")),
        (leaf(usages=frozenset({"digital_signature", "key_cert_sign"})), ("true", "BadChain")),
        (leaf(usages=frozenset({"digital_signature", "crl_sign"})), ("true", "BadChain")),
        (leaf(usages=frozenset({"digital_signature", "key_encipherment", "key_agreement"})), ("false", "")),
        (leaf(usages=None), ("false", "")),
        (leaf(weakness="its key is too short (RSA 1024)"), ("true", "BadChain")),
        (replace(SEEN, weak_intermediates=("of an intermediate, its key is too short",)), ("true", "BadChain")),
        (leaf(not_before=NOW + 59), ("false", "")),
        (leaf(not_before=NOW + 61), ("true", "NotYetValid")),
        (replace(SEEN, verify_errors=(VerifyError(9, 1, NOW + 59),)), ("false", "")),
        (replace(SEEN, verify_errors=(VerifyError(9, 1, NOW + 61),)), ("true", "NotYetValid")),
    ],
)  # fmt: skip
def test_trust(reading: Handshake, verdict: tuple[str, str]) -> None:
    found = said(reading)["SVIDNotTrusted"]
    assert (str(found.status), found.reason) == verdict


def test_extensions_that_cannot_be_read_are_no_unknown_authority() -> None:
    reading = replace(errors((20, 0)), leaf=replace(LEAF, readable=False, uris=(), uri_count=0, usages=None))
    assert differs(reading) == {
        "SVIDNotTrusted": ("true", "BadChain"),
        "SVIDWrongIdentity": ("true", "NoURISAN"),
    }


@pytest.mark.parametrize(
    ("uris", "expected", "own", "reason"),
    [
        ((SEARCH,), (SEARCH,), "example.org", ""),
        ((SEARCH,), ("spiffe://example.org/agent/other", SEARCH), "example.org", ""),
        ((SEARCH,), (), "example.org", ""),
        ((SEARCH,), (), "", ""),
        ((), (SEARCH,), "example.org", "NoURISAN"),
        ((), (), "", "NoURISAN"),
        ((SEARCH, SEARCH), (SEARCH,), "example.org", "SeveralURISANs"),
        (("https://example.org/agent/search",), (SEARCH,), "example.org", "NotSPIFFEID"),
        (("spiffe://example.org",), (), "example.org", "NotSPIFFEID"),
        (("spiffe://example.org/\x1b[31m",), (SEARCH,), "example.org", "NotSPIFFEID"),
        (("spiffe://evil.test/agent/search",), (SEARCH,), "example.org", "WrongTrustDomain"),
        (("spiffe://evil.test/agent/search",), (), "example.org", "WrongTrustDomain"),
        (("spiffe://evil.test/agent/search",), (), "", ""),
        (("spiffe://partner.test/agent/a",), ("spiffe://partner.test/agent/a",), "partner.test", ""),
        (("spiffe://example.org/agent/other",), (SEARCH,), "example.org", "UnexpectedID"),
        (("spiffe://example.org/agent/other",), (), "example.org", ""),
    ],
)
def test_identity(uris: Sequence[str], expected: tuple[str, ...], own: str, reason: str) -> None:
    reading = replace(leaf(uris=tuple(uris), uri_count=len(uris)), trust_domain=own)
    found = differs(reading, context(expected=expected))
    assert found == ({"SVIDWrongIdentity": ("true", reason)} if reason else {})


@given(uri=st.text(max_size=300), expected=st.lists(st.just(SEARCH), max_size=1))
def test_any_name_gets_one_verdict_with_a_printable_message(uri: str, expected: list[str]) -> None:
    found = said(leaf(uris=(uri,)), context(expected=tuple(expected)))["SVIDWrongIdentity"]
    assert (found.status is Status.FALSE) == (uri == SEARCH or not found.reason)


OTHER = "spiffe://example.org/agent/billing"
LONG = f"spiffe://example.org/{'a' * 300}"


@pytest.mark.parametrize(
    ("uris", "told"),
    [
        ((OTHER,), OTHER),
        (("spiffe://elsewhere.org/agent/search",), "spiffe://elsewhere.org/agent/search"),
        ((SEARCH,), None),
        ((), None),
        ((SEARCH, OTHER), None),
        (("https://example.org/x?y={}",), None),
        (("spiffe://example.org",), None),
        ((LONG,), f"{LONG[:187]}…{sha256(LONG.encode()).hexdigest()[:12]}"),
    ],
)
def test_the_spiffe_id_that_is_served_is_exported_where_it_is_another_one(
    uris: tuple[str, ...], told: str | None
) -> None:
    exported = judge(leaf(uris=uris), SvidHistory(), context()).samples
    assert [each.labels for each in exported if each.metric.name == "svid_served_info"] == ([(told,)] if told else [])


def test_no_served_id_is_told_where_none_is_expected_or_none_was_seen() -> None:
    for reading, expected in ((leaf(uris=(OTHER,)), ()), (Handshake(fault=Fault.SILENT), (SEARCH,))):
        exported = judge(reading, SvidHistory(), context(expected=expected)).samples
        assert "svid_served_info" not in [each.metric.name for each in exported]


def samples(reading: Handshake, history: SvidHistory, now: float = NOW) -> tuple[dict[str, float], SvidHistory]:
    evaluation = judge(reading, history, context(now=now))
    return {sample.metric.name: sample.value for sample in evaluation.samples}, evaluation.history


def served(serial: str, not_before: float, not_after: float = NOW + 9000) -> Handshake:
    return leaf(serial=serial, not_before=not_before, not_after=not_after)


def test_the_dates_are_exported_of_an_expired_and_untrusted_leaf_too() -> None:
    reading = replace(leaf(not_before=0.0, not_after=86400.0), verify_errors=(VerifyError(20, 0, 0.0),))
    exported, _ = samples(reading, SvidHistory())
    assert exported == {
        "svid_not_before_timestamp_seconds": 0.0,
        "svid_not_after_timestamp_seconds": 86400.0,
        "svid_rotations_total": 0,
    }


def test_a_rotation_is_counted_once_and_dated_by_the_look_that_saw_it() -> None:
    exported, history = samples(served("a", NOW - 100), SvidHistory())
    assert (exported["svid_rotations_total"], "svid_last_rotation_timestamp_seconds" in exported) == (0, False)
    exported, history = samples(served("b", NOW - 50), history, NOW + 60)
    assert (exported["svid_rotations_total"], exported["svid_last_rotation_timestamp_seconds"]) == (1, NOW + 60)
    exported, history = samples(served("b", NOW - 50), history, NOW + 120)
    assert (exported["svid_rotations_total"], exported["svid_last_rotation_timestamp_seconds"]) == (1, NOW + 60)
    exported, history = samples(Handshake(fault=Fault.SILENT), history)
    assert exported == {"svid_rotations_total": 1, "svid_last_rotation_timestamp_seconds": NOW + 60}


def test_replicas_that_alternate_do_not_rotate() -> None:
    history = SvidHistory()
    for serial, start in [("a", 10.0), ("b", 20.0), ("a", 10.0), ("b", 20.0), ("a", 10.0), ("c", 20.0), ("b", 20.0)]:
        exported, history = samples(served(serial, start), history)
    assert exported["svid_rotations_total"] == 1


def test_an_svid_with_the_same_start_and_a_later_end_is_a_rotation() -> None:
    _, history = samples(served("a", 10.0, NOW + 1), SvidHistory())
    exported, _ = samples(served("b", 10.0, NOW + 2), history)
    assert exported["svid_rotations_total"] == 1


def test_a_start_in_the_future_does_not_hide_later_rotations() -> None:
    _, history = samples(served("a", 10.0), SvidHistory())
    exported, history = samples(served("hostile", NOW + 1e9, NOW + 2e9), history)
    assert exported["svid_rotations_total"] == 0
    exported, _ = samples(served("b", 20.0), history)
    assert exported["svid_rotations_total"] == 1


def test_the_history_survives_a_restart_without_its_counter() -> None:
    adapter = TypeAdapter(SvidHistory)
    history = SvidHistory("3f", (1.0, 2.0), NOW, 7)
    assert adapter.validate_json(adapter.dump_json(history)) == replace(history, rotations=0)


def test_only_unreachability_needs_several_looks() -> None:
    assert [kind.name for kind in PROBE.conditions if kind.repeated] == ["AgentUnreachable"]


DER = (
    Authority("example.org", NOW)
    .issue(SEARCH, not_before=NOW - 10, not_after=NOW + 60)
    .chain[0]
    .public_bytes(Encoding.DER)
)


@given(position=st.integers(0, len(DER) - 1), byte=st.integers(0, 255))
def test_a_certificate_with_any_byte_changed_is_read_or_refused_cleanly(position: int, byte: int) -> None:
    damaged = DER[:position] + bytes([byte]) + DER[position + 1 :]
    try:
        found = read_leaf(damaged)
    except UnreadableError:
        return
    assert found.uri_count == len(found.uris)
    said(replace(SEEN, leaf=found))
    assert replace(SEEN, leaf=found).evidence()["certificate"]


@given(st.binary(max_size=200))
def test_anything_else_is_refused_as_a_certificate(data: bytes) -> None:
    with pytest.raises(UnreadableError):
        read_leaf(data)


def test_evidence_says_when_in_a_form_for_people() -> None:
    certificate = leaf(not_after=253402300799.0).evidence()["certificate"]
    assert isinstance(certificate, dict)
    assert certificate["not_after"] == "9999-12-31T23:59:59Z"
    assert certificate["not_before"] == f"{datetime.fromtimestamp(NOW - 600, UTC):%Y-%m-%dT%H:%M:%SZ}"


DOUBT = "The watcher's clock is 3h0m ahead of most agents'."
OF_DATES = ("SVIDExpired", "SVIDExpiryImminent", "SVIDRotationOverdue", "SVIDNotTrusted")


@pytest.mark.parametrize("now", [NOW - 7200, NOW, NOW + 7200])
def test_where_the_watchers_own_date_is_doubted_no_date_is_judged_and_all_else_is(now: float) -> None:
    found = judge(SEEN, SvidHistory(), context(now=now, clock_doubt=DOUBT)).verdicts
    said = {each.kind.name: (each.status.value, each.reason, each.text) for each in found}
    assert {name: said[name] for name in OF_DATES} == dict.fromkeys(OF_DATES, ("unknown", "WatcherImpaired", DOUBT))
    assert {said[name][0] for name in said if name not in OF_DATES} == {"false"}


@pytest.mark.parametrize(
    ("reading", "told"),
    [
        (errors((10, 1)), ("unknown", "WatcherImpaired")),  # an intermediate that has expired, by our date
        (errors((9, 0)), ("unknown", "WatcherImpaired")),
        (errors((10, 1), (24, 1)), ("true", "BadChain")),
        (errors((20, 0)), ("true", "UnknownAuthority")),
    ],
)
def test_a_chain_that_is_wrong_whatever_the_date_is_told_all_the_same(
    reading: Handshake, told: tuple[str, str]
) -> None:
    found = said(reading, context(clock_doubt=DOUBT))["SVIDNotTrusted"]
    assert (found.status.value, found.reason) == told
