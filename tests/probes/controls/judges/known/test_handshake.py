"""What is served on the mTLS port decides: pass, fail and unknown of each control, with its sentence."""

import pytest

from probes.contract import Unknown
from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import AgentConfigFile, EvidenceSet, IdentityEntries, Seen, ServedPort, Spoken
from probes.controls.finding import State
from probes.controls.judging import load_judges
from probes.controls.verdict.weighing import weigh
from tests.probes.controls.judges.configs import changed, file_of
from tests.probes.controls.judges.known.pods import (
    PLAIN,
    SILENT,
    facts_of,
    finding,
    in_turn,
    only,
    port,
    said,
    true,
    unknown,
)
from tests.probes.controls.made import AGENT, CATALOGUE, NOW, pod

FETCHED, ID, REGISTERED = (
    "predeploy.smoke.svid-fetched",
    "predeploy.spire.spiffe-id",
    "security.identity.registration-entries-created",
)
CONFIGURED, DOMAIN, VALID = (
    "security.identity.spire-configured",
    "security.identity.trust-domain-validated",
    "predeploy.spire.valid-certificate",
)
FRESH, ROTATES, WORKING = (
    "predeploy.spire.not-expired",
    "security.identity.svid-rotation-enabled",
    "postdeploy.long.svid-rotation-working",
)
REACHABLE, STARTUP = "predeploy.spire.reachable", "security.identity.verified-at-startup"
TLS13, MTLS = "security.transport.tls13-enforced", "security.transport.mtls-required"
JUDGED = (FETCHED, ID, REGISTERED, CONFIGURED, DOMAIN, VALID, FRESH, ROTATES, WORKING, REACHABLE, STARTUP, TLS13, MTLS)

OTHER = "spiffe://agents.acme-corp.net/agent/index"
NAMELESS = port(true("SVIDWrongIdentity", "NoURISAN"), uris=())
TWO = port(true("SVIDWrongIdentity", "SeveralURISANs"), uris=("spiffe://a.net/b", "spiffe://a.net/c"))
CUT = port(uris=None, error="It cut the handshake.")
NO_BUNDLE, DOUBT = Unknown.NO_TRUST_BUNDLE, Unknown.WATCHER_IMPAIRED
LISTED = ("agents.acme-corp.net",)


@pytest.mark.parametrize(
    ("control", "seen", "told"),
    [
        (FETCHED, port(), "A certificate with a SPIFFE ID is served."),
        (ID, port(), "The expected SPIFFE ID is served."),
        (REGISTERED, port(), "The expected SPIFFE ID is served."),
        (CONFIGURED, port(), "An SVID that verifies to the trust bundle is served."),
        (VALID, port(), "The served chain verifies against the trust bundle of its trust domain."),
        (FRESH, port(), "The served SVID is far from its end."),
        (REACHABLE, port(), "An SVID within its lifetime is served."),
        (REACHABLE, port(true("SVIDNotTrusted")), "An SVID within its lifetime is served."),
    ],
)
def test_a_port_that_serves_what_it_should_is_good(control: str, seen: ServedPort, told: str) -> None:
    assert only(control, seen) == ("good", "", told)


@pytest.mark.parametrize(
    ("control", "seen", "told"),
    [
        (FETCHED, PLAIN, "The mTLS port talks plaintext."),
        (FETCHED, NAMELESS, "The served certificate names no SPIFFE ID."),
        (ID, PLAIN, "The mTLS port talks plaintext. So it serves no SPIFFE ID."),
        (ID, port(true("SVIDWrongIdentity", "UnexpectedID")), "SVIDWrongIdentity is true."),
        (ID, NAMELESS, "SVIDWrongIdentity is true."),
        (ID, port(true("SVIDWrongIdentity", "WrongTrustDomain"), expected=()), "SVIDWrongIdentity is true."),
        (REGISTERED, port(uris=(OTHER,)), f"{OTHER} is served where spiffe://agents.acme-corp.net/agent/search is "),
        (CONFIGURED, PLAIN, "The mTLS port talks plaintext."),
        (CONFIGURED, NAMELESS, "The served certificate names no SPIFFE ID."),
        (CONFIGURED, port(true("SVIDNotTrusted", "UnknownAuthority")), "SVIDNotTrusted is true."),
        (DOMAIN, port(uris=("spiffe://example.org/a",)), "The served trust domain example.org is the domain of an "),
        (
            DOMAIN,
            port(uris=("spiffe://prod.example.org/a",)),
            "The served trust domain prod.example.org is below example.org, the domain of an example.",
        ),
        (VALID, port(true("SVIDNotTrusted", "BadChain")), "SVIDNotTrusted is true."),
        (VALID, TWO, "The served certificate has 2 URI SANs where there must be one."),
        (VALID, port(unknown("SVIDNotTrusted", NO_BUNDLE), uris=()), "The served certificate has 0 URI SANs where "),
        (FRESH, port(true("SVIDExpired")), "SVIDExpired is true."),
        (FRESH, port(true("SVIDExpiryImminent")), "SVIDExpiryImminent is true."),
        (ROTATES, port(true("SVIDExpired")), "SVIDExpired is true."),
        (ROTATES, port(true("SVIDRotationOverdue")), "SVIDRotationOverdue is true."),
        (WORKING, port(true("SVIDExpiryImminent")), "SVIDExpiryImminent is true."),
        (WORKING, port(true("SVIDRotationOverdue")), "SVIDRotationOverdue is true."),
        (STARTUP, PLAIN, "The pod is Ready, and: The mTLS port talks plaintext."),
        (STARTUP, NAMELESS, "The pod is Ready, and: The served certificate names no SPIFFE ID."),
        (TLS13, PLAIN, "The mTLS port talks plaintext."),
        (MTLS, PLAIN, "The mTLS port talks plaintext."),
    ],
)
def test_a_port_that_serves_something_else_is_bad(control: str, seen: ServedPort, told: str) -> None:
    says, reason, message = only(control, seen)
    assert (says, reason) == ("bad", "")
    assert message.startswith(told)


