"""What the source `handshake` reads from real servers, and from some that are none."""

import asyncio
import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from OpenSSL import SSL
from prometheus_client import start_http_server

from probes.contract import Fault, OwnIdentity, SourceContext, Target, TargetKey
from probes.contract.spiffe_id import parse_spiffe_id
from probes.readings.handshake import BundleState, ClientCertificate, Handshake, Spoke
from probes.readings.verify_error import VerifyCode
from probes.sources.handshake import KIND, HandshakeSettings
from probes.sources.names import Names
from tests.servers.go_peer import run_go_peer
from tests.servers.nginx import run_nginx
from tests.servers.pki import Leaf, Served, chain_of, signed_with_sha1
from tests.servers.tls_servers import (
    ANSWER,
    Talk,
    drip,
    hear,
    leave,
    plain_http,
    reset,
    say,
    serve,
    speak_tls,
    standard_tls,
    tls_context,
    when_spoken_to,
)
from tests.servers.uvicorn_tls import run_uvicorn
from watcher.demo.authority import Authority, Svid

NOW = float(int(time.time()))
OURS = Authority("example.org", NOW)
THEIRS = Authority("partner.test", NOW)
SEARCH = "spiffe://example.org/agent/search"
SVID = OURS.issue(SEARCH, not_before=NOW - 10, not_after=NOW + 3600)
WATCHER = OURS.issue("spiffe://example.org/watcher", not_before=NOW - 10, not_after=NOW + 3600)
ROGUE = THEIRS.issue("spiffe://partner.test/watcher", not_before=NOW - 10, not_after=NOW + 3600)
HTTPS_400 = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


class Provider:
    """An identity that is what the test says."""

    def __init__(self, current: OwnIdentity | None, *, confirmed: bool = True) -> None:
        self.current = current
        self.confirmed = confirmed


def identity(svid: Svid | None = WATCHER, *authorities: Authority) -> OwnIdentity:
    return OwnIdentity(
        trust_domain="example.org",
        chain=svid.chain if svid else (),
        key=svid.key if svid else None,
        bundles={each.trust_domain: (each.certificate,) for each in authorities or (OURS,)},
    )


def look(
    address: str, provider: Provider | None = None, *, timeout: str = "5s", expected: tuple[str, ...] = ()
) -> Handshake:
    settings = HandshakeSettings.model_validate({"timeout": timeout})

    async def once() -> Handshake:
        source = KIND.open(settings, SourceContext(provider or Provider(identity()), time.time, time.time, Names()))
        target = Target(key=TargetKey("prod", "search", "search-0"), address=address, spiffe_ids=expected)
        reading = await source.look(target, ())
        await source.close()
        assert isinstance(reading, Handshake)
        return reading

    reading = asyncio.run(once())
    assert len(json.dumps(reading.evidence(), default=str)) < 8192
    return reading


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    OURS.write_bundle(tmp_path)
    SVID.write(tmp_path)
    return tmp_path


def strict(directory: Path, make: str) -> AbstractContextManager[str]:
    """Servers of different makes that insist on a client certificate of ours."""
    certificate, key, bundle = (directory / name for name in ("svid.pem", "svid.key", "bundle.pem"))
    match make:
        case "nginx":
            return run_nginx(certificate=certificate, key=key, client_ca=bundle)
        case "nginx 1.2":
            return run_nginx(certificate=certificate, key=key, client_ca=bundle, protocols=("TLSv1.2",))
        case "uvicorn":
            return run_uvicorn(certificate=certificate, key=key, client_ca=bundle)
        case "Go":
            return run_go_peer(certificate=certificate, key=key, bundle=bundle, trust_domain="example.org")
        case "Python 1.2":
            return serve(standard_tls(certificate, key, client_ca=bundle, only=ssl.TLSVersion.TLSv1_2))
    return serve(standard_tls(certificate, key, client_ca=bundle))


MAKES = ("Python", "Python 1.2", "nginx", "nginx 1.2", "uvicorn", "Go")


