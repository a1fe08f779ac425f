"""What a server can make us compute in TLS is little: no finite field of its choice, no endless signatures."""

import asyncio
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL, crypto

from probes.contract import OwnIdentity, SourceContext, Target, TargetKey
from probes.readings.handshake import Handshake, Spoke
from probes.readings.verify_error import VerifyCode
from probes.sources.handshake import KIND, HandshakeSettings, HandshakeSource
from probes.sources.http.client import HTTPSession, Origin, locate
from probes.sources.http.faults import TLSFailedError
from probes.sources.http.key_exchange import FIRST, OTHERS, with_curve, without_dhe
from probes.sources.http.tls import TLS
from probes.sources.names import Names
from probes.sources.tls.attempt import Attempt, PortAddress
from probes.sources.tls.contexts import TrustCache, Verification, _note
from probes.sources.tls.session import TLSSession
from probes.sources.tls.work_queue import WorkQueue
from tests.hostile.slow_signatures import certificate, endless_signatures
from tests.servers.pki import constrained
from tests.servers.tls_servers import serve, speak_tls, tls_context
from watcher.demo.authority import Authority

NOW = float(int(time.time()))
OURS = Authority("example.org", NOW)
SVID = OURS.issue("spiffe://example.org/agent/search", not_before=NOW - 10, not_after=NOW + 3600)
MOST = 0.05


class Provider:
    """The bundle of our own trust domain, and no certificate."""

    current = OwnIdentity(trust_domain="example.org", chain=(), key=None, bundles={"example.org": (OURS.certificate,)})
    confirmed = True


def look(address: str) -> Handshake:
    return looks(address, 1)[0]


def looks(address: str, count: int, budget: float = 1.0) -> list[Handshake]:
    """What so many looks at one target tell, one after another."""

    async def once() -> list[Handshake]:
        source_context = SourceContext(identity=Provider(), now=time.time, date=time.time, names=Names())
        source = HandshakeSource(HandshakeSettings(), source_context, budget)
        target = Target(key=TargetKey("prod", "search", "search-0"), address=address)
        readings = [await source.look(target, ()) for _ in range(count)]
        return [each for each in readings if isinstance(each, Handshake)]

    return asyncio.run(once())


def test_a_chain_of_slow_signatures_is_given_up_and_is_not_trusted() -> None:
    with serve(speak_tls(tls_context(endless_signatures(8)))) as address:
        reading = look(address)
    assert 0 < reading.cpu < MOST
    assert (reading.spoke, reading.completed, reading.chain_length) == (Spoke.TLS, True, 9)
    assert VerifyCode.NO_LOCAL_ISSUER in {each.code for each in reading.verify_errors}
    assert reading.leaf is not None


@pytest.mark.parametrize("ports", [20])
def test_many_ports_with_slow_signatures_share_no_turn_of_the_loop(ports: int) -> None:
    turns = [0.0]

    def turn(last: float) -> None:
        now = time.thread_time()
        turns.append(now - last)
        asyncio.get_running_loop().call_soon(turn, now)

    async def main(address: str) -> list[Handshake]:
        source = KIND.open(
            HandshakeSettings.model_validate({"timeout": "1s"}),
            SourceContext(identity=Provider(), now=time.time, date=time.time, names=Names()),
        )
        target = Target(key=TargetKey("prod", "search", "search-0"), address=address)
        await source.look(target, ())  # what is made once is made
        turn(time.thread_time())
        found = await asyncio.gather(*[source.look(target, ()) for _ in range(ports)])
        return [each for each in found if isinstance(each, Handshake)]

    with serve(speak_tls(tls_context(endless_signatures(8)))) as address:
        found = asyncio.run(main(address))
    assert max(turns) < MOST
    assert {(each.spoke, each.fault, each.chain_length) for each in found} == {(Spoke.TLS, None, 9)}, "none timed out"
    assert sum(each.cpu for each in found) > 0.1


