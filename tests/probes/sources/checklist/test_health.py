"""What the source `health` reads from real servers of several makes, and from some that lie, flood or fall silent."""

import asyncio
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import web
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from probes.contract import Fault, OwnIdentity, SourceContext, Target, TargetKey
from probes.contract.target import KubeletProbe
from probes.controls.sdk.loading import load_sdk_facts
from probes.readings.health.answer import HealthAnswer, Outcome, Way
from probes.readings.health.document import Component, HealthState
from probes.sources.checklist.health import BETWEEN, CARD, HEALTH, READY, HealthSettings, HealthSource
from probes.sources.names import Names
from tests.servers.agents import silent
from tests.servers.go_peer import run_go_peer
from tests.servers.nginx import run_nginx
from tests.servers.tls_servers import (
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
from watcher.demo.agent import MutualTLS
from watcher.demo.authority import Authority, Svid

NOW = float(int(time.time()))
OURS = Authority("example.org", NOW)
THEIRS = Authority("partner.test", NOW)
SEARCH = "spiffe://example.org/agent/search"
SVID = OURS.issue(SEARCH, not_before=NOW - 10, not_after=NOW + 3600)
EXPIRED = OURS.issue(SEARCH, not_before=NOW - 90, not_after=NOW - 30)
WATCHER = OURS.issue("spiffe://example.org/watcher", not_before=NOW - 10, not_after=NOW + 3600)
ROGUE = THEIRS.issue("spiffe://partner.test/watcher", not_before=NOW - 10, not_after=NOW + 3600)
BODY = {
    "status": "healthy",
    "components": {"identity": {"status": "healthy"}, "authorization": {"status": "degraded"}, "cache": True},
}


class Provider:
    """An identity that is what the test says."""

    def __init__(self, current: OwnIdentity | None) -> None:
        self.current = current
        self.confirmed = True


def identity(svid: Svid | None = WATCHER) -> OwnIdentity:
    return OwnIdentity(
        trust_domain="example.org",
        chain=svid.chain if svid else (),
        key=svid.key if svid else None,
        bundles={"example.org": (OURS.certificate,)},
    )


class Look:
    """One look, and the pauses that it made: none of them is waited for."""

    def __init__(
        self,
        address: str,
        provider: Provider | None = None,
        *probes: KubeletProbe,
        timeout: float = 10.0,
    ) -> None:
        self.pauses: list[float] = []
        self.answer = asyncio.run(self._once(address, provider or Provider(identity()), probes, timeout))

    async def _once(
        self, address: str, provider: Provider, probes: tuple[KubeletProbe, ...], seconds: float
    ) -> HealthAnswer:
        context = SourceContext(provider, time.time, time.time, Names())
        source = HealthSource(
            HealthSettings.model_validate({"timeout": f"{seconds * 1000:.0f}ms"}), context, self._pause
        )
        key = TargetKey("prod", "search", "search-0")
        reading = await source.look(Target(key=key, address=address, kubelet_probes=probes), ())
        await source.close()
        assert isinstance(reading, HealthAnswer)
        assert len(json.dumps(reading.evidence(), default=str)) < 16384
        return reading

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


def look(address: str, provider: Provider | None = None, *probes: KubeletProbe, timeout: float = 10.0) -> HealthAnswer:
    return Look(address, provider, *probes, timeout=timeout).answer


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    OURS.write_bundle(tmp_path)
    SVID.write(tmp_path)
    return tmp_path


def _files(directory: Path) -> tuple[Path, Path, Path]:
    return directory / "svid.pem", directory / "svid.key", directory / "bundle.pem"


async def _health(_: Request) -> Response:
    return JSONResponse(BODY)


async def _ready(_: Request) -> Response:
    return JSONResponse({"status": "not_ready"}, status_code=503)


async def _card(_: Request) -> Response:
    named = [{"name": "index", "description": "Indexes."}, {"name": "search"}, {"name": "rank", "description": " "}]
    return JSONResponse({"name": "search", "capabilities": named})


APP = Starlette(routes=[Route(HEALTH, _health), Route(READY, _ready), Route(CARD, _card)])


@contextmanager
def uvicorn(directory: Path, app: Starlette = APP) -> Iterator[str]:
    certificate, key, bundle = _files(directory)
    with run_uvicorn(certificate=certificate, key=key, client_ca=bundle, app=app) as address:
        yield address


@contextmanager
def aiohttp_server(directory: Path) -> Iterator[str]:
    """The same paths by aiohttp, in a thread of its own."""
    certificate, key, bundle = _files(directory)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER, cafile=None)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(bundle)
    context.verify_mode = ssl.CERT_REQUIRED
    loop, listener = asyncio.new_event_loop(), socket.create_server(("127.0.0.1", 0))

    async def health(_: web.Request) -> web.Response:
        return web.json_response(BODY)

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_get(HEALTH, health)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.SockSite(runner, listener, ssl_context=context).start()
        return runner

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    runner = asyncio.run_coroutine_threadsafe(start(), loop).result()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def old_http(directory: Path) -> Iterator[str]:
    """The demo's agent: HTTP/1.0, a connection for each request."""
    certificate, key, bundle = map(str, _files(directory))
    server = MutualTLS(0, certificate, key, bundle)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_health_readiness_and_card_are_read_over_one_connection(directory: Path) -> None:
    with uvicorn(directory) as address:
        seen = Look(address)
    answer = seen.answer
    assert (answer.way, answer.fault, answer.error) == (Way.MTLS, None, "")
    assert answer.health is not None
    assert (answer.health.status, answer.health.content_type) == (200, "application/json")
    assert answer.health.document is not None
    assert answer.health.document.state is HealthState.HEALTHY
    assert answer.health.document.components == (
        Component("identity", HealthState.HEALTHY),
        Component("authorization", HealthState.DEGRADED),
        Component("cache", HealthState.HEALTHY),
    )
    assert answer.ready is not None
    assert (answer.ready.status, answer.ready.ill) == (503, True)
    assert answer.card is not None
    assert (answer.card.capabilities, answer.card.undescribed, answer.card.names) == (3, 2, ("search", "rank"))
    assert seen.pauses == []
    assert answer.summary == "/health 200, healthy, 3 components"
    assert answer.cpu > 0