@pytest.mark.parametrize(
    ("control", "seen", "reason"),
    [
        (ID, port(expected=()), "NoPolicy"),
        (ID, port(unknown("SVIDWrongIdentity", Unknown.FACT_UNKNOWN)), "NoPolicy"),
        (REGISTERED, port(expected=()), "NoPolicy"),
        (REGISTERED, NAMELESS, "NoData"),
        (REGISTERED, PLAIN, "NoData"),
        (CONFIGURED, TWO, "Unparseable"),
        (CONFIGURED, port(true("SVIDNotTrusted", "NotYetValid")), "Unparseable"),
        (CONFIGURED, port(unknown("SVIDNotTrusted", NO_BUNDLE)), "NoData"),
        (DOMAIN, port(), "NoPolicy"),
        (DOMAIN, NAMELESS, "NoData"),
        (DOMAIN, PLAIN, "NoData"),
        (VALID, port(unknown("SVIDNotTrusted", NO_BUNDLE)), "NoData"),
        (VALID, port(unknown("SVIDNotTrusted", DOUBT)), "Unreachable"),
        (VALID, PLAIN, "NoData"),
        (FRESH, port(unknown("SVIDExpired", DOUBT)), "Unreachable"),
        (FRESH, port(unknown("SVIDExpiryImminent", Unknown.PROBE_ERROR)), "EvaluatorError"),
        (FRESH, PLAIN, "NoData"),
        (ROTATES, port(unknown("SVIDRotationOverdue", DOUBT)), "Unreachable"),
        (ROTATES, PLAIN, "NoData"),
        (WORKING, PLAIN, "NoData"),
        (REACHABLE, PLAIN, "Unreachable"),
        (REACHABLE, NAMELESS, "Unreachable"),
        (REACHABLE, port(true("SVIDExpired")), "Unreachable"),
        (REACHABLE, port(unknown("SVIDExpired", DOUBT)), "Unreachable"),
    ],
)
def test_a_port_that_leaves_it_open_says_why(control: str, seen: ServedPort, reason: str) -> None:
    assert only(control, seen)[:2] == ("unclear", reason)


@pytest.mark.parametrize(
    ("control", "told"),
    [
        (ID, "The identity of the served certificate was not judged."),
        (CONFIGURED, "The served chain was not judged."),
        (VALID, "The served chain was not judged."),
        (FRESH, "SVIDExpired was not judged."),
        (ROTATES, "SVIDExpired was not judged."),
    ],
)
def test_what_the_watcher_does_not_judge_it_leaves_open(control: str, told: str) -> None:
    assert only(control, port(verdicts={})) == ("unclear", "NoData", told)


def test_why_nothing_is_known_of_the_spire_agent_of_a_node_is_said() -> None:
    unheard = "Nothing is known of the SPIRE agent of its node."
    assert only(REACHABLE, PLAIN)[2] == f"The mTLS port talks plaintext. {unheard}"
    assert only(REACHABLE, NAMELESS)[2] == f"The served certificate names no SPIFFE ID. {unheard}"
    assert only(REACHABLE, port(true("SVIDExpired")))[2] == f"The served SVID is not within its lifetime. {unheard}"
    assert only(REACHABLE, port(verdicts={}))[1] == "Unreachable"


@pytest.mark.parametrize("control", JUDGED)
@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (SILENT, "Unreachable"),
        (port(unknown("AgentUnreachable", Unknown.NEVER_REACHED), spoken=Spoken.NOTHING, uris=None), "Unreachable"),
        (port(unknown("AgentUnreachable", DOUBT), spoken=Spoken.NOTHING, uris=None), "Unreachable"),
        (port(unknown("AgentUnreachable", Unknown.WARMING_UP), spoken=Spoken.NOTHING, uris=None), "Observing"),
    ],
)
def test_a_port_that_is_not_reached_decides_nothing_and_clears_nothing(
    control: str, seen: ServedPort, reason: str
) -> None:
    assert only(control, seen)[:2] == ("unclear", reason)


@pytest.mark.parametrize("control", [each for each in JUDGED if each not in (TLS13, MTLS)])
def test_a_handshake_that_breaks_off_before_the_certificate_decides_nothing(control: str) -> None:
    assert only(control, CUT) == ("unclear", "Unreachable", "It cut the handshake.")