def test_a_session_that_takes_the_place_of_another_is_charged_for_both(directory: Path) -> None:
    with _openssl(directory, "-groups", "P-384") as url:
        address = url.removeprefix("https://")

        async def twice() -> tuple[float, float]:
            trust = TrustCache(Provider()).of(Target(key=TargetKey("a", "b", "c"), address=address))
            port, now = PortAddress.of(address), asyncio.get_running_loop().time()
            attempt = Attempt(port, ["127.0.0.1"], trust, WorkQueue(), now, now + 5)
            alone = TLSSession(trust.first, None, b"", 0, WorkQueue())
            alone.cpu = 7.0
            attempt.session = alone
            session = await attempt.make()
            attempt.end()
            return alone.cpu, session.cpu

        alone, both = asyncio.run(twice())
    assert both > alone == 7.0


def test_a_verification_is_given_up_some_time_after_its_first_error() -> None:
    moments = iter([0.0, 0.005, 0.02])
    verification = Verification(lambda: next(moments))
    assert [verification.goes_on() for _ in range(3)] == [True, True, False]
    assert verification.given_up


def test_a_verification_without_an_error_is_never_given_up() -> None:
    hour = count(0.0, 3600.0)  # that passes between two steps
    verification, connection = Verification(lambda: next(hour)), SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD))
    connection.set_app_data(verification)
    certificate = crypto.X509.from_cryptography(SVID.chain[0])
    assert [_note(connection, certificate, 0, depth, 1) for depth in (3, 2, 1, 0)] == [True] * 4
    assert not verification.given_up
    steps = [_note(connection, certificate, VerifyCode.NO_ISSUER, depth, 0) for depth in (3, 2)]
    assert steps == [True, False], "the same clock, but for an error"


def test_a_chain_of_a_million_comparisons_of_names_is_not_compared_and_told_as_that() -> None:
    with serve(speak_tls(tls_context(constrained(3, 1000, NOW)))) as address:
        reading = look(address)
    assert 0 < reading.cpu < MOST
    assert (reading.spoke, reading.completed, reading.chain_length) == (Spoke.TLS, True, 4)
    assert [each.code for each in reading.verify_errors][-1] == VerifyCode.TOO_MANY_NAMES
    assert str(reading.verify_errors[-1]) == "the chain has too many names and name constraints to compare"


def test_a_port_that_costs_too_much_is_looked_at_in_one_of_ever_more_looks() -> None:
    with serve(speak_tls(tls_context(SVID))) as address:
        readings = looks(address, 7, budget=0.0)
    assert [each.asked for each in readings] == [True, False, True, False, False, False, True]
    assert [each.asked_in for each in readings] == [2, 2, 4, 4, 4, 4, 8]
    assert "ms of CPU. It is probed at one of 4 attempts." in readings[3].error
    assert readings[3].evidence()["asked_at"] == "one of 4 attempts"
    assert readings[3].leaf == readings[2].leaf is not None, "what was served is still told"
    repeats = [not each.asked for each in readings]
    assert [each.age > 0 for each in readings] == [each.cpu == 0 for each in readings] == repeats


def test_a_port_that_costs_little_is_looked_at_each_time() -> None:
    with serve(speak_tls(tls_context(SVID))) as address:
        assert [(each.asked, each.asked_in, each.error) for each in looks(address, 3)] == [(True, 1, "")] * 3


def _names_of(context: ssl.SSLContext) -> set[str]:
    return {str(each["name"]) for each in context.get_ciphers()}


def test_outbound_contexts_offer_what_python_does_without_finite_fields() -> None:
    before, after = _names_of(ssl.create_default_context()), _names_of(without_dhe(ssl.create_default_context()))
    assert before - after == {name for name in before if name.startswith("DHE-")} != set()
    assert any(name.startswith("ECDHE-") for name in after)
    assert any(name.startswith("TLS_") for name in after)


