"""Who the watcher is to the servers that it asks, and whom it takes them for."""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from probes.contract import OwnIdentity, SourceContext, Target, TargetKey
from probes.sources.http.client import HTTPSession, locate
from probes.sources.http.credentials import Outbound, OutboundSettings
from probes.sources.http.faults import OwnTroubleError, TLSFailedError
from probes.sources.names import Names
from tests.servers import metrics_pages as pages
from tests.servers.pki import Leaf, PlainAuthority, Served
from tests.servers.tls_servers import serve
from watcher.demo.authority import Authority, Svid

NOW = time.time()  # OpenSSL has no other clock
OURS = Authority("example.org", NOW)
OTHER = Authority("example.org", NOW)


def issued(path: str = "agent/search", authority: Authority = OURS, hosts: tuple[str, ...] = ()) -> Svid:
    return authority.issue(f"spiffe://{path}", not_before=NOW - 60, not_after=NOW + 3600 * 24 * 365, hosts=hosts)


def identity(svid: Svid | None = None) -> OwnIdentity:
    bundles = {"example.org": (OURS.certificate,)}
    chain, key = (svid.chain, svid.key) if svid else ((), None)
    return OwnIdentity(trust_domain="example.org", chain=chain, key=key, bundles=bundles)


LISTED = Target(key=TargetKey("prod", "search", "search-0"))
HTTPS = locate("https://10.0.0.7/metrics")[0]


@dataclass
class Provider:
    current: OwnIdentity | None = None
    confirmed: bool = True


@dataclass
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


def outbound(
    provider: Provider | None = None, clock: Clock | None = None, *, doubt: str = "", **given: object
) -> Outbound:
    settings = OutboundSettings.model_validate(given)
    known = SourceContext(provider or Provider(), clock or Clock(), Clock(), Names(), clock_doubt=lambda: doubt)
    return Outbound(settings, known)


@asynccontextmanager
async def tls_server(svid: Svid | Served, home: Path, *, wants_client: bool = False) -> AsyncIterator[str]:
    certificate, key = svid.write(home)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if wants_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=OURS.bundle_pem.decode())
    async with pages.serving(pages.answering(pages.ok(b"hello")), context) as url:
        yield url


def ask(outbound: Outbound, svid: Svid | Served, home: Path, *, wants_client: bool = False) -> bytes:
    async def main() -> bytes:
        async with tls_server(svid, home, wants_client=wants_client) as url:
            origin, path = locate(url)
            async with HTTPSession(origin, 5, 1000, outbound.tls(), names=Names()) as conversation:
                return (await conversation.ask(b"GET", path)).body

    return asyncio.run(main())


@pytest.fixture
def token(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "token"
    path.write_text("s3cret\n")
    yield path
    path.unlink(missing_ok=True)


def test_without_a_token_file_no_token_is_sent() -> None:
    assert outbound().authorization(LISTED, HTTPS) == b""


def test_the_token_is_read_again_when_its_file_changes_but_not_at_every_look(token: Path) -> None:
    clock = Clock()
    sender = outbound(clock=clock, bearer_token_file=token)
    assert sender.authorization(LISTED, HTTPS) == b"Authorization: Bearer s3cret\r\n"
    token.write_text("another")
    assert sender.authorization(LISTED, HTTPS) == b"Authorization: Bearer s3cret\r\n"
    clock.now += 1
    assert sender.authorization(LISTED, HTTPS) == b"Authorization: Bearer another\r\n"


def test_a_token_that_was_swapped_like_a_mounted_secret_is_seen(tmp_path: Path) -> None:
    clock = Clock()
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (NOW, NOW))
    link = tmp_path / "token"
    link.symlink_to("one")
    sender = outbound(clock=clock, bearer_token_file=link)
    assert sender.authorization(LISTED, HTTPS) == b"Authorization: Bearer one\r\n"
    link.unlink()
    link.symlink_to("two")
    clock.now += 1
    assert sender.authorization(LISTED, HTTPS) == b"Authorization: Bearer two\r\n"


@pytest.mark.parametrize(
    "content",
    ["", "  \n", "two words", "line\r\nHost: evil", "ключ", None, pytest.param("t" * ((1 << 20) + 1), id="too long")],
)
def test_a_token_that_cannot_be_sent_is_our_trouble_and_never_left_out(token: Path, content: str | None) -> None:
    token.unlink() if content is None else token.write_text(content)
    with pytest.raises(OwnTroubleError, match="token"):
        outbound(bearer_token_file=token).authorization(LISTED, HTTPS)


def test_a_token_that_vanishes_is_not_sent_from_memory(token: Path) -> None:
    clock = Clock()
    sender = outbound(clock=clock, bearer_token_file=token)
    sender.authorization(LISTED, HTTPS)
    token.unlink()
    clock.now += 1
    with pytest.raises(OwnTroubleError):
        sender.authorization(LISTED, HTTPS)