@pytest.mark.parametrize("make", MAKES)
def test_a_strict_server_of_any_make_is_read_in_full(directory: Path, make: str) -> None:
    with strict(directory, make) as address:
        reading = look(address)
    assert reading.result == "ok"
    assert (reading.completed, reading.spoke, reading.fault) == (True, Spoke.TLS, None)
    assert reading.leaf is not None
    assert reading.leaf.uris == (SEARCH,)
    assert (reading.leaf.not_before, reading.leaf.not_after) == (NOW - 10, NOW + 3600)
    assert int(reading.leaf.serial, 16) == SVID.chain[0].serial_number
    assert (reading.verify_errors, reading.bundle) == ((), BundleState.CONFIRMED)
    assert reading.client_certificate is ClientCertificate.ACCEPTED
    assert reading.http_status == 200
    assert reading.protocol == ("TLSv1.2" if make.endswith("1.2") else "TLSv1.3")


CLOSED = "the connection was closed without an answer"


@pytest.mark.parametrize("make", MAKES)
def test_that_our_certificate_is_refused_is_said_where_the_server_says_so_and_is_no_fault(
    directory: Path, make: str
) -> None:
    with strict(directory, make) as address:
        reading = look(address, Provider(identity(ROGUE)))
    assert (reading.completed, reading.fault, reading.error) == (True, None, "")
    assert reading.leaf is not None
    if make == "uvicorn":  # asyncio drops the alert
        assert (reading.client_certificate, reading.refusal) == (ClientCertificate.NOT_TOLD, "")
        assert reading.ending == CLOSED
    else:
        assert reading.client_certificate is ClientCertificate.REFUSED
        assert reading.refusal
        assert reading.ending == ""


@pytest.mark.parametrize("make", MAKES)
def test_without_an_identity_the_certificate_is_read_all_the_same(directory: Path, make: str) -> None:
    with strict(directory, make) as address:
        reading = look(address, Provider(None))
    assert (reading.completed, reading.fault, reading.bundle) == (True, None, BundleState.MISSING)
    assert reading.leaf is not None
    assert reading.leaf.uris == (SEARCH,)
    assert reading.client_certificate is ClientCertificate.NONE_TO_SEND
    assert (bool(reading.refusal), reading.ending) == ((False, CLOSED) if make == "uvicorn" else (True, ""))


def test_a_server_that_asks_for_no_certificate_is_said_to(directory: Path) -> None:
    with serve(standard_tls(directory / "svid.pem", directory / "svid.key")) as address:
        reading = look(address)
    assert reading.client_certificate is ClientCertificate.NOT_ASKED_FOR
    assert (reading.http_status, reading.refusal) == (200, "")


