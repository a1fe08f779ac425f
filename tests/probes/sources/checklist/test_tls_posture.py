"""What the source `tls_posture` reads of servers of five makes, and what the checklist makes of it."""

import asyncio
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from OpenSSL import SSL

from probes.contract import Fault, TargetKey
from probes.contract.target import DeclaredPort
from probes.controls.catalogue.control import SourceName
from probes.controls.evidence import EvidenceSet, Seen
from probes.controls.judging import load_judges
from probes.controls.verdict.control import judge_control
from probes.readings.handshake import Spoke
from probes.readings.tls_posture import InClear, Outcome, PortUse, Refusal, TLSPosture
from probes.sources.checklist.tls_posture import KIND, TLSPostureSettings
from probes.sources.tls.posture.clients import Client
from probes.sources.tls.posture.turns import Turns
from tests.probes.controls.made import AGENT, CATALOGUE, NOW, facts
from tests.probes.sources.checklist.postures import (
    KEY,
    LOOPS,
    OURS,
    STRANGER,
    SVID,
    LoopFactory,
    Pauses,
    Provider,
    identity,
    look,
    target,
)
from tests.servers.postures import CANNOT_BE, MAKES, Posture, run, run_openssl
from tests.servers.tls_servers import ANSWER, plain_http, serve, standard_tls, tls_context

TLS13 = "security.transport.tls13-enforced"
STRICT = "security.transport.peer-verification-strict"
SUITES = "security.transport.strong-ciphers"
VERIFIED = "security.transport.certificate-validation"
MTLS = "security.transport.mtls-required"
IN_CLEAR = "security.transport.no-plaintext"
TESTED = "testing.security.tls-tested"
CONTROLS = (TLS13, STRICT, SUITES, VERIFIED, MTLS, IN_CLEAR, TESTED)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    OURS.write_bundle(tmp_path)
    SVID.write(tmp_path)
    return tmp_path


def verdicts(reading: TLSPosture) -> dict[str, str]:
    """The state of each control after two rounds that saw this; of an unknown one its reason."""
    found = {}
    for control in CONTROLS:
        finding = None
        for at in (NOW, NOW + 60):
            seen = EvidenceSet(AGENT, {SourceName.TLS_POSTURE: Seen(reading, at, "pod/prod/search-0:8443")})
            finding = judge_control(CATALOGUE.by_id[control], seen, facts(at), load_judges(), (), finding)
        assert finding is not None
        if finding.state == "unknown":
            assert finding.reason in CATALOGUE.by_id[control].unknown_reasons
        found[control] = finding.reason if finding.state == "unknown" else finding.state.value
    return found


_ALL_WELL = dict.fromkeys(CONTROLS, "pass") | {STRICT: "AttestationMissing"}
_BROKEN = {
    Posture.WELL: {},
    Posture.OLDER: {TLS13: "fail", TESTED: "fail"},
    Posture.OPEN: {MTLS: "fail", VERIFIED: "fail", STRICT: "fail"},
    Posture.ANYBODY: {VERIFIED: "fail", STRICT: "fail"},
    Posture.PLAIN: {
        **dict.fromkeys((TLS13, MTLS, IN_CLEAR, TESTED), "fail"),
        **dict.fromkeys((SUITES, VERIFIED), "NoData"),
    },
}
_SERVERS = [(make, posture) for make in MAKES for posture in Posture if (make, posture) not in CANNOT_BE]


@pytest.mark.parametrize(("make", "posture"), _SERVERS, ids=lambda each: getattr(each, "name", each))
def test_a_server_of_any_make_is_judged_by_what_it_takes(make: str, posture: Posture, directory: Path) -> None:
    with run(make, posture, directory) as address:
        reading = look(address, hostile=True)
    found = verdicts(reading)
    if posture is Posture.OLDER and reading.weak:  # by the defaults of that make
        assert (found.pop(SUITES), make) == ("fail", make)
        assert found == {each: state for each, state in (_ALL_WELL | _BROKEN[posture]).items() if each != SUITES}
    else:
        assert found == _ALL_WELL | _BROKEN[posture], reading.summary