@pytest.mark.parametrize("control", [TLS13, MTLS])
@pytest.mark.parametrize("seen", [port(), CUT, NAMELESS])
def test_that_a_port_speaks_tls_is_no_plaintext_and_no_proof(control: str, seen: ServedPort) -> None:
    assert said(control, seen) == []
    assert finding(control, seen).state is State.UNKNOWN


@pytest.mark.parametrize("control", [ROTATES, WORKING, STARTUP])
def test_what_can_only_refute_is_silent_where_all_is_well(control: str) -> None:
    assert said(control, port()) == []


@pytest.mark.parametrize("control", [FETCHED, ID, REGISTERED, CONFIGURED, VALID, FRESH])
def test_the_verdicts_of_a_good_port_a_bad_one_and_a_silent_one(control: str) -> None:
    bad = port(
        true("SVIDWrongIdentity", "UnexpectedID"),
        true("SVIDNotTrusted", "UnknownAuthority"),
        true("SVIDExpired"),
        uris=(OTHER,),
    )
    assert finding(control, port()).state is State.PASS
    assert finding(control, NAMELESS if control == FETCHED else bad).state is State.FAIL
    assert finding(control, SILENT).state is State.UNKNOWN


@pytest.mark.parametrize("control", [FETCHED, ID, CONFIGURED, VALID])
def test_one_bad_look_of_two_is_observing(control: str) -> None:

    found = in_turn(control, TWO if control == VALID else PLAIN)
    assert (found.state, found.reason) == (State.UNKNOWN, "Observing")


def test_an_expired_svid_fails_at_the_first_look() -> None:
    [one] = said(FRESH, port(true("SVIDExpired")))
    assert one.at_once


def test_the_operators_list_of_trust_domains_wins_over_the_domains_of_examples() -> None:
    seen = port(uris=("spiffe://example.org/agent/search",))
    assert only(DOMAIN, port(), trust_domains=LISTED)[:2] == ("good", "")
    assert only(DOMAIN, seen, trust_domains=("example.org",))[:2] == ("good", "")
    assert only(DOMAIN, seen, trust_domains=LISTED) == (
        "bad",
        "",
        "The served trust domain example.org is not in checklist.trust_domains.",
    )


def test_a_served_trust_domain_that_the_config_does_not_name_is_wrong_though_it_is_listed() -> None:
    config = Seen(file_of(changed({"agent.trust_domain": "other.net"})), NOW, "config.yaml")
    [bad] = [
        each for each in said(DOMAIN, port(), agent_config=config, trust_domains=LISTED) if each.source == "handshake"
    ]
    told = "The served trust domain is agents.acme-corp.net, and agent.trust_domain is another one."
    assert (bad.says.value, bad.message) == ("bad", told)
    same = Seen(file_of(changed({"agent.trust_domain": "agents.acme-corp.net"})), NOW, "config.yaml")
    assert finding(DOMAIN, port(), agent_config=same, trust_domains=LISTED).state is State.PASS


def test_a_config_that_says_spiffe_and_a_port_that_talks_plaintext_is_declared_and_not_observed() -> None:
    config: Seen[AgentConfigFile] = Seen(file_of(changed({})), NOW, "config.yaml")
    found = finding(CONFIGURED, PLAIN, agent_config=config)
    assert (found.state, found.reason) == (State.FAIL, "DeclaredNotObserved")


@pytest.mark.parametrize("control", [each for each in JUDGED if each not in (REACHABLE, WORKING)])
def test_a_port_that_falls_silent_leaves_a_fail_as_it_is(control: str) -> None:

    bad = TWO if control == VALID else port(true("SVIDExpired"), true("SVIDRotationOverdue"), uris=(OTHER,))
    bad = PLAIN if control in (FETCHED, ID, CONFIGURED, STARTUP, TLS13, MTLS) else bad
    bad = port(uris=("spiffe://example.org/a",)) if control == DOMAIN else bad
    failed = in_turn(control, bad, bad)
    assert failed.state is State.FAIL
    lost = in_turn(control, bad, bad, SILENT)
    assert (lost.state, lost.evidence_lost_since) == (State.FAIL, NOW)


@pytest.mark.parametrize(("seen", "says"), [(NAMELESS, ["bad"]), (PLAIN, ["bad"]), (port(), []), (SILENT, [])])
def test_a_pod_that_serves_no_spiffe_id_and_that_no_entry_selects_has_none(seen: ServedPort, says: list[str]) -> None:
    entries = Seen(IdentityEntries(()), NOW, "clusterspiffeids")
    only_pod = pod("search-0", handshake=Seen(seen, NOW, "port"), cluster_spiffe_id=entries)
    given = EvidenceSet(AGENT, {}, {only_pod.name: only_pod})
    judges = [each for each in load_judges().controls[REGISTERED] if SourceName.CLUSTER_SPIFFE_ID in each.sources]
    scales = weigh(CATALOGUE.by_id[REGISTERED], given, facts_of(), judges)
    assert [each.says.value for part in scales.parts for each in part.statements] == says