def test_aiohttp_answers_health_and_has_neither_readiness_nor_card(directory: Path) -> None:
    with aiohttp_server(directory) as address:
        seen = Look(address)
    assert seen.answer.health is not None
    assert seen.answer.health.status == 200
    assert seen.answer.ready is not None
    assert seen.answer.ready.status == 404
    assert seen.answer.card is None
    assert seen.pauses == []


def test_go_answers_health_to_members_of_the_trust_domain(directory: Path) -> None:
    certificate, key, bundle = _files(directory)
    with run_go_peer(certificate=certificate, key=key, bundle=bundle, trust_domain="example.org") as address:
        answer = look(address)
    assert answer.way is Way.MTLS
    assert answer.health is not None
    assert answer.health.status == 200


def test_a_server_that_closes_each_connection_meets_the_next_one_after_a_pause(directory: Path) -> None:
    with old_http(directory) as address:
        seen = Look(address)
    assert seen.answer.health is not None
    assert seen.answer.health.status == 200
    assert seen.answer.card is not None  # it says the same whatever it is asked
    assert seen.pauses == [BETWEEN, BETWEEN]


def test_an_agent_whose_certificate_has_expired_is_read_all_the_same(directory: Path) -> None:
    EXPIRED.write(directory)
    with uvicorn(directory) as address:
        seen = Look(address)
    assert (seen.answer.way, seen.pauses) == (Way.EXPIRED, [BETWEEN])
    assert seen.answer.health is not None
    assert seen.answer.health.status == 200
    assert "by mTLS with an expired certificate" in seen.answer.summary


class Ending(Provider):
    """An identity whose SVID ends in the middle of a look."""

    def __init__(self) -> None:
        self.current = identity()

    @property
    def confirmed(self) -> bool:  # type: ignore[override]  # it is asked last before the first connection
        """Whether its bundles were confirmed lately."""
        self.current = None
        return True


def test_a_look_ends_with_the_svid_that_it_began_with(directory: Path) -> None:
    EXPIRED.write(directory)
    with uvicorn(directory) as address:
        answer = look(address, Ending())
    assert answer.way is Way.EXPIRED
    assert answer.health is not None


