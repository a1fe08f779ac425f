"""How a page is asked for: as Prometheus asks, and one redirect on the same origin is followed."""

import asyncio
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, make_asgi_app
from starlette.applications import Starlette
from starlette.routing import Mount

from probes.contract import OwnIdentity, Source, SourceContext, Target, TargetKey
from probes.contract.signal import REQUESTS, START_TIME
from probes.readings.metrics_page import MetricsPage, PageTrouble
from probes.slo.durations import DURATION
from probes.sources.agent_metrics import KIND, AgentMetricsSettings
from probes.sources.names import Names
from probes.sources.pages.request import ACCEPT
from tests.probes.judged import slow
from tests.servers import metrics_pages as pages
from tests.servers.process import eventually
from tests.servers.prometheus_server import run_prometheus
from tests.servers.tools import need
from tests.servers.uvicorn_tls import run_uvicorn
from watcher.demo.authority import Authority

FULL = b"process_start_time_seconds 1\nagentweave_requests_total 2\n"
WANTS = (START_TIME, REQUESTS)


class Provider:
    """An identity, if any."""

    confirmed = True

    def __init__(self, current: OwnIdentity | None = None) -> None:
        self.current = current


def opened(identity: OwnIdentity | None = None, **given: object) -> Source:
    settings = AgentMetricsSettings.model_validate(given)
    return KIND.open(settings, SourceContext(Provider(identity), lambda: 0.0, lambda: 0.0, Names()))


async def look(url: str, source: Source | None = None, wants: tuple[object, ...] = WANTS) -> MetricsPage:
    target = Target(key=TargetKey("prod", "search", "search-0"), metrics=url)
    page = await (source or opened()).look(target, wants)
    assert isinstance(page, MetricsPage)
    return page


class Server:
    """Answers by the path of a request, and notes what it was asked."""

    def __init__(self, answers: dict[str, Callable[[str], bytes]]) -> None:
        self.answers, self.asked = answers, list[str]()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head)
        writer.write(self.answers[head.split(" ")[1].partition("?")[0]](head))


def look_at(answers: dict[str, Callable[[str], bytes]]) -> tuple[MetricsPage, Server, str]:
    server = Server(answers)

    async def main() -> tuple[MetricsPage, str]:
        async with pages.serving(server) as url:
            return await look(url + "/metrics"), url

    page, url = asyncio.run(main())
    return page, server, url


def to(location: str, status: int = 307) -> Callable[[str], bytes]:
    def answer(head: str) -> bytes:
        query = head.split(" ")[1].partition("?")[2]
        where = location.replace("QUERY", f"?{query}" if query else "")
        return f"HTTP/1.1 {status} Moved\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode()

    return answer


def full(_: str) -> bytes:
    return pages.ok(FULL)


def test_a_page_is_asked_for_with_the_words_of_a_current_prometheus() -> None:
    need("prometheus")
    said = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said.append(self.headers["Accept"])
            self.send_response(503)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with run_prometheus(f"http://127.0.0.1:{server.server_port}/metrics", pinned=True):
            eventually(lambda: said)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert said[0] == ACCEPT.decode()


def test_a_server_that_has_one_format_only_is_read_by_it() -> None:
    def openmetrics_only(head: str) -> bytes:
        if "application/openmetrics-text;version=1.0.0" not in head:
            return b"HTTP/1.1 406 Not Acceptable\r\nContent-Length: 0\r\n\r\n"
        return pages.ok(FULL + b"# EOF\n", b"Content-Type: application/openmetrics-text; version=1.0.0\r\n")

    def anything_only(head: str) -> bytes:
        return full(head) if "*/*" in head else b"HTTP/1.1 406 Not Acceptable\r\nContent-Length: 0\r\n\r\n"

    for answer in (openmetrics_only, anything_only):
        page, _, _ = look_at({"/metrics": answer})
        assert (page.error, page.value(REQUESTS)) == ("", 2)


def test_a_server_that_takes_any_format_for_protobuf_is_asked_for_text() -> None:
    def negotiate(head: str) -> bytes:
        protobuf = pages.ok(b"\x0a\x00\x01", b"Content-Type: application/vnd.google.protobuf; encoding=delimited\r\n")
        return protobuf if "*/*" in head else full(head)

    page, _, _ = look_at({"/metrics": negotiate})
    assert (page.error, page.value(REQUESTS)) == ("", 2)