@pytest.mark.parametrize("loop", LOOPS, ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("make", MAKES)
def test_a_strict_server_of_any_make_refuses_in_its_own_way(make: str, loop: LoopFactory, directory: Path) -> None:
    with run(make, Posture.WELL, directory) as address:
        reading = look(address, hostile=True, loop=loop)
    assert (reading.fault, reading.error, reading.left_out) == (None, "", "")
    assert reading.spoke is Spoke.TLS
    assert reading.own is not None
    assert (reading.own.outcome, reading.own.status, reading.own.protocol) == (Outcome.ANSWERED, 200, "TLSv1.3")
    assert reading.own.suite.startswith("TLS_")
    refused = {name: getattr(reading, name) for name in ("tls12", "without", "foreign", "forged")}
    assert {each.outcome for each in refused.values()} == {Outcome.REFUSED}, refused
    without = {"nginx": Refusal.PAGE, "uvicorn": Refusal.CLOSED}.get(make, Refusal.CERTIFICATE)
    assert refused["without"].refusal is without
    assert refused["tls12"].refusal is (Refusal.CLOSED if make == "uvicorn" else Refusal.VERSION)
    assert reading.cpu < 0.05


def test_who_asks_and_for_what_stands_in_the_log_of_the_agent(directory: Path) -> None:
    heard: list[bytes] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "svid.pem", directory / "svid.key")

    def talk(connection: socket.socket) -> None:
        if connection.recv(1, socket.MSG_PEEK) == b"G":
            heard.append(connection.recv(4096))
            return
        with context.wrap_socket(connection, server_side=True) as tls:
            heard.append(tls.recv(4096))
            tls.sendall(ANSWER)

    with serve(talk) as address:
        look(address, hostile=True)
    agents = {line for each in heard for line in each.decode().split("\r\n") if line.startswith("User-Agent")}
    assert agents == {
        "User-Agent: agentweave-watcher (TLS posture: with the watcher's SVID)",
        "User-Agent: agentweave-watcher (TLS posture: without a certificate)",
        "User-Agent: agentweave-watcher (TLS posture: with a certificate of a foreign authority)",
        "User-Agent: agentweave-watcher (TLS posture: with a forged SVID)",
        "User-Agent: agentweave-watcher (TLS posture: in plaintext)",
    }


def test_what_is_shown_as_hostile_is_wrong_in_one_thing_alone() -> None:
    shown: dict[bytes, x509.Certificate] = {}
    context = tls_context(SVID)
    context.set_verify(SSL.VERIFY_PEER, lambda *_: True)

    def talk(connection: socket.socket) -> None:
        tls = SSL.Connection(context, connection)
        tls.set_accept_state()
        request = tls.recv(4096)
        if certificate := tls.get_peer_certificate():
            shown[request] = certificate.to_cryptography()
        tls.sendall(ANSWER)

    with serve(talk) as address:
        look(address, hostile=True)
    by_client = {client: shown[request] for client in Client for request in shown if client.value.encode() in request}
    own, foreign, forged = (by_client[each] for each in (Client.OWN, Client.FOREIGN, Client.FORGED))
    assert Client.NOBODY not in by_client
    assert _uris(own) == _uris(forged) == ["spiffe://example.org/watcher"]
    assert own.issuer == forged.issuer == OURS.certificate.subject
    assert _authority_key(own) == _authority_key(forged)
    own.verify_directly_issued_by(OURS.certificate)
    with pytest.raises(InvalidSignature):
        forged.verify_directly_issued_by(OURS.certificate)
    assert _uris(foreign) == ["spiffe://foreign.invalid/agentweave-watcher"]
    assert foreign.issuer != OURS.certificate.subject
    for each in (foreign, forged):
        assert each.subject.rfc4514_string() == "CN=agentweave-watcher: TLS posture test"
        assert each.not_valid_before_utc.timestamp() < time.time() < each.not_valid_after_utc.timestamp()