def over_tls(files: tuple[Path, Path], then: Callable[[ssl.SSLSocket], None]) -> Talk:
    """Do this once the handshake is over."""

    def talk(connection: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        with context.wrap_socket(connection, server_side=True) as tls, suppress(OSError):
            then(tls)

    return talk


def noting(words: list[bytes]) -> Callable[[ssl.SSLSocket], None]:
    """Answer, and note what was asked."""

    def answer(tls: ssl.SSLSocket) -> None:
        while heard := tls.recv(65536):
            words.append(heard)
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    return answer


@pytest.mark.parametrize("svid", [ROGUE, OURS.issue("spiffe://other.org/a", not_before=NOW - 9, not_after=NOW + 9e4)])
def test_nobody_is_asked_whose_certificate_is_not_to_be_trusted(tmp_path: Path, svid: Svid) -> None:
    words: list[bytes] = []
    with serve(over_tls(svid.write(tmp_path), noting(words))) as address:
        answer = look(address)
    assert (answer.way, answer.health, answer.fault) == (Way.UNVERIFIED, None, None)
    assert words == []
    assert "does not verify" in answer.error or "no SVID of example.org" in answer.error


def test_requests_say_who_asks_and_carry_no_credentials(tmp_path: Path) -> None:
    words: list[bytes] = []
    with serve(over_tls(SVID.write(tmp_path), noting(words))) as address:
        look(address)
    asked = b"".join(words)
    assert [line for line in asked.split(b"\r\n") if line.startswith(b"GET")] == [
        b"GET %b HTTP/1.1" % path.encode() for path in (HEALTH, READY, CARD)
    ]
    assert asked.count(b"User-Agent: agentweave-watcher\r\n") == 3
    assert b"authorization" not in asked.lower()
    assert b"cookie" not in asked.lower()


REFUSERS = ("nginx", "nginx 1.2", "Python 1.2")


def strict(directory: Path, make: str) -> AbstractContextManager[str]:
    """Servers of different makes that insist on a client certificate of ours."""
    certificate, key, bundle = _files(directory)
    match make:
        case "nginx":
            return run_nginx(certificate=certificate, key=key, client_ca=bundle)
        case "nginx 1.2":
            return run_nginx(certificate=certificate, key=key, client_ca=bundle, protocols=("TLSv1.2",))
        case "uvicorn":
            return uvicorn(directory)
        case "Go":
            return run_go_peer(certificate=certificate, key=key, bundle=bundle, trust_domain="example.org")
        case "Python 1.2":
            return serve(standard_tls(certificate, key, client_ca=bundle, only=ssl.TLSVersion.TLSv1_2))
    return serve(standard_tls(certificate, key, client_ca=bundle))


@pytest.mark.parametrize("make", REFUSERS)
def test_that_our_certificate_is_refused_is_said_where_the_server_says_so(directory: Path, make: str) -> None:
    with strict(directory, make) as address:
        answer = look(address, Provider(identity(ROGUE)))
    assert (answer.way, answer.health, answer.fault) == (Way.REFUSED, None, None), answer.error
    assert answer.error


@pytest.mark.parametrize("make", ["uvicorn", "Go", "Python"])
def test_a_server_that_drops_the_connection_with_its_alert_is_not_read(directory: Path, make: str) -> None:
    with strict(directory, make) as address:
        answer = look(address, Provider(identity(ROGUE)))
    assert answer.health is None
    dropped = (Way.NONE, Fault.RESET)  # asyncio always; others where their reset overtakes the alert
    assert (answer.way, answer.fault) in ((dropped,) if make == "uvicorn" else (dropped, (Way.REFUSED, None)))


@pytest.mark.parametrize("provider", [Provider(None), Provider(identity(None))])
def test_without_an_svid_of_its_own_the_watcher_asks_nobody(provider: Provider) -> None:
    answer = look("127.0.0.1:1", provider)
    assert (answer.fault, answer.error) == (Fault.OURS, "The watcher has no valid SVID to show.")


def test_a_port_that_speaks_plaintext_alone_is_asked_in_plaintext() -> None:
    page = b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"status": "ok"}'
    for otherwise in (hear, leave, reset):
        with serve(plain_http(page, otherwise=otherwise)) as address:
            answer = look(address, timeout=1.0)
        assert answer.way is Way.PLAINTEXT
        assert answer.health is not None
        assert answer.health.status == 200
        assert answer.error == f"{address} answers in plaintext, and speaks no TLS."