DOUBT = "The watcher's clock is 3h0m ahead of most agents'."


@pytest.mark.parametrize("ages", [(-7200, -3600), (3600, 7200)], ids=["expired", "not valid yet"])
@pytest.mark.parametrize(("doubt", "error"), [("", TLSFailedError), (DOUBT, OwnTroubleError)])
def test_a_certificate_that_is_wrong_by_our_date_is_our_trouble_where_that_is_doubted(
    tmp_path: Path, ages: tuple[int, int], doubt: str, error: type[Exception]
) -> None:
    begin, end = ages
    served = OURS.issue("spiffe://example.org/agent", not_before=NOW + begin, not_after=NOW + end, hosts=("127.0.0.1",))
    with pytest.raises(error, match=doubt or "certificate"):
        ask(outbound(ca_file=OURS.write_bundle(tmp_path), doubt=doubt), served, tmp_path)


def test_a_certificate_of_another_authority_is_no_matter_of_dates(tmp_path: Path) -> None:
    sender = outbound(ca_file=OURS.write_bundle(tmp_path), doubt=DOUBT)
    with pytest.raises(TLSFailedError):
        ask(sender, issued(authority=OTHER, hosts=("127.0.0.1",)), tmp_path)


def test_a_ca_file_verifies_chain_and_address(tmp_path: Path) -> None:
    sender = outbound(ca_file=OURS.write_bundle(tmp_path))
    assert ask(sender, issued(hosts=("127.0.0.1",)), tmp_path) == b"hello"


@pytest.mark.parametrize(
    "svid",
    [issued(hosts=("10.0.0.1",)), issued(), issued(authority=OTHER, hosts=("127.0.0.1",))],
    ids=["other address", "no address", "other CA"],
)
def test_a_server_that_the_ca_file_does_not_verify_is_refused(svid: Svid, tmp_path: Path) -> None:
    sender = outbound(Provider(identity()), ca_file=OURS.write_bundle(tmp_path))
    with pytest.raises(TLSFailedError):
        ask(sender, svid, tmp_path)


@pytest.mark.parametrize("content", ["", "not a certificate", None])
def test_a_ca_file_that_holds_none_is_our_trouble_and_no_reason_to_trust_others(
    content: str | None, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    sender = outbound(Provider(identity()), ca_file=tmp_path / "ca.pem")
    with pytest.raises(OwnTroubleError, match=r"ca\.pem"):
        sender.tls()


@pytest.mark.parametrize("signer", [0, 1, 2])
def test_of_authorities_with_one_name_each_is_tried(tmp_path: Path, signer: int) -> None:
    authorities = [PlainAuthority(NOW) for _ in range(3)]
    served = Leaf(not_before=NOW - 60, not_after=NOW + 3600).signed_by(authorities[signer])
    bundle = (OURS.certificate, *(each.certificate for each in authorities))
    own = replace(identity(), bundles={"example.org": bundle})
    assert ask(outbound(Provider(own)), served, tmp_path) == b"hello"
    stranger = Leaf(not_before=NOW - 60, not_after=NOW + 3600).signed_by(PlainAuthority(NOW))
    with pytest.raises(
        TLSFailedError, match=r"^The certificate of .* does not verify: its signature is not that of its"
    ):
        ask(outbound(Provider(own)), stranger, tmp_path)


@pytest.mark.parametrize("signer", [0, 1, 2])
def test_each_is_tried_by_each_curve(tmp_path: Path, signer: int) -> None:
    authorities = [PlainAuthority(NOW) for _ in range(3)]
    served = Leaf(not_before=NOW - 60, not_after=NOW + 3600).signed_by(authorities[signer])
    own = replace(identity(), bundles={"example.org": tuple(each.certificate for each in authorities)})
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*served.write(tmp_path))
    context.set_ecdh_curve("secp384r1")

    def talk(connection: socket.socket) -> None:  # with an alert, which asyncio drops
        with context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(65536)
            tls.sendall(pages.ok(b"hello"))

    async def main(address: str) -> list[bytes]:
        origin, path = locate(f"https://{address}/")
        answers, sender = [], outbound(Provider(own))
        for _ in range(2):
            async with HTTPSession(origin, 5, 1000, sender.tls(), names=Names()) as conversation:
                answers.append((await conversation.ask(b"GET", path)).body)
        return answers

    with serve(talk) as address:
        assert asyncio.run(main(address)) == [b"hello"] * 2