def test_protobuf_all_the_same_is_malformed_and_said() -> None:
    protobuf = pages.ok(b"\x0a\x00\x01", b"Content-Type: application/vnd.google.protobuf\r\n")
    page, _, _ = look_at({"/metrics": lambda _: protobuf})
    assert page.trouble is PageTrouble.MALFORMED
    assert page.error == "What was answered is not a metrics page: it is protobuf, which was not asked for."


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/metrics/QUERY", "metrics/QUERY", "?x"])
def test_one_redirect_on_the_same_origin_is_followed(status: int, location: str) -> None:
    moved = to(location, status)
    page, server, url = look_at(
        {"/metrics": lambda head: full(head) if "?x" in head else moved(head), "/metrics/": full}
    )
    assert (page.error, page.value(REQUESTS), page.status) == ("", 2, 200)
    assert page.evidence()["redirected_to"] == url + ("/metrics" if location == "?x" else "/metrics/")
    assert len(server.asked) == 4, "the filtered page and the whole one, each redirected"


def test_a_fastapi_app_with_a_mounted_metrics_app_is_read_and_its_filter_used(tmp_path: Path) -> None:
    authority = Authority("example.org", time.time())
    svid = authority.issue("spiffe://example.org/agent", not_before=time.time() - 60, not_after=time.time() + 600)
    certificate, key = svid.write(tmp_path)
    identity = OwnIdentity(
        trust_domain="example.org", chain=(), key=None, bundles={"example.org": (authority.certificate,)}
    )
    registry = CollectorRegistry()
    Counter("agentweave_requests_total", "R", ["status"], registry=registry).labels("ok").inc(7)
    durations = Histogram("agentweave_request_duration_seconds", "D", ["capability"], registry=registry)
    for number in range(50):
        for bound in Histogram.DEFAULT_BUCKETS:
            durations.labels(f"c{number}").observe(min(bound, 20.0), {"trace_id": f"{number:032x}"})
    app = Starlette(routes=[Mount("/metrics", make_asgi_app(registry))])
    with run_uvicorn(certificate=certificate, key=key, app=app) as address:
        page = asyncio.run(look(f"https://{address}/metrics", opened(identity), (REQUESTS, DURATION)))
    assert (page.error, page.filtered, page.value(REQUESTS)) == ("", True, 7)
    assert page.evidence()["redirected_to"] == f"https://{address}/metrics/"
    tally = slow(page, 0.2)
    assert getattr(tally, "requests", tally) == 750
    assert page.conformance is not None
    assert not page.conformance.refused


def test_a_redirect_to_another_origin_is_told_and_nobody_goes_there() -> None:
    elsewhere = Server({"/metrics": full})

    async def main() -> tuple[MetricsPage, str]:
        async with (
            pages.serving(elsewhere) as there,
            pages.serving(Server({"/metrics": to(there + "/metrics")})) as url,
        ):
            return await look(url + "/metrics"), there

    page, there = asyncio.run(main())
    assert (page.trouble, page.status, elsewhere.asked) == (PageTrouble.HTTP_ERROR, 307, [])
    assert page.error == (
        f"The metrics endpoint answered 307 and points to {there}/metrics, on another origin, where the watcher does "
        f"not follow. "
        "If that is the agent's metrics endpoint, configure its URL as `metrics`."
    )


@pytest.mark.parametrize(
    "there", ["https://127.0.0.1:PORT/metrics", "http://localhost:PORT/metrics", "//127.0.0.2:PORT/"]
)
def test_another_scheme_or_host_is_another_origin(there: str) -> None:
    page, server, _ = look_at({"/metrics": lambda head: to(there.replace("PORT", _port(head)))(head)})
    assert page.trouble is PageTrouble.HTTP_ERROR
    assert "on another origin" in page.error
    assert len(server.asked) == 2, "filtered and whole, and nothing else"


def _port(head: str) -> str:
    return head.partition("Host: 127.0.0.1:")[2].partition("\r\n")[0]


def test_a_second_redirect_is_told() -> None:
    page, _, url = look_at({"/metrics": to("/a", 301), "/a": to("/b", 308), "/b": full})
    assert page.error == (
        f"The metrics endpoint answered 301, and {url}/a, where it points, 308 and points to {url}/b: only one "
        f"redirect is "
        "followed. If that is the agent's metrics endpoint, configure its URL as `metrics`."
    )