def test_a_port_of_tls_that_answers_plain_requests_with_400_speaks_no_plaintext() -> None:
    page = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"
    with serve(plain_http(page, otherwise=leave)) as address:
        answer = look(address)
    assert (answer.way, answer.health) == (Way.NONE, None)


NO_ANSWER: Mapping[str, tuple[Talk, Fault | None]] = {
    "never answers": (hear, Fault.STALLED),
    "closes": (leave, Fault.RESET),
    "resets": (reset, None),  # at times while the connection is still being made
    "half a handshake": (speak_tls(tls_context(SVID), records=1), Fault.STALLED),
    "half a handshake, cut": (speak_tls(tls_context(SVID), records=1, then=reset), Fault.RESET),
    "handshake, no answer": (speak_tls(tls_context(SVID), b""), Fault.STALLED),
    "half an answer": (speak_tls(tls_context(SVID), b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), Fault.STALLED),
    "drips": (drip(b"\x16\x03\x03" * 1000, 0.05), None),
    "talks of something else": (say(b"220 mail.example.org ESMTP\r\n"), None),
    "closes when spoken to": (when_spoken_to(leave), Fault.RESET),
}


@pytest.mark.parametrize("kind", NO_ANSWER)
def test_a_port_without_an_answer_is_no_answer_and_ends_in_time(kind: str) -> None:
    talk, fault = NO_ANSWER[kind]
    began = time.monotonic()
    with serve(talk) as address:
        answer = look(address, timeout=0.6)
        took = time.monotonic() - began
    assert answer.health is None
    assert answer.way in (Way.NONE, Way.UNVERIFIED)
    if fault is not None:
        assert answer.fault is fault
    assert answer.error
    assert took < 5


def test_a_port_that_is_silent_or_refuses_is_asked_once() -> None:
    with silent() as address:
        seen = Look(address, timeout=0.4)
    assert (seen.answer.fault, seen.pauses) == (Fault.SILENT, [])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    refused = Look(f"127.0.0.1:{port}")
    assert (refused.answer.fault, refused.pauses) == (Fault.REFUSED, [])