def test_the_namesakes_of_a_ca_file_are_each_tried(tmp_path: Path) -> None:
    authorities = [PlainAuthority(NOW) for _ in range(2)]
    file = tmp_path / "ca.pem"
    file.write_bytes(b"".join(each.certificate.public_bytes(Encoding.PEM) for each in authorities))
    for each in authorities:
        served = Leaf(not_before=NOW - 60, not_after=NOW + 3600, addresses=("127.0.0.1",)).signed_by(each)
        assert ask(outbound(ca_file=file), served, tmp_path) == b"hello"


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"not_before": NOW - 7200, "not_after": NOW - 3600, "addresses": ("127.0.0.1",)}, "it has expired"),
        ({"addresses": ("127.0.0.9",)}, "it is not for this IP address"),
        ({"addresses": ()}, "it is not for this IP address"),
    ],
)
def test_why_a_certificate_does_not_verify_is_said_in_words(facts: dict[str, object], why: str, tmp_path: Path) -> None:
    served = Leaf(**({"not_before": NOW - 60, "not_after": NOW + 3600} | facts)).signed_by(OURS)  # type: ignore[arg-type]
    with pytest.raises(TLSFailedError) as caught:
        ask(outbound(ca_file=OURS.write_bundle(tmp_path)), served, tmp_path)
    assert str(caught.value).startswith("The certificate of 127.0.0.1:")
    assert str(caught.value).endswith(f" does not verify: {why}.")


def test_without_a_ca_file_a_server_has_to_have_an_svid_of_our_trust_domain(tmp_path: Path) -> None:
    sender = outbound(Provider(identity()))
    assert ask(sender, issued("example.org/agent/search"), tmp_path) == b"hello"


@pytest.mark.parametrize(
    "svid",
    [issued("partner.test/agent/search"), issued("example.org.evil.test/a"), issued("example.org/a", authority=OTHER)],
    ids=["other domain", "longer domain", "other CA"],
)
def test_a_server_that_is_none_of_ours_is_refused(svid: Svid, tmp_path: Path) -> None:
    with pytest.raises(TLSFailedError):
        ask(outbound(Provider(identity())), svid, tmp_path)


@pytest.mark.parametrize("provider", [Provider(), Provider(identity(), confirmed=False)], ids=["none", "old bundle"])
def test_what_we_have_no_sure_ca_for_is_our_trouble(provider: Provider, tmp_path: Path) -> None:
    with pytest.raises(OwnTroubleError):
        ask(outbound(provider), issued("example.org/a", authority=OTHER), tmp_path)


def test_our_svid_is_shown_where_it_is_wanted(tmp_path: Path) -> None:
    sender = outbound(Provider(identity(issued("example.org/watcher"))), client_certificate="svid")
    assert ask(sender, issued("example.org/agent"), tmp_path, wants_client=True) == b"hello"


def test_a_server_that_wants_a_certificate_and_gets_none_gives_no_answer(tmp_path: Path) -> None:
    with pytest.raises((TLSFailedError, httpx.ReadError)):
        ask(outbound(Provider(identity())), issued("example.org/agent"), tmp_path, wants_client=True)


@pytest.mark.parametrize("provider", [Provider(), Provider(identity())], ids=["no identity", "expired"])
def test_without_an_svid_to_show_nothing_is_asked(provider: Provider) -> None:
    with pytest.raises(OwnTroubleError, match="SVID"):
        outbound(provider, client_certificate="svid").tls()


def test_that_there_is_no_svid_is_told_at_each_look_without_reading_any_authority() -> None:
    sender = outbound(client_certificate="svid")

    def told() -> None:
        for _ in range(20):
            with pytest.raises(OwnTroubleError, match="SVID"):
                sender.tls()

    assert cpu_of(told) < cpu_of(ssl.create_default_context)


def test_the_authorities_of_the_system_are_read_beside_the_loop() -> None:
    sender = outbound()

    async def prepared() -> float:
        await asyncio.gather(*[sender.prepare() for _ in range(20)])
        return thread_cpu_of(sender.tls)

    assert asyncio.run(prepared()) < thread_cpu_of(ssl.create_default_context) / 4


def cpu_of(work: Callable[[], object]) -> float:
    return _spent(work, time.process_time)


def thread_cpu_of(work: Callable[[], object]) -> float:
    return _spent(work, time.thread_time)


def _spent(work: Callable[[], object], clock: Callable[[], float]) -> float:
    began = clock()
    work()
    return clock() - began


def test_a_context_lives_as_long_as_what_it_is_made_of(tmp_path: Path) -> None:
    clock, provider = Clock(), Provider(identity(issued("example.org/watcher")))
    bundle = OURS.write_bundle(tmp_path)
    sender = outbound(provider, clock, ca_file=bundle, client_certificate="svid")
    first = sender.tls().context
    clock.now += 5
    assert sender.tls().context is first
    provider.current = identity(issued("example.org/watcher"))
    second = sender.tls().context
    assert second is not first
    bundle.write_bytes(OTHER.bundle_pem + OURS.bundle_pem)
    clock.now += 5
    assert sender.tls().context is not second
