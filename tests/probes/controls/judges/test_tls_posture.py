"""What judges say of TLS postures: pass, fail and unknown of each control, to the word; and never a pass of nothing."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract import Fault
from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import EvidenceSet, Pod, Seen
from probes.controls.finding import Finding
from probes.controls.judges.tls_posture.strangers import strict_verification
from probes.controls.judging import Facts, load_judges
from probes.controls.sdk.loading import load_sdk_facts
from probes.controls.verdict.control import judge_control
from probes.readings.handshake import Spoke
from probes.readings.tls_posture import InClear, Outcome, PortTried, PortUse, Refusal, TLSPosture, Tried
from tests.probes.controls.made import AGENT, CATALOGUE, NOW

TLS13 = "security.transport.tls13-enforced"
STRICT = "security.transport.peer-verification-strict"
SUITES = "security.transport.strong-ciphers"
VERIFIED = "security.transport.certificate-validation"
MTLS = "security.transport.mtls-required"
IN_CLEAR = "security.transport.no-plaintext"
TESTED = "testing.security.tls-tested"
CONTROLS = (TLS13, STRICT, SUITES, VERIFIED, MTLS, IN_CLEAR, TESTED)

SUITE = "TLS_AES_128_GCM_SHA256"
OK = Tried(Outcome.ANSWERED, "HTTP 200", None, "TLSv1.3", SUITE, completed=True, status=200, shown=True)
NO_OLDER = Tried(Outcome.REFUSED, "TLS alert: protocol version", Refusal.VERSION)
KEPT_OUT = Tried(Outcome.REFUSED, "TLS alert: certificate required", Refusal.CERTIFICATE, "TLSv1.3", SUITE, shown=True)
UNKNOWN_CA = KEPT_OUT._replace(how="TLS alert: unknown ca")
CLOSED = KEPT_OUT._replace(how="the connection was closed without an answer", refusal=Refusal.CLOSED)
SHUT = Tried(Outcome.REFUSED, CLOSED.how, Refusal.CLOSED)
PAGE = KEPT_OUT._replace(how="HTTP 400, a page about the certificate", refusal=Refusal.PAGE, status=400)
SILENT = Tried(Outcome.UNANSWERED, "silence")
NOT_MADE = Tried(Outcome.OURS, "it was not asked: the watcher cannot connect (Too many open files)")
OLDER = Tried(
    Outcome.ANSWERED,
    "HTTP 200",
    None,
    "TLSv1.2",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    completed=True,
    status=200,
    shown=True,
)
WELL = TLSPosture(
    port=8443,
    spoke=Spoke.TLS,
    has_svid=True,
    hostile=True,
    own=OK,
    tls12=NO_OLDER,
    without=KEPT_OUT,
    foreign=UNKNOWN_CA,
    forged=UNKNOWN_CA,
    ports=(PortTried(8443, InClear.TLS, PortUse.AGENT, completes_tls=True),),
)
PLAIN = TLSPosture(
    port=8443,
    spoke=Spoke.PLAINTEXT_HTTP,
    has_svid=True,
    hostile=True,
    own=SILENT,
    ports=(PortTried(8443, InClear.HTTP, PortUse.AGENT, status=404, completes_tls=False),),
)


NOBODY_THERE = TLSPosture(
    fault=Fault.REFUSED, error="10.0.0.7:8443 refused the connection.", port=8443, has_svid=True, hostile=True
)
NOBODY = "A client without a certificate"
FOREIGN = "A certificate of a foreign authority"
NO_SVID = "The watcher has no SVID to compare that with."
NEITHER = "The watcher's SVID is not accepted either, so nothing can be compared."


def answered(status: int) -> Tried:
    return OK._replace(how=f"HTTP {status}", status=status)


def finding(control: str, posture: TLSPosture, roles: Mapping[str, str] | None = None) -> Finding:
    """After two rounds that saw the same."""
    found: Finding | None = None
    for at in (NOW, NOW + 60):
        facts = Facts(now=at, sdk=load_sdk_facts(), container_roles=roles or {})
        seen = EvidenceSet(AGENT, {SourceName.TLS_POSTURE: Seen(posture, at, "pod/prod/search-0:8443")})
        found = judge_control(CATALOGUE.by_id[control], seen, facts, load_judges(), (), found)
    assert found is not None
    if found.state == "unknown":
        assert found.reason in CATALOGUE.by_id[control].unknown_reasons
    return found


def said(control: str, posture: TLSPosture, roles: Mapping[str, str] | None = None) -> tuple[str, str]:
    """State, or the reason of unknown, and message."""
    found = finding(control, posture, roles)
    return found.reason if found.state == "unknown" else found.state.value, found.message


@pytest.mark.parametrize(
    ("posture", "expected"),
    [
        (WELL, ("pass", "Port 8443 answers over TLS 1.3 and refuses TLS 1.2 (TLS alert: protocol version).")),
        (replace(WELL, tls12=CLOSED), ("pass", f"Port 8443 answers over TLS 1.3 and refuses TLS 1.2 ({CLOSED.how}).")),
        (replace(WELL, tls12=SHUT), ("pass", f"Port 8443 answers over TLS 1.3 and refuses TLS 1.2 ({SHUT.how}).")),
        (replace(WELL, tls12=SHUT, without=SHUT), ("Unreachable", f"TLS 1.2 got no answer that tells: {SHUT.how}.")),
        (replace(WELL, tls12=SHUT, without=None), ("Unreachable", f"TLS 1.2 got no answer that tells: {SHUT.how}.")),
        (replace(WELL, own=answered(403)), ("pass", ("Port 8443 answers over TLS 1.3 and refuses TLS 1.2 (TLS alert: "
         "protocol version)."))),
        (replace(WELL, tls12=OLDER), ("fail", "Port 8443 takes TLSv1.2 (ECDHE-ECDSA-AES128-GCM-SHA256).")),
        (replace(WELL, tls12=SILENT._replace(completed=True, protocol="TLSv1.2", suite="X")),
         ("fail", "Port 8443 takes TLSv1.2 (X).")),
        (PLAIN, ("fail", "Port 8443 speaks plaintext HTTP and not TLS.")),
        (replace(PLAIN, spoke=Spoke.OTHER), ("fail", "Port 8443 does not speak TLS.")),
        (replace(WELL, has_svid=False, own=None), ("SourceMissing", ("The watcher has no SVID to show, so that TLS 1.2 "
         "is refused may be for want of it."))),
        (replace(WELL, has_svid=False, own=None, tls12=OLDER),
         ("fail", "Port 8443 takes TLSv1.2 (ECDHE-ECDSA-AES128-GCM-SHA256).")),
        (replace(WELL, own=UNKNOWN_CA), ("Forbidden", ("The agent refuses the watcher's SVID (TLS alert: unknown ca), "
         "so that TLS 1.2 is refused may be for that."))),
        (replace(WELL, own=CLOSED), ("Forbidden", ("The agent refuses the watcher's SVID (the connection was closed "
         "without an answer), so that TLS 1.2 is refused may be for that."))),
        (replace(WELL, own=PAGE), ("Forbidden", ("The agent refuses the watcher's SVID (HTTP 400, a page about the "
         "certificate), so that TLS 1.2 is refused may be for that."))),
        (replace(WELL, own=NO_OLDER),
         ("NoData", "TLS 1.3 is refused before a certificate is shown (TLS alert: protocol version).")),
        (replace(WELL, own=SILENT),
         ("Unreachable", "TLS 1.3 with the watcher's SVID got no answer that tells: silence.")),
        (replace(WELL, own=NOT_MADE), ("NoData", ("TLS 1.3 with the watcher's SVID could not be tried: it was not "
         "asked: the watcher cannot connect (Too many open files)."))),
        (replace(WELL, tls12=SILENT), ("Unreachable", "TLS 1.2 got no answer that tells: silence.")),
        (replace(WELL, tls12=None, left_out="4 attempts got no answer, so not all was tried."),
         ("NoData", "4 attempts got no answer, so not all was tried.")),
        (replace(WELL, tls12=None), ("NoData", "TLS 1.2 was not tried.")),
        (NOBODY_THERE, ("Unreachable", "10.0.0.7:8443 refused the connection.")),
        (replace(NOBODY_THERE, fault=Fault.OURS, error="10.0.0.7:8443 was not asked: no descriptor."),
         ("NoData", "10.0.0.7:8443 was not asked: no descriptor.")),
    ],
)  # fmt: skip
def test_only_a_refusal_beside_an_accepted_svid_shows_that_tls13_is_enforced(
    posture: TLSPosture, expected: tuple[str, str]
) -> None:
    assert said(TLS13, posture) == expected


WEAK_TAKEN = replace(
    WELL, tls12=OLDER, weak=("AES128-SHA (static keys)", "ECDHE-RSA-AES128-SHA (CBC)"), weak_end=NO_OLDER
)


@pytest.mark.parametrize(
    ("posture", "expected"),
    [
        (WELL, ("pass", ("Port 8443 chooses TLS_AES_128_GCM_SHA256, and refuses TLS 1.2 with any suite (TLS alert: "
         "protocol version)."))),
        (replace(WELL, tls12=OLDER, weak_end=NO_OLDER._replace(how="TLS alert: handshake failure")),
         ("pass", ("Port 8443 chooses TLS_AES_128_GCM_SHA256, and refuses each weak suite (TLS alert: handshake "
          "failure)."))),
        (WEAK_TAKEN, ("fail", ("Port 8443 chooses weak suites at TLS 1.2: AES128-SHA (static keys), "
         "ECDHE-RSA-AES128-SHA (CBC)."))),
        (replace(WELL, tls12=OLDER._replace(suite="ECDHE-RSA-AES256-SHA384")),
         ("fail", "Port 8443 chooses ECDHE-RSA-AES256-SHA384 (TLSv1.2).")),
        (replace(WELL, tls12=OLDER._replace(suite="AES256-GCM-SHA384")),
         ("fail", "Port 8443 chooses AES256-GCM-SHA384 (TLSv1.2).")),
        (replace(WELL, tls12=OLDER, weak_end=SILENT),
         ("Unreachable", "An offer of weak suites got no answer that tells: silence.")),
        (replace(WELL, tls12=OLDER, weak_end=None), ("NoData", "An offer of weak suites was not tried.")),
        (replace(WELL, tls12=SHUT, without=SHUT), ("Unreachable", f"TLS 1.2 got no answer that tells: {SHUT.how}.")),
        (replace(WELL, tls12=SILENT), ("Unreachable", "TLS 1.2 got no answer that tells: silence.")),
        (replace(WELL, own=SILENT, without=SILENT, tls12=SILENT),
         ("Unreachable", "A handshake got no answer that tells: silence.")),
        (replace(WELL, has_svid=False, own=None), ("pass", ("Port 8443 chooses TLS_AES_128_GCM_SHA256, and refuses TLS "
         "1.2 with any suite (TLS alert: protocol version)."))),
        (PLAIN, ("NoData", "Port 8443 speaks plaintext HTTP and not TLS.")),
    ],
)  # fmt: skip
def test_suites_are_strong_where_each_weak_one_is_refused(posture: TLSPosture, expected: tuple[str, str]) -> None:
    assert said(SUITES, posture) == expected


@pytest.mark.parametrize(
    ("posture", "expected"),
    [
        (WELL, ("pass", f"{NOBODY} is refused (TLS alert: certificate required).")),
        (replace(WELL, without=CLOSED), ("pass", f"{NOBODY} is refused ({CLOSED.how}).")),
        (replace(WELL, without=PAGE),
         ("pass", f"{NOBODY} is refused ({PAGE.how}), where the watcher's SVID gets HTTP 200.")),
        (replace(WELL, without=answered(403)),
         ("pass", f"{NOBODY} is refused (HTTP 403), where the watcher's SVID gets HTTP 200.")),
        (replace(WELL, without=OK), ("fail", f"{NOBODY} is let in (HTTP 200).")),
        (replace(WELL, without=answered(204), own=None), ("fail", f"{NOBODY} is let in (HTTP 204).")),
        (replace(WELL, without=answered(404), own=answered(404)),
         ("fail", f"{NOBODY} gets the same answer as the watcher's SVID (HTTP 404).")),
        (PLAIN, ("fail", "Port 8443 speaks plaintext HTTP and not TLS.")),
        (replace(WELL, without=answered(404)),
         ("NoData", f"{NOBODY} gets HTTP 404, which is no refusal and may be no answer either.")),
        (replace(WELL, without=answered(403), own=answered(403)),
         ("NoData", f"{NOBODY} and the watcher's SVID both get HTTP 403: who is refused there, and why, is not told.")),
        (replace(WELL, without=PAGE, own=None, has_svid=False),
         ("SourceMissing", f"{NOBODY} got: {PAGE.how}. {NO_SVID}")),
        (replace(WELL, without=CLOSED, own=None, has_svid=False),
         ("SourceMissing", f"{NOBODY} got: {CLOSED.how}. {NO_SVID}")),
        (replace(WELL, own=None, has_svid=False),
         ("pass", f"{NOBODY} is refused (TLS alert: certificate required).")),
        (replace(WELL, own=UNKNOWN_CA), ("pass", f"{NOBODY} is refused (TLS alert: certificate required).")),
        (replace(WELL, own=PAGE, without=PAGE), ("NoData", f"{NOBODY} got: {PAGE.how}. {NEITHER}")),
        (replace(WELL, own=CLOSED, without=CLOSED), ("NoData", f"{NOBODY} got: {CLOSED.how}. {NEITHER}")),
        (replace(WELL, own=NO_OLDER, tls12=OLDER, without=CLOSED), ("pass", f"{NOBODY} is refused ({CLOSED.how}).")),
        (replace(WELL, without=CLOSED._replace(shown=False)),
         ("Unreachable", f"{NOBODY} got no answer that tells: {CLOSED.how}.")),
        (replace(WELL, without=NO_OLDER), ("Unreachable", f"{NOBODY} got no answer that tells: {NO_OLDER.how}.")),
        (replace(WELL, without=SILENT), ("Unreachable", f"{NOBODY} got no answer that tells: silence.")),
        (replace(WELL, without=NOT_MADE), ("NoData", f"{NOBODY} could not be tried: {NOT_MADE.how}.")),
        (replace(WELL, without=None), ("NoData", f"{NOBODY} was not tried.")),
    ],
)  # fmt: skip
def test_a_certificate_is_required_where_none_is_refused(posture: TLSPosture, expected: tuple[str, str]) -> None:
    assert said(MTLS, posture) == expected


@pytest.mark.parametrize(
    ("posture", "expected"),
    [
        (WELL, ("pass", f"{FOREIGN} and a forged SVID are refused (TLS alert: unknown ca; TLS alert: unknown ca).")),
        (replace(WELL, foreign=OK), ("fail", f"{FOREIGN} is let in (HTTP 200).")),
        (replace(WELL, forged=OK), ("fail", "A forged SVID is let in (HTTP 200).")),
        (replace(WELL, forged=answered(404), own=answered(404)),
         ("fail", "A forged SVID gets the same answer as the watcher's SVID (HTTP 404).")),
        (replace(WELL, forged=SILENT), ("Unreachable", "A forged SVID got no answer that tells: silence.")),
        (replace(WELL, forged=None), ("NoData", "A forged SVID was not tried.")),
        (replace(WELL, own=UNKNOWN_CA), ("NoData", f"{FOREIGN} got: TLS alert: unknown ca. {NEITHER}")),
        (replace(WELL, has_svid=False, own=None, foreign=None, forged=None),
         ("SourceMissing", "The watcher has no SVID to compare hostile certificates with.")),
        (replace(WELL, hostile=False, foreign=None, forged=None),
         ("NotEnabled", "checklist.hostile_handshakes is off.")),
        (PLAIN, ("NoData", "Port 8443 speaks plaintext HTTP and not TLS.")),
    ],
)  # fmt: skip
def test_certificates_are_verified_where_each_hostile_one_is_refused(
    posture: TLSPosture, expected: tuple[str, str]
) -> None:
    assert said(VERIFIED, posture) == expected


def test_strict_verification_is_refuted_by_a_foreign_certificate_that_is_let_in() -> None:
    assert said(STRICT, replace(WELL, foreign=OK)) == (
        "fail",
        "A certificate of a foreign authority is let in (HTTP 200).",
    )
    open_questions = [
        WELL,
        PLAIN,
        replace(WELL, foreign=SILENT),
        replace(WELL, own=UNKNOWN_CA),
        replace(WELL, hostile=False),
    ]
    for posture in open_questions:
        assert said(STRICT, posture) == ("AttestationMissing", "There is no valid attestation record.")


def test_why_strict_verification_is_open_is_told_in_the_evidence() -> None:
    told = [strict_verification(each).message for each in (replace(WELL, hostile=False, foreign=None), PLAIN)]
    assert told == ["checklist.hostile_handshakes is off.", "Port 8443 speaks plaintext HTTP and not TLS."]


def test_a_refuted_verification_is_not_cleared_by_turning_hostile_handshakes_off() -> None:
    failed = finding(STRICT, replace(WELL, foreign=OK))
    facts = Facts(now=NOW + 120, sdk=load_sdk_facts())
    for posture, state in (
        (replace(WELL, hostile=False, foreign=None, forged=None), "fail"),
        (replace(WELL, foreign=SILENT), "fail"),
        (PLAIN, "fail"),
        (WELL, "unknown"),
    ):
        seen = EvidenceSet(AGENT, {SourceName.TLS_POSTURE: Seen(posture, NOW + 120, "pod/prod/search-0:8443")})
        found = judge_control(CATALOGUE.by_id[STRICT], seen, facts, load_judges(), (), failed)
        assert found.state == state, posture.summary


def ports(*others: PortTried) -> TLSPosture:
    return replace(WELL, ports=(*WELL.ports, *others))


OPEN = PortTried(9000, InClear.HTTP, container="agent", status=200, completes_tls=False)


@pytest.mark.parametrize(
    ("posture", "expected"),
    [
        (WELL, ("pass", "Port 8443 answers no HTTP in plaintext.")),
        (ports(OPEN._replace(answer=InClear.NOBODY, status=None)), ("Unreachable", ("Port 9000 of container agent "
         "refuses the watcher's connections; others may be let in."))),
        (ports(OPEN._replace(answer=InClear.NOBODY, use=PortUse.OPA, status=None)), ("Unreachable", ("Port 9000 of "
         "container agent refuses the watcher's connections; others may be let in."))),
        (ports(OPEN._replace(answer=InClear.CLOSED, status=None)),
         ("pass", "None of the ports 8443, 9000 answers HTTP in plaintext.")),
        (ports(OPEN._replace(answer=InClear.UNANSWERED, status=None, completes_tls=True)),
         ("pass", "None of the ports 8443, 9000 answers HTTP in plaintext.")),
        (ports(OPEN._replace(use=PortUse.METRICS), OPEN._replace(number=9001, use=PortUse.PROBED)),
         ("pass", "Port 8443 answers no HTTP in plaintext; exempt: 9000 (metrics), 9001 (kubelet probe).")),
        (ports(OPEN._replace(container="istio-proxy")),
         ("pass", "Port 8443 answers no HTTP in plaintext; exempt: 9000 (sidecar).")),
        (ports(OPEN._replace(status=301, completes_tls=True)),
         ("pass", "None of the ports 8443, 9000 answers HTTP in plaintext.")),
        (ports(OPEN), ("fail", "Port 9000 of container agent answers in plaintext (HTTP 200).")),
        (ports(OPEN._replace(completes_tls=True)),
         ("fail", "Port 9000 of container agent answers in plaintext (HTTP 200).")),
        (ports(OPEN._replace(status=None)), ("fail", "Port 9000 of container agent answers in plaintext (HTTP/2).")),
        (ports(OPEN._replace(status=404)),
         ("fail", "Port 9000 of container agent answers in plaintext (HTTP 404), and speaks no TLS.")),
        (ports(OPEN._replace(status=301)),
         ("fail", "Port 9000 of container agent answers in plaintext (HTTP 301), and speaks no TLS.")),
        (ports(OPEN._replace(status=401)),
         ("fail", "Port 9000 of container agent answers in plaintext (HTTP 401), and speaks no TLS.")),
        (ports(OPEN._replace(number=8181, use=PortUse.OPA, status=500)),
         ("fail", "OPA answers in plaintext on port 8181 of the pod's address (HTTP 500).")),
        (PLAIN, ("fail", "Port 8443 speaks plaintext HTTP and not TLS.")),
        (ports(OPEN._replace(status=503)), ("NoData", ("Port 9000 of container agent answers HTTP 503 in plaintext, "
         "which is no page and no refusal."))),
        (ports(OPEN._replace(status=404, completes_tls=None)), ("Unreachable", ("Port 9000 of container agent answers "
         "HTTP 404 in plaintext; whether it speaks TLS is not known."))),
        (ports(OPEN._replace(answer=InClear.OTHER, status=None)), ("NoData", ("Port 9000 of container agent answers in "
         "plaintext, but not HTTP, and speaks no TLS."))),
        (ports(OPEN._replace(answer=InClear.UNANSWERED, status=None)), ("Unreachable", ("Port 9000 of container agent "
         "answers the watcher neither in plaintext nor over TLS."))),
        (ports(OPEN._replace(answer=InClear.UNREACHABLE, status=None)), ("Unreachable", ("Port 9000 of container agent "
         "answers the watcher neither in plaintext nor over TLS."))),
        (ports(OPEN._replace(answer=InClear.OURS, status=None)), ("NoData", ("Port 9000 of container agent was not "
         "asked: the watcher could not connect."))),
        (replace(ports(OPEN._replace(answer=InClear.LEFT_OUT, status=None)), left_out="40 attempts were made, so not "
         "all was tried."), ("NoData", "40 attempts were made, so not all was tried.")),
        (replace(WELL, ports=(PortTried(8443, InClear.NOBODY, PortUse.AGENT),)),
         ("Unreachable", "Port 8443 refuses the watcher's connections; others may be let in.")),
        (replace(WELL, ports=()), ("NoData", "Plain HTTP was not tried.")),
        (NOBODY_THERE, ("Unreachable", "10.0.0.7:8443 refused the connection.")),
    ],
)  # fmt: skip
def test_a_port_in_clear_is_told_with_its_container(posture: TLSPosture, expected: tuple[str, str]) -> None:
    assert said(IN_CLEAR, posture, {"istio-proxy": "sidecar"}) == expected


@pytest.mark.parametrize("use", [PortUse.AGENT, PortUse.OPA])
def test_neither_the_agents_port_nor_opa_is_ever_exempt(use: PortUse) -> None:
    posture = replace(WELL, ports=(OPEN._replace(use=use, container="istio-proxy"),))
    assert said(IN_CLEAR, posture, {"istio-proxy": "sidecar"})[0] == "fail"


@pytest.mark.parametrize(
    ("posture", "expected"),
    [
        (WELL, ("pass", ("Versions, suites and ports were tried. Port 8443 answers over TLS 1.3 and refuses TLS 1.2 "
         "(TLS alert: protocol version)."))),
        (replace(WELL, tls12=OLDER, weak_end=NO_OLDER),
         ("fail", "Port 8443 takes TLSv1.2 (ECDHE-ECDSA-AES128-GCM-SHA256).")),
        (ports(OPEN), ("fail", "Port 9000 of container agent answers in plaintext (HTTP 200).")),
        (replace(WELL, own=SILENT, weak=("RC4-SHA (RC4)",)),
         ("fail", "Port 8443 chooses weak suites at TLS 1.2: RC4-SHA (RC4).")),
        (replace(WELL, has_svid=False, own=None), ("NotEnabled", ("The watcher has no SVID to show, so that TLS 1.2 is "
         "refused may be for want of it."))),
        (replace(WELL, own=UNKNOWN_CA), ("NoData", ("The agent refuses the watcher's SVID (TLS alert: unknown ca), so "
         "that TLS 1.2 is refused may be for that."))),
        (replace(WELL, ports=()), ("NoData", "Plain HTTP was not tried.")),
    ],
)  # fmt: skip
def test_the_line_on_tls_tests_sums_up_versions_suites_and_ports(
    posture: TLSPosture, expected: tuple[str, str]
) -> None:
    assert said(TESTED, posture) == expected


def test_one_bad_pod_of_two_is_a_fail_and_named() -> None:
    posture = replace(WELL, without=OK)
    found: Finding | None = None
    for at in (NOW, NOW + 60):
        pods = {
            name: Pod(name, "r1", 1.0, terminating=False, ready_since=NOW - 3600, watched_since=0.0,
                      sources={SourceName.TLS_POSTURE: Seen(each, at, f"pod/prod/{name}:8443")})
            for name, each in (("search-0", WELL), ("search-1", posture))
        }  # fmt: skip
        facts = Facts(now=at, sdk=load_sdk_facts())
        found = judge_control(CATALOGUE.by_id[MTLS], EvidenceSet(AGENT, {}, pods), facts, load_judges(), (), found)
    assert found is not None
    assert (found.state, {name: state.value for name, state in found.pods.items()}) == (
        "fail",
        {"search-0": "pass", "search-1": "fail"},
    )


@pytest.mark.parametrize(
    ("posture", "summary"),
    [
        (WELL, ("TLS 1.3: HTTP 200; TLS 1.2: protocol version; no certificate: certificate required; "
          "foreign: unknown ca; forged: unknown ca")),
        (replace(WELL, own=SILENT, tls12=CLOSED, without=PAGE, foreign=None, forged=None),
         "TLS 1.3: not answered; TLS 1.2: closed; no certificate: HTTP 400"),
        (PLAIN, "TLS 1.3: not answered; 8443 in plaintext: HTTP"),
        (replace(PLAIN, own=None, ports=()), "The port speaks plaintext HTTP."),
        (NOBODY_THERE, "10.0.0.7:8443 refused the connection."),
    ],
)  # fmt: skip
def test_a_round_is_told_in_a_line(posture: TLSPosture, summary: str) -> None:
    assert posture.summary == summary


def test_one_bad_round_is_not_enough() -> None:
    for control in CONTROLS:
        facts = Facts(now=NOW, sdk=load_sdk_facts())
        worst = replace(PLAIN, foreign=OK, forged=OK, without=OK, weak=("RC4-SHA (RC4)",))
        seen = EvidenceSet(AGENT, {SourceName.TLS_POSTURE: Seen(worst, NOW, "pod/prod/search-0:8443")})
        assert judge_control(CATALOGUE.by_id[control], seen, facts, load_judges()).state == "unknown"


_STATUSES = st.none() | st.sampled_from([200, 204, 301, 400, 401, 403, 404, 495, 500])
_NAMES = st.sampled_from(["", "TLSv1.2", "TLSv1.3"])
_TRIED = st.none() | st.builds(
    Tried,
    st.sampled_from(Outcome),
    st.just("so"),
    st.none() | st.sampled_from(Refusal),
    _NAMES,
    st.sampled_from(["", SUITE, "AES128-SHA", "ECDHE-RSA-AES128-SHA"]),
    st.booleans(),
    _STATUSES,
    st.booleans(),
)
_PORTS = st.builds(
    PortTried,
    st.sampled_from([8443, 9000]),
    st.sampled_from(InClear),
    st.sampled_from(PortUse),
    st.just(""),
    _STATUSES,
    st.none() | st.booleans(),
)
_POSTURES = st.builds(
    TLSPosture,
    port=st.just(8443),
    spoke=st.sampled_from(Spoke),
    has_svid=st.booleans(),
    hostile=st.booleans(),
    own=_TRIED,
    tls12=_TRIED,
    without=_TRIED,
    foreign=_TRIED,
    forged=_TRIED,
    weak=st.sampled_from([(), ("RC4-SHA (RC4)",)]),
    weak_end=_TRIED,
    ports=st.lists(_PORTS, max_size=3).map(tuple),
)
_SILENCED = ("own", "tls12", "without", "foreign", "forged", "weak_end")


@given(_POSTURES, st.sampled_from(_SILENCED), st.sampled_from([None, SILENT, NOT_MADE]))
def test_an_attempt_that_got_no_answer_never_makes_a_pass(posture: TLSPosture, name: str, silent: Tried | None) -> None:
    without_it = replace(posture, **{name: silent})  # type: ignore[arg-type]  # the name is that of an attempt
    for control in CONTROLS:
        before, after = finding(control, posture), finding(control, without_it)
        assert after.state != "pass" or before.state in ("pass", "fail")
        assert len(after.message) <= 200


@given(_POSTURES)
def test_without_any_refusal_nothing_but_plaintext_can_pass(posture: TLSPosture) -> None:
    for control in (TLS13, MTLS, VERIFIED, TESTED):
        tried = (posture.own, posture.tls12, posture.without, posture.foreign, posture.forged)
        refusing = any(each and (each.outcome is Outcome.REFUSED or (each.status or 0) >= 400) for each in tried)
        assert refusing or finding(control, posture).state != "pass"