@pytest.mark.parametrize("group", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_a_server_with_one_key_exchange_group_is_met_at_the_second_hello(group: ec.EllipticCurve) -> None:
    context = tls_context(SVID)
    context.set_tmp_ecdh(group)
    with serve(speak_tls(context)) as address:
        assert look(address).http_status == 200


@pytest.mark.parametrize(
    ("presented", "roots", "expected", "codes"),
    [
        (SVID, (OURS,), (), set()),
        (SVID, (OURS, THEIRS), ("spiffe://partner.test/agent",), {VerifyCode.NO_LOCAL_ISSUER}),
        (THEIRS.issue(SEARCH, not_before=NOW - 10, not_after=NOW + 3600), (OURS, THEIRS), (SEARCH,), {20}),
        (OURS.issue(SEARCH, not_before=NOW - 90, not_after=NOW - 30), (OURS,), (), {VerifyCode.EXPIRED}),
        (OURS.issue(SEARCH, not_before=NOW + 7200, not_after=NOW + 9000), (OURS,), (), {VerifyCode.NOT_YET_VALID}),
        (OURS.intermediate(NOW).issue(SEARCH, not_before=NOW - 10, not_after=NOW + 3600), (OURS,), (), set()),
        (
            OURS.intermediate(NOW - 864000, lifetime=60).issue(SEARCH, not_before=NOW - 10, not_after=NOW + 3600),
            (OURS,),
            (),
            {VerifyCode.EXPIRED},
        ),
    ],
    ids=["ours", "other trust domain", "forged by a partner", "expired", "too early", "intermediate", "old authority"],
)
def test_the_chain_is_verified_to_the_bundle_of_the_targets_own_trust_domain_alone(
    presented: Svid, roots: tuple[Authority, ...], expected: tuple[str, ...], codes: set[int]
) -> None:
    with serve(speak_tls(tls_context(presented))) as address:
        reading = look(address, Provider(identity(WATCHER, *roots)), expected=expected)
    assert {each.code for each in reading.verify_errors if each.code != VerifyCode.LEAF_NOT_VERIFIED} == codes
    assert reading.leaf is not None
    assert reading.chain_length == len(presented.chain)


def test_an_intermediate_may_be_the_authority_of_a_bundle() -> None:
    intermediate = OURS.intermediate(NOW)
    svid = intermediate.issue(SEARCH, not_before=NOW - 10, not_after=NOW + 3600)
    with serve(speak_tls(tls_context(Svid(svid.chain[:1], svid.key)))) as address:
        assert look(address, Provider(identity(WATCHER, intermediate))).verify_errors == ()
        assert look(address, Provider(identity(WATCHER, OURS))).verify_errors != ()


@pytest.mark.parametrize(("confirmed", "bundle"), [(True, BundleState.CONFIRMED), (False, BundleState.UNCONFIRMED)])
def test_a_bundle_that_was_not_confirmed_lately_is_said_to_be_so(confirmed: bool, bundle: BundleState) -> None:
    with serve(speak_tls(tls_context(SVID))) as address:
        assert look(address, Provider(identity(), confirmed=confirmed)).bundle is bundle


def odd(**facts: object) -> Served:
    return Leaf(**({"not_before": NOW - 10, "not_after": NOW + 3600} | facts)).signed_by(OURS)  # type: ignore[arg-type]


def test_dates_at_the_ends_of_time_are_read() -> None:
    with serve(speak_tls(tls_context(odd(not_before=0, not_after=86400)))) as address:
        assert _dates(look(address)) == (0, 86400)
    end = 253402300799
    with serve(speak_tls(tls_context(odd(not_after=end)))) as address:
        assert _dates(look(address)) == (NOW - 10, end)


@pytest.mark.parametrize(
    ("served", "uri_count", "readable"),
    [
        (odd(uris=()), 0, True),
        (odd(uris=(), dns=("search.prod.svc",)), 0, True),
        (odd(uris=[f"spiffe://example.org/{number}" for number in range(100)]), 100, True),
        (odd(raw_names=b"\x30\x05short"), 0, False),
        (odd(raw_names=b"\x30\x04\x86\x02\xff\xfe"), 0, False),
        (odd(uris=[f"a:{number}" for number in range(4000)]), 0, False),
    ],
    ids=["none", "DNS only", "hundred", "unreadable", "not ASCII", "larger than 16 kB"],
)
def test_odd_names_are_counted_and_do_not_hide_the_dates(served: Served, uri_count: int, readable: bool) -> None:
    with serve(speak_tls(tls_context(served))) as address:
        reading = look(address)
    assert reading.leaf is not None
    assert (reading.leaf.uri_count, reading.leaf.readable) == (uri_count, readable)
    assert len(reading.leaf.uris) == min(uri_count, 10)
    assert _dates(reading) == (NOW - 10, NOW + 3600)
    assert reading.completed


@pytest.mark.parametrize(
    ("served", "key", "weak"),
    [
        (signed_with_sha1(odd(), OURS), "EC secp256r1", True),
        (odd(key=rsa.generate_private_key(65537, 1024)), "RSA 1024", True),  # noqa: S505  to be found weak
        (odd(key=rsa.generate_private_key(65537, 2048)), "RSA 2048", False),
        (odd(key=ed25519.Ed25519PrivateKey.generate()), "Ed25519", False),
        (odd(key=ec.generate_private_key(ec.SECP384R1())), "EC secp384r1", False),
    ],
    ids=["SHA-1", "RSA 1024", "RSA 2048", "Ed25519", "P-384"],
)
@pytest.mark.parametrize("newest", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["1.2", "1.3"])
def test_keys_of_all_kinds_are_read_and_weak_ones_do_not_stop_the_handshake(
    served: Served, key: str, weak: bool, newest: int
) -> None:
    with serve(speak_tls(tls_context(served, newest=newest))) as address:
        reading = look(address)
    assert reading.leaf is not None
    assert (reading.leaf.key, bool(reading.leaf.weakness), reading.completed) == (key, weak, True)
    assert reading.verify_errors == ()


def test_a_chain_of_fifty_is_read_but_not_followed() -> None:
    served = chain_of(50, OURS, NOW, SEARCH)
    with serve(speak_tls(tls_context(served))) as address:
        reading = look(address)
    assert reading.chain_length == 51
    assert VerifyCode.CHAIN_TOO_LONG in {each.code for each in reading.verify_errors}
    assert max(each.depth for each in reading.verify_errors) < 12


@pytest.mark.parametrize(
    ("session", "fault", "spoke"),
    [
        (hear, Fault.STALLED, Spoke.NOTHING),
        (leave, Fault.RESET, Spoke.NOTHING),
        (when_spoken_to(leave), Fault.RESET, Spoke.NOTHING),
        (when_spoken_to(reset), Fault.RESET, Spoke.NOTHING),
        (say(b"SSH-2.0-OpenSSH_9.2\r\n", then=hear), None, Spoke.OTHER),
        (when_spoken_to(say(b"-ERR unknown command\r\n", then=hear)), None, Spoke.OTHER),
        (when_spoken_to(say(b"\x00\x01\x02\x03\x04\x05\x06\x07", then=hear)), None, Spoke.OTHER),
        (when_spoken_to(say(b"HTTP/1.1 400 Bad Request\r\n\r\n")), None, Spoke.PLAINTEXT_HTTP),
        (when_spoken_to(say(b"HT", then=hear)), None, Spoke.OTHER),
        (plain_http(ANSWER, otherwise=hear), None, Spoke.PLAINTEXT_HTTP),
        (plain_http(ANSWER, otherwise=leave), None, Spoke.PLAINTEXT_HTTP),
        (plain_http(ANSWER, otherwise=reset), None, Spoke.PLAINTEXT_HTTP),
        (plain_http(HTTPS_400, otherwise=leave), Fault.RESET, Spoke.TLS),
        (plain_http(HTTPS_400, otherwise=hear), Fault.STALLED, Spoke.TLS),
        (when_spoken_to(say(b"\x15\x03\x01\x00\x02\x02\x46")), None, Spoke.TLS),
        (when_spoken_to(say(b"\x16\x03\x03\xff\xffgarbage", then=hear)), None, Spoke.TLS),
        (when_spoken_to(drip(b"\x16\x03\x03\x40\x00" + bytes(100), 0.05)), Fault.STALLED, Spoke.TLS),
        (when_spoken_to(drip(b"HTTP/1.1 200 OK\r\n", 0.005)), None, Spoke.PLAINTEXT_HTTP),
    ],
    ids=[
        "silent", "leaves at once", "leaves", "RST", "SSH", "Redis", "binary", "HTTP 400", "two letters",
        "HTTP hangs", "HTTP leaves", "HTTP resets", "HTTPS leaves", "HTTPS hangs", "alert", "garbage", "TLS drips",
        "HTTP drips",
    ],
)  # fmt: skip
def test_a_port_that_does_not_do_a_handshake_is_told_apart(session: Talk, fault: Fault | None, spoke: Spoke) -> None:
    began = time.monotonic()
    with serve(session) as address:
        reading = look(address, timeout="600ms")
    assert time.monotonic() - began < 3
    assert (reading.fault, reading.spoke, reading.completed, reading.leaf) == (fault, spoke, False, None)
    assert reading.error.startswith(address)
    assert reading.result == ("timeout" if fault is Fault.STALLED else "error")


@pytest.mark.parametrize("records", range(9))
@pytest.mark.parametrize("newest", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["1.2", "1.3"])
def test_a_server_that_stalls_after_any_message_is_cut_off_at_the_deadline(newest: int, records: int) -> None:
    context = tls_context(SVID, client_ca=OURS.certificate, newest=newest)
    began = time.monotonic()
    with serve(speak_tls(context, records=records)) as address:
        reading = look(address, timeout="300ms")
    assert time.monotonic() - began < 2
    assert reading.fault is (None if reading.completed else Fault.STALLED)
    assert reading.completed or not reading.http_status
    if reading.completed and not reading.http_status:
        assert reading.client_certificate is ClientCertificate.NOT_TOLD
        assert _dates(reading) == (NOW - 10, NOW + 3600)


@pytest.mark.parametrize("then", [leave, reset], ids=["FIN", "RST"])
@pytest.mark.parametrize("records", [1, 2, 3])
def test_a_server_that_breaks_off_after_its_first_messages_has_reset(then: Talk, records: int) -> None:
    context = tls_context(SVID, newest=SSL.TLS1_3_VERSION)
    with serve(speak_tls(context, records=records, then=then)) as address:
        reading = look(address)
    assert (reading.fault, reading.spoke, reading.leaf) == (Fault.RESET, Spoke.TLS, None)


@pytest.mark.parametrize("records", range(3, 7))
def test_a_server_that_breaks_off_after_a_second_hello_has_not_refused_our_certificate(records: int) -> None:
    context = tls_context(SVID)
    context.set_tmp_ecdh(ec.SECP384R1())
    with serve(speak_tls(context, records=records, then=leave)) as address:
        reading = look(address)
    assert (reading.fault, reading.spoke, reading.completed) == (Fault.RESET, Spoke.TLS, False)


@pytest.mark.parametrize("alerts", [True, False], ids=["alert", "bare end"])
@pytest.mark.parametrize("newest", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["1.2", "1.3"])
def test_a_refusal_is_one_where_an_alert_says_so_and_a_close_is_a_close(newest: int, alerts: bool) -> None:
    context = tls_context(SVID, client_ca=THEIRS.certificate, newest=newest)
    with serve(speak_tls(context, alerts=alerts)) as address:
        reading = look(address)
    broke_off = newest == SSL.TLS1_2_VERSION and not alerts  # before its own part: of TLS 1.3 that comes first
    assert (reading.completed, reading.broke_off, reading.fault) == (not broke_off, broke_off, None)
    told = (reading.client_certificate, reading.refusal, reading.ending)
    if broke_off:
        assert told == (ClientCertificate.NOT_TOLD, "", "")
        assert reading.leaf is not None
        assert reading.error == (
            f"{address} cut the TLS 1.2 handshake after the watcher's part of it, and did not say why."
        )
    elif alerts:
        assert told == (ClientCertificate.REFUSED, "tlsv1 alert unknown ca", "")
    else:
        assert told == (ClientCertificate.NOT_TOLD, "", CLOSED)


def _hear_the_second_flight(connection: socket.socket, context: SSL.Context) -> None:
    """Say what a server says first, and take what the client answers; nothing more is said."""
    tls = SSL.Connection(context, None)
    tls.set_accept_state()
    tls.bio_write(connection.recv(65536))
    with suppress(SSL.WantReadError):
        tls.do_handshake()
    connection.sendall(tls.bio_read(1 << 20))
    connection.recv(65536)


def test_a_server_that_asks_for_no_certificate_and_breaks_off_has_not_refused_one() -> None:
    def talk(connection: socket.socket) -> None:
        _hear_the_second_flight(connection, tls_context(SVID, newest=SSL.TLS1_2_VERSION))

    with serve(talk) as address:
        reading = look(address)
    assert (reading.fault, reading.completed, reading.broke_off) == (Fault.RESET, False, False)
    assert reading.error == f"{address} cut the connection during the TLS handshake."


@pytest.mark.parametrize("goes", [leave, reset], ids=["FIN", "RST"])
def test_a_server_that_goes_away_after_the_handshake_has_refused_nothing(directory: Path, goes: Talk) -> None:
    """One that crashes at each request, for example."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "svid.pem", directory / "svid.key")
    context.load_verify_locations(directory / "bundle.pem")
    context.verify_mode = ssl.CERT_REQUIRED

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(65536)
            goes(tls)

    with serve(talk) as address:
        reading = look(address)
    assert (reading.completed, reading.fault, reading.client_certificate) == (True, None, ClientCertificate.NOT_TOLD)
    assert (reading.refusal, reading.ending) == ("", CLOSED)


def test_an_alert_on_something_else_is_no_refusal_of_our_certificate() -> None:
    def talk(connection: socket.socket) -> None:
        context = tls_context(SVID, client_ca=OURS.certificate, newest=SSL.TLS1_2_VERSION)
        _hear_the_second_flight(connection, context)
        connection.sendall(b"\x15\x03\x03\x00\x02\x02\x50")  # fatal, internal_error

    with serve(talk) as address:
        reading = look(address)
    assert (reading.completed, reading.client_certificate) == (False, ClientCertificate.NOT_TOLD)
    assert reading.error == f"{address} and the watcher have no TLS in common: tlsv1 alert internal error."


def test_an_alert_on_something_else_after_the_handshake_is_no_refusal_of_our_certificate() -> None:
    """Of TLS 1.3, where a refusal comes only then."""

    def talk(connection: socket.socket) -> None:
        tls = SSL.Connection(tls_context(SVID, client_ca=OURS.certificate), None)
        tls.set_accept_state()
        shaken = False
        while not shaken:
            tls.bio_write(connection.recv(65536))
            with suppress(SSL.WantReadError):
                tls.do_handshake()
                shaken = True
            with suppress(SSL.WantReadError):
                connection.sendall(tls.bio_read(1 << 20))
        tls.bio_write(b"\x17\x03\x03\x00\x20" + bytes(32))  # as a record of the client's that was changed on its way
        with suppress(SSL.Error):
            while True:
                tls.recv(65536)
        connection.sendall(tls.bio_read(1 << 20))

    with serve(talk) as address:
        reading = look(address)
    assert (reading.completed, reading.client_certificate, reading.refusal) == (True, ClientCertificate.NOT_TOLD, "")
    assert reading.ending == "tls alert bad record mac"


@pytest.mark.parametrize("version", [SSL.TLS1_VERSION, SSL.TLS1_1_VERSION], ids=["1.0", "1.1"])
def test_no_common_version_is_a_failed_handshake(version: int) -> None:
    context = tls_context(SVID, newest=version)
    with serve(speak_tls(context)) as address:
        reading = look(address)
    assert (reading.fault, reading.spoke, reading.completed) == (None, Spoke.TLS, False)
    assert "protocol version" in reading.error


def test_a_python_page_server_is_plaintext_http_whatever_it_makes_of_the_hello() -> None:
    server, thread = start_http_server(0, "127.0.0.1")
    try:
        readings = [look(f"127.0.0.1:{server.server_port}", timeout="600ms") for _ in range(6)]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert {reading.spoke for reading in readings} == {Spoke.PLAINTEXT_HTTP}


def test_nobody_listening_is_a_refusal() -> None:
    with serve(hear) as address:
        pass
    reading = look(address)
    assert (reading.fault, reading.spoke, reading.result) == (Fault.REFUSED, Spoke.NOTHING, "error")


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    flood = b"HTTP/1.1 400 no\r\n\r\n" + bytes(1 << 22)
    with serve(speak_tls(tls_context(SVID), flood)) as address:
        began = time.monotonic()
        reading = look(address)
    assert time.monotonic() - began < 2
    assert (reading.http_status, reading.completed) == (400, True)


def test_certificates_of_a_hundred_kilobytes_are_not_taken() -> None:
    huge = odd(uris=[f"a:{number}" for number in range(9000)])
    with serve(speak_tls(tls_context(huge))) as address:
        reading = look(address)
    assert (reading.completed, reading.fault, reading.leaf) == (False, None, None)
    assert "65536 bytes came" in reading.error


def test_an_endless_flood_instead_of_a_handshake_is_cut_off() -> None:
    with serve(when_spoken_to(say(b"\x16\x03\x03\x10\x00" + bytes(1 << 22)))) as address:
        reading = look(address)
    assert (reading.completed, reading.fault) == (False, None)


def test_a_broken_handshake_leaves_nothing_for_the_next_one(directory: Path) -> None:
    source = KIND.open(HandshakeSettings(), SourceContext(Provider(identity()), time.time, time.time, Names()))

    def at(address: str) -> Target:
        return Target(key=TargetKey("prod", address, address), address=address)

    async def many(bad: str, good: str) -> list[Handshake]:
        looks = [source.look(at(good if number % 2 else bad), ()) for number in range(40)]
        readings = await asyncio.gather(*looks)
        assert all(isinstance(reading, Handshake) for reading in readings)
        return readings  # type: ignore[return-value]  # just asserted

    with ExitStack() as servers:
        bad = servers.enter_context(serve(when_spoken_to(say(b"\x16\x03\x03\x00\x05wrong"))))
        good = servers.enter_context(strict(directory, "Python"))
        readings = asyncio.run(many(bad, good))
    assert [reading.completed for reading in readings] == [bool(number % 2) for number in range(40)]


def test_a_new_identity_is_used_at_the_next_look() -> None:
    provider = Provider(identity(ROGUE))
    source = KIND.open(HandshakeSettings(), SourceContext(provider, time.time, time.time, Names()))
    context = tls_context(SVID, client_ca=OURS.certificate)

    async def twice(address: str) -> Iterator[str]:
        target = Target(key=TargetKey("prod", "search", "search-0"), address=address)
        first = await source.look(target, ())
        provider.current = identity(WATCHER)
        second = await source.look(target, ())
        return iter([str(each.evidence()["client_certificate"]) for each in (first, second)])

    with serve(speak_tls(context)) as address:
        assert list(asyncio.run(twice(address))) == ["refused", "accepted"]


def test_names_and_ipv6_addresses_are_places_too(directory: Path) -> None:
    with strict(directory, "Python") as address:
        port = address.rpartition(":")[2]
        assert look(f"localhost:{port}").http_status == 200
        assert look(f"[::1]:{port}").fault is Fault.REFUSED
    assert look(f"localhost:{port}").fault is Fault.REFUSED


@pytest.mark.parametrize(
    ("text", "trust_domain"),
    [
        ("spiffe://example.org/agent/search", "example.org"),
        ("spiffe://example.org", "example.org"),
        ("spiffe://a-b_c.1/x.y/Z", "a-b_c.1"),
        ("spiffe://example.org/" + "a" * 2026, "example.org"),
        ("spiffe://example.org/" + "a" * 2028, None),
        ("spiffe://example.org/", None),
        ("spiffe://example.org//a", None),
        ("spiffe://example.org/./a", None),
        ("spiffe://example.org/a/..", None),
        ("spiffe://Example.org/a", None),
        ("spiffe://example.org:80/a", None),
        ("spiffe://user@example.org/a", None),
        ("spiffe://example.org/a?b", None),
        ("spiffe://example.org/a#b", None),
        ("spiffe://example.org/a%20b", None),
        ("spiffe://example.org/a\n", None),
        ("spiffe:///a", None),
        ("https://example.org/a", None),
        ("", None),
    ],
)
def test_a_spiffe_id_is_what_its_specification_says(text: str, trust_domain: str | None) -> None:
    parsed = parse_spiffe_id(text)
    assert (parsed.trust_domain if parsed else None) == trust_domain


def _dates(reading: Handshake) -> tuple[float, float]:
    assert reading.leaf is not None
    return reading.leaf.not_before, reading.leaf.not_after