def _uris(certificate: x509.Certificate) -> list[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def _authority_key(certificate: x509.Certificate) -> bytes | None:
    return certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier


def test_a_hostile_certificate_that_could_not_be_shown_was_not_refused(directory: Path) -> None:
    options = ("-tls1_3", "-Verify", "3", "-verify_return_error", "-client_sigalgs", "RSA-PSS+SHA256")
    with run_openssl(directory, *options) as address:
        reading = look(address, hostile=True)
    assert reading.foreign is not None
    assert (reading.foreign.outcome, reading.foreign.how) == (
        Outcome.UNANSWERED,
        "its certificate was not shown, so it was not that which met TLS alert: certificate required",
    )


def test_no_hostile_certificate_is_shown_unless_that_is_turned_on(directory: Path) -> None:
    with run("Python", Posture.WELL, directory) as address:
        reading = look(address)
    assert (reading.hostile, reading.foreign, reading.forged) == (False, None, None)
    assert verdicts(reading) == _ALL_WELL | {VERIFIED: "NotEnabled"}


@pytest.mark.parametrize("make", MAKES)
def test_a_watcher_without_an_svid_judges_what_needs_none(make: str, directory: Path) -> None:
    with run(make, Posture.WELL, directory) as address:
        found = verdicts(look(address, Provider(identity(None)), hostile=True))
    mtls = "pass" if make in ("Python", "Go", "OpenSSL") else "SourceMissing"  # an alert on the certificate, or none
    assert found == _ALL_WELL | {TLS13: "SourceMissing", TESTED: "NotEnabled", VERIFIED: "SourceMissing", MTLS: mtls}


@pytest.mark.parametrize("make", MAKES)
def test_a_server_of_tls_12_proves_nothing_to_a_watcher_without_an_svid(make: str, directory: Path) -> None:
    with run(make, Posture.OLDER, directory) as address:
        reading = look(address, Provider(None))
    found = verdicts(reading)
    # nginx finishes the handshake and refuses in a page, so that TLS 1.2 is seen to be taken
    assert found[TLS13] == ("fail" if make == "nginx" else "SourceMissing")


@pytest.mark.parametrize("make", ["Python", "nginx", "Go", "OpenSSL", "uvicorn"])
def test_where_the_watchers_svid_is_refused_nothing_is_compared_with_it(make: str, directory: Path) -> None:
    with run(make, Posture.WELL, directory) as address:
        reading = look(address, Provider(identity(STRANGER)), hostile=True)
    found = verdicts(reading)
    assert reading.own is not None
    assert reading.own.outcome is Outcome.REFUSED
    assert (found[TLS13], found[TESTED], found[VERIFIED]) == ("Forbidden", "NoData", "NoData")
    assert found[MTLS] == ("pass" if make in ("Python", "Go", "OpenSSL") else "NoData")


@pytest.mark.parametrize(
    ("suites", "weak"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", []),
        ("ECDHE-ECDSA-AES128-SHA", ["ECDHE-ECDSA-AES128-SHA (CBC)"]),
        ("ECDHE-ECDSA-NULL-SHA:ECDHE-ECDSA-AES256-SHA384", ["NULL", "CBC"]),
        ("AECDH-AES128-SHA:ECDHE-ECDSA-AES128-GCM-SHA256", ["anonymous"]),
    ],
)
def test_weak_suites_are_found_one_of_each_group(suites: str, weak: list[str], directory: Path) -> None:
    with run_openssl(directory, "-cipher", f"{suites}:@SECLEVEL=0") as address:
        reading = look(address)
    assert len(reading.weak) == len(weak)
    assert all(group in suite for group, suite in zip(weak, reading.weak, strict=True))
    assert reading.weak_end is not None
    assert reading.weak_end.outcome is Outcome.REFUSED
    assert verdicts(reading)[SUITES] == ("fail" if weak else "pass")


def test_tls_12_with_suites_that_nobody_offers_by_default_is_found_too(directory: Path) -> None:
    with run_openssl(directory, "-cipher", "ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0", "-Verify", "3") as address:
        reading = look(address)
    assert reading.tls12 is not None
    assert (reading.tls12.protocol, reading.tls12.completed) == ("TLSv1.2", False)
    assert reading.tls12.suite == "ECDHE-ECDSA-NULL-SHA (NULL)"
    assert verdicts(reading)[TLS13] == "fail"


@pytest.mark.parametrize("group", ["X25519", "P-384", "P-521"])
def test_a_server_that_does_not_know_the_first_group_is_tried_with_all(group: str, directory: Path) -> None:
    with run_openssl(directory, "-tls1_3", "-groups", group, "-Verify", "3", "-verify_return_error") as address:
        reading = look(address, hostile=True)
    assert verdicts(reading) == _ALL_WELL


def test_a_port_where_nobody_listens_is_a_fault_and_no_verdict() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
    reading = look(address, hostile=True)
    assert (reading.fault, reading.error) == (Fault.REFUSED, f"{address} refused the connection.")
    assert set(verdicts(reading).values()) <= {"Unreachable", "NoData", "AttestationMissing"}


def test_a_host_whose_name_does_not_exist_is_not_blamed() -> None:
    reading = look("no-such-host.invalid:8443")
    assert reading.fault in (Fault.UNRESOLVED, Fault.OURS)
    assert set(verdicts(reading).values()) <= {"Unreachable", "NoData", "NotEnabled", "AttestationMissing"}


def test_each_declared_port_is_asked_in_clear(directory: Path) -> None:
    page = plain_http(ANSWER)
    with (
        run("Go", Posture.WELL, directory) as address,
        run("nginx", Posture.WELL, directory) as secure,
        serve(page) as open_port,
        serve(page) as probed,
        serve(page) as metrics,
        socket.create_server(("127.0.0.1", 0)) as unused,
    ):
        nobody = unused.getsockname()[1]
        unused.close()
        ports = [int(each.rpartition(":")[2]) for each in (address, secure, open_port, probed, metrics)]
        declared = [DeclaredPort(each, "agent", probed=each == ports[3]) for each in (*ports, nobody)]
        reading = look(target(address, declared, metrics=f"http://{metrics}/metrics"))
    own, *others = reading.ports
    assert (own.number, own.use, own.answer, own.completes_tls) == (ports[0], PortUse.AGENT, InClear.TLS, True)
    assert reading.left_out == ""
    assert [(each.number, each.use, each.answer, each.status) for each in others] == [
        (ports[1], PortUse.UNKNOWN, InClear.TLS, None),
        (ports[2], PortUse.UNKNOWN, InClear.HTTP, 200),
        (ports[3], PortUse.PROBED, InClear.LEFT_OUT, None),
        (ports[4], PortUse.METRICS, InClear.LEFT_OUT, None),
        (nobody, PortUse.UNKNOWN, InClear.NOBODY, None),
    ]
    assert verdicts(reading)[IN_CLEAR] == "fail"


def test_a_second_tls_port_that_is_silent_in_clear_is_seen_to_be_one(directory: Path) -> None:
    certificate, key = directory / "svid.pem", directory / "svid.key"
    with run("Python", Posture.WELL, directory) as address, serve(standard_tls(certificate, key)) as second:
        declared = [DeclaredPort(int(second.rpartition(":")[2]), "agent")]
        reading = look(target(address, declared))
    assert reading.ports[1].completes_tls
    assert verdicts(reading)[IN_CLEAR] == "pass"


def test_plaintext_grpc_is_plaintext(directory: Path) -> None:
    def talk(connection: socket.socket) -> None:
        if connection.recv(4096).startswith(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
            connection.sendall(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00")

    with run("Python", Posture.WELL, directory) as address, serve(talk) as grpc:
        reading = look(target(address, [DeclaredPort(int(grpc.rpartition(":")[2]), "agent")]))
    assert (reading.ports[1].answer, reading.ports[1].status) == (InClear.HTTP, None)
    assert verdicts(reading)[IN_CLEAR] == "fail"


def test_an_opa_on_loopback_is_not_asked(directory: Path) -> None:
    with run("Python", Posture.WELL, directory) as address, serve(plain_http(ANSWER)) as opa:
        reading = look(target(address, opa=f"http://{opa}"))
    assert [each.use for each in reading.ports] == [PortUse.AGENT]


def test_no_agent_sees_more_than_one_attempt_a_second(directory: Path) -> None:
    pauses, moments = Pauses(), list[float]()

    @contextmanager
    def counted() -> Iterator[str]:
        with run("Python", Posture.OLDER, directory) as address:
            host, port = address.split(":")

            def talk(connection: socket.socket) -> None:
                moments.append(pauses.now)
                with socket.create_connection((host, int(port))) as behind:
                    back = threading.Thread(target=_pump, args=(behind, connection))
                    back.start()
                    _pump(connection, behind)
                    back.join()

            with serve(talk) as front:
                yield front

    with counted() as address:
        look(address, pauses=pauses, hostile=True)
    assert len(moments) > 6
    assert all(later - sooner >= 1 for sooner, later in itertools.pairwise(moments))


def _pump(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def test_pods_of_an_agent_share_its_turns_and_other_agents_have_their_own() -> None:
    pauses = Pauses()
    turns, other = Turns(lambda: pauses.now, pauses.sleep), TargetKey("prod", "ranker", "ranker-0")

    async def main() -> None:
        assert [await turns.take(KEY), await turns.take(other)] == [0.0, 0.0]
        assert pauses.taken == []
        turns.keep([other])
        assert await turns.take(KEY._replace(pod="search-1")) == 0.0
        assert pauses.taken == [1.0], "the turn of an agent that is gone is remembered until it has come"

    asyncio.run(main())


def test_the_wait_for_other_pods_is_told_apart() -> None:
    async def main() -> list[float]:
        async def at_once(_: float) -> None:
            """No time passes."""

        turns = Turns(lambda: 7.0, at_once)
        return [await turns.take(KEY) for _ in range(4)]

    assert asyncio.run(main()) == [0.0, 0.0, 1.0, 2.0]


def test_the_kind_is_found_and_asks_the_mtls_port() -> None:
    assert (KIND.name, KIND.endpoint, KIND.settings) == ("tls_posture", "address", TLSPostureSettings)
    assert not TLSPostureSettings().hostile_handshakes
    assert TLSPostureSettings.model_validate({"interval": "1m"}).timeout < 60