@contextmanager
def _openssl(directory: Path, *options: str) -> Iterator[str]:
    """A server of OpenSSL's own, for what Python cannot be made to serve."""
    served = ["-cert", str(directory / "svid.pem"), "-key", str(directory / "svid.key"), "-www"]
    command = ["openssl", "s_server", "-accept", "127.0.0.1:0", *served, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            line = next(line for line in process.stdout if line.startswith("ACCEPT"))
            yield f"https://127.0.0.1:{line.rpartition(':')[2].strip()}"
        finally:
            process.kill()


def _trusting(curve: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=OURS.certificate.public_bytes(serialization.Encoding.PEM).decode())
    return with_curve(context, curve)


def _get(url: str) -> int:
    tls = TLS(_trusting(FIRST), others=[partial(_trusting, curve) for curve in OTHERS])

    async def main() -> int:
        async with HTTPSession(locate(url)[0], 5.0, 1 << 20, tls, names=Names()) as session:
            return (await session.ask(b"GET", b"/")).status

    return asyncio.run(main())


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    SVID.write(tmp_path)
    return tmp_path


@pytest.mark.parametrize("groups", ["P-256", "X25519", "X25519:P-384", "P-384", "P-521"])
def test_a_server_of_any_common_curve_is_met(directory: Path, groups: str) -> None:
    with _openssl(directory, "-groups", groups) as url:
        assert _get(url) == 200


def _get_again(url: str, taken: dict[Origin, int]) -> list[str]:
    """The curves that were offered."""
    offered = []

    def offer(curve: str) -> ssl.SSLContext:
        offered.append(curve)
        return _trusting(curve)

    tls = TLS(_trusting(FIRST), others=[partial(offer, curve) for curve in OTHERS], taken=taken)

    async def main() -> None:
        async with HTTPSession(locate(url)[0], 5.0, 1 << 20, tls, names=Names()) as session:
            assert (await session.ask(b"GET", b"/")).status == 200

    asyncio.run(main())
    return offered


def test_the_curve_that_a_server_took_is_offered_first_and_is_no_promise(directory: Path) -> None:
    with _openssl(directory, "-groups", "P-384") as url:
        taken: dict[Origin, int] = {}
        assert _get_again(url, taken) == ["X25519", "secp384r1"]
        assert _get_again(url, taken) == ["secp384r1"]
        taken[locate(url)[0]] = 3
        assert _get_again(url, taken) == ["secp521r1", "X25519", "secp384r1"], "it may have another one today"


@pytest.mark.parametrize("options", [("-tls1_3", "-groups", "ffdhe8192"), ("-tls1_2", "-cipher", "DHE")])
def test_a_server_that_insists_on_a_finite_field_is_not_met(directory: Path, options: tuple[str, ...]) -> None:
    with _openssl(directory, *options) as url, pytest.raises(TLSFailedError):
        _get(url)


def test_a_server_may_not_exchange_keys_again() -> None:
    refused: list[bool] = []

    def talk(connection: socket.socket) -> None:
        connection.settimeout(None)
        secured = SSL.Connection(tls_context(SVID, newest=SSL.TLS1_2_VERSION), connection)
        secured.set_accept_state()
        secured.do_handshake()
        secured.recv(4000)
        secured.renegotiate()
        try:
            secured.do_handshake()
            secured.recv(1)
        finally:
            refused.append(secured.renegotiate_pending())

    with serve(talk) as address, pytest.raises(httpx.TransportError):
        _get(f"https://{address}")
    assert refused == [True]


def _write_rsa(directory: Path) -> None:
    """DHE wants an RSA key: no server with the key of an SVID would take it."""
    key = rsa.generate_private_key(65537, 2048)
    kind, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (directory / "svid.key").write_bytes(key.private_bytes(kind, form, serialization.NoEncryption()))
    (directory / "svid.pem").write_bytes(certificate("leaf", "leaf", key.public_key(), key).public_bytes(kind))


@pytest.mark.parametrize("options", [("-tls1_3", "-groups", "ffdhe8192"), ("-tls1_2", "-cipher", "DHE")])
def test_no_look_takes_a_finite_field(directory: Path, options: tuple[str, ...]) -> None:
    _write_rsa(directory)
    with _openssl(directory, *options) as url:
        reading = look(url.removeprefix("https://"))
    assert not reading.completed
    assert "have no TLS in common" in reading.error


def test_a_look_takes_an_rsa_key_all_the_same(directory: Path) -> None:
    _write_rsa(directory)
    with _openssl(directory, "-tls1_2") as url:
        assert look(url.removeprefix("https://")).completed