def flood(size: int) -> Callable[[ssl.SSLSocket], None]:
    """So many bytes of an answer that says how many there are, or with 0 one without end."""

    def answer(tls: ssl.SSLSocket) -> None:
        tls.recv(65536)
        length = b"Content-Length: %d\r\n" % size if size else b""
        tls.sendall(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")
        while True:
            tls.sendall(b"x" * 65536)

    return answer


@pytest.mark.parametrize("size", [100_000_000, 0])
def test_of_a_hundred_megabytes_next_to_nothing_is_read(tmp_path: Path, size: int) -> None:
    with serve(over_tls(SVID.write(tmp_path), flood(size))) as address:
        answer = look(address)
    assert answer.way is Way.MTLS
    assert answer.health is not None
    assert (answer.health.status, answer.health.document) == (None, None)
    assert "larger than 128.0 KiB" in answer.health.trouble
    assert answer.cpu < 0.1


def test_html_is_read_as_such_and_named(directory: Path) -> None:
    async def page(_: Request) -> Response:
        return HTMLResponse("<html><script>alert(1)</script></html>")

    with uvicorn(directory, Starlette(routes=[Route(HEALTH, page)])) as address:
        answer = look(address)
    assert answer.health is not None
    assert (answer.health.status, answer.health.content_type) == (200, "text/html")
    assert answer.health.document is not None
    assert answer.health.document.problem == "HTML"
    assert answer.error == f"The body of /health of {address} is HTML."


def test_a_redirect_is_followed_once_and_on_the_same_origin_only(directory: Path) -> None:
    followed: list[str] = []

    async def slash(request: Request) -> Response:
        followed.append(request.url.path)
        return RedirectResponse("/health/")

    async def elsewhere(_: Request) -> Response:
        return RedirectResponse("http://127.0.0.1:1/health?token=s3cret")

    routes = [Route(HEALTH, slash), Route("/health/", _health), Route(READY, elsewhere)]
    with uvicorn(directory, Starlette(routes=routes)) as address:
        answer = look(address)
    assert followed == ["/health"]
    assert answer.health is not None
    assert (answer.health.status, answer.health.points_to) == (200, "")
    assert answer.ready is not None
    assert (answer.ready.status, answer.ready.points_to) == (307, "http://127.0.0.1:1/health?token=...")


def test_a_circle_of_redirects_ends(directory: Path) -> None:
    async def round_and_round(_: Request) -> Response:
        return RedirectResponse("/health")

    with uvicorn(directory, Starlette(routes=[Route(HEALTH, round_and_round)])) as address:
        answer = look(address)
    assert answer.health is not None
    assert (answer.health.status, answer.health.points_to) == (307, f"https://{address}/health")


# What a kubelet is answered.


def probe(port: int, path: str = "/health", *, secure: bool = False) -> KubeletProbe:
    return KubeletProbe("liveness", secure, port, path)


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def asked(answer: HealthAnswer) -> list[tuple[Outcome, int | None]]:
    return [(each.outcome, each.status) for each in answer.kubelet]


def test_a_health_port_without_tls_is_asked_as_a_kubelet_asks(directory: Path) -> None:
    with uvicorn(directory) as address, run_nginx(pages={"/live": "ok"}) as plain:
        port = _port(plain)
        seen = Look(address, None, probe(port, "/live"), probe(port, "/gone"), probe(port, "/live"))
    assert asked(seen.answer) == [(Outcome.ANSWERED, 200), (Outcome.ANSWERED, 404), (Outcome.ANSWERED, 200)]
    assert seen.pauses == [BETWEEN, BETWEEN]  # the same question is asked once


@pytest.mark.parametrize("make", ["nginx", "nginx 1.2", "Python", "Python 1.2", "Go", "uvicorn"])
def test_a_probe_on_a_port_that_requires_client_certificates_is_told(directory: Path, make: str) -> None:
    with strict(directory, make) as address:
        answer = look(address, None, probe(_port(address), secure=True))
    assert answer.way is Way.MTLS
    assert [each.outcome for each in answer.kubelet] == [Outcome.NEEDS_CERTIFICATE]


@pytest.mark.parametrize("make", ["nginx", "Python", "Go", "uvicorn"])
def test_a_probe_by_plain_http_on_a_port_of_tls_is_told(directory: Path, make: str) -> None:
    with strict(directory, make) as address:
        answer = look(address, None, probe(_port(address)))
    assert [each.outcome for each in answer.kubelet] == [Outcome.NEEDS_TLS]


def test_a_probe_by_https_is_answered_where_nobody_asks_for_a_certificate(directory: Path) -> None:
    certificate, key, _ = _files(directory)
    with run_nginx(certificate=certificate, key=key) as address:
        port = _port(address)
        answer = look(address, None, probe(port, secure=True), probe(port, "/nothing", secure=True))
    assert asked(answer) == [(Outcome.ANSWERED, 200), (Outcome.ANSWERED, 404)]


def test_a_probe_by_https_on_a_plaintext_port_is_told(directory: Path) -> None:
    with uvicorn(directory) as address, run_nginx() as plain:
        answer = look(address, None, probe(_port(plain), secure=True))
    assert asked(answer) == [(Outcome.SPEAKS_NO_TLS, None)]


def test_a_probe_on_a_port_that_cannot_be_reached_from_here_is_said_to_be_so(directory: Path) -> None:
    with silent() as nowhere, uvicorn(directory) as address:
        answer = look(address, None, probe(_port(nowhere)), timeout=1.0)
    assert asked(answer) == [(Outcome.UNREACHABLE, None)]
    assert answer.kubelet[0].trouble


def test_a_probe_of_a_flood_is_answered(directory: Path) -> None:
    page = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"
    with uvicorn(directory) as address, serve(plain_http(page)) as plain:
        answer = look(address, None, probe(_port(plain)))
    assert asked(answer) == [(Outcome.ANSWERED, None)]


def test_what_stands_behind_a_probes_path_is_shown_nowhere(directory: Path) -> None:
    with uvicorn(directory) as address, run_nginx() as plain:
        answer = look(address, None, probe(_port(plain), "/health?key=s3cret"))
    assert asked(answer) == [(Outcome.ANSWERED, 200)]
    assert "s3cret" not in json.dumps(answer.evidence(), default=str)


def test_the_paths_of_every_known_sdk_are_among_those_that_are_asked() -> None:
    assert all(set(version.health_paths) <= {HEALTH, READY} for version in load_sdk_facts().versions)