def test_a_redirect_that_leads_to_nothing_says_where_it_led() -> None:
    page, _, url = look_at({"/metrics": to("/a"), "/a": lambda _: b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"})
    assert page.error == f"The metrics endpoint answered 307, and {url}/a, where it points, 404."


@pytest.mark.parametrize(
    ("first", "second", "back"), [("/metrics", "/metrics", "/metrics"), ("/a", "/metrics", "/metrics")]
)
def test_redirects_that_lead_in_a_circle_are_told_as_such(first: str, second: str, back: str) -> None:
    page, _, url = look_at({"/metrics": to(first, 302), "/a": to(second, 302)})
    assert page.error == (
        f"The metrics endpoint answered 302, and {url}{first}, where it points, 302 and points to {url}{back}, which "
        f"was asked "
        "already: the redirects lead in a circle."
    )


def test_a_redirect_to_what_is_no_page_says_where_that_is() -> None:
    page, _, url = look_at({"/metrics": to("/login", 302), "/login": lambda _: pages.ok(pages.HTML)})
    assert page.trouble is PageTrouble.MALFORMED
    assert page.error == (
        f"The metrics endpoint answered 302, and what {url}/login answered, where it points, is not a metrics page: "
        "it starts with '<!DOCTYPE html>', which is no sample."
    )


def test_our_own_query_is_not_shown_where_a_redirect_leads_to_a_login() -> None:
    denied = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
    page, _, url = look_at({"/metrics": to("/metrics/QUERY"), "/metrics/": lambda _: denied})
    assert page.error == (
        f"The metrics endpoint answered 307, and {url}/metrics/, where it points, 401: the watcher may not read it."
    )


def test_a_redirect_that_is_not_ascii_is_read_as_utf_8() -> None:
    page, server, _ = look_at({"/metrics": to("/m\u00e9trics"), "/m%C3%A9trics": full})
    assert (page.error, page.value(REQUESTS)) == ("", 2)
    assert len(server.asked) == 4


@pytest.mark.parametrize("coding", [b"utf-8", b"UTF-8", b"identity", b"none", b""])
def test_a_content_coding_that_changes_no_byte_keeps_no_page_away(coding: bytes) -> None:
    answer = pages.ok(FULL, b"Content-Encoding: %b\r\n" % coding)
    page, _, _ = look_at({"/metrics": lambda _: answer})
    assert (page.error, page.value(REQUESTS)) == ("", 2)


@pytest.mark.parametrize("coding", ["gzip", "X-GZip", "utf-8, zstd"])
def test_a_compressed_answer_is_told_in_the_words_of_the_server(coding: str) -> None:
    answer = pages.ok(FULL, f"Content-Encoding: {coding}\r\n".encode())
    page, _, _ = look_at({"/metrics": lambda _: answer})
    assert page.error == f"The answer is encoded, which was not asked for: '{coding}'."


@pytest.mark.parametrize("location", ["", "file:///etc/passwd", "ftp://x/", "/" * 9000])
def test_a_redirect_without_a_url_that_can_be_asked_is_told(location: str) -> None:
    page, server, _ = look_at({"/metrics": to(location)})
    assert page.error == "The metrics endpoint answered 307 without an http URL to go to."
    assert len(server.asked) == 2


def test_a_password_in_a_redirect_is_not_shown() -> None:
    page, _, _ = look_at({"/metrics": to("http://me:secret@127.0.0.2:9/metrics")})
    assert "secret" not in page.error
    assert "...@127.0.0.2:9" in page.error


def test_a_token_goes_along_on_the_same_origin_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken")
    authority = Authority("example.org", time.time())
    svid = authority.issue("spiffe://example.org/agent", not_before=time.time() - 60, not_after=time.time() + 600)
    certificate, key = svid.write(tmp_path)
    bundles = {"example.org": (authority.certificate,)}
    source = opened(
        OwnIdentity(trust_domain="example.org", chain=(), key=None, bundles=bundles),
        bearer_token_file=str(tmp_path / "token"),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    elsewhere = Server({"/metrics": full})
    server = Server({"/metrics": to("/here"), "/here": to("UNKNOWN")})

    async def main() -> MetricsPage:
        async with pages.serving(elsewhere, context) as there, pages.serving(server, context) as url:
            server.answers["/here"] = to(there + "/metrics")
            return await look(url + "/metrics", source)

    page = asyncio.run(main())
    assert "on another origin" in page.error
    assert [head.split(" ")[1].partition("?")[0] for head in server.asked] == ["/metrics", "/here"] * 2
    assert all("Authorization: Bearer t0ken\r\n" in head for head in server.asked)
    assert elsewhere.asked == []
