"""One look at a metrics page: real servers, and those that lie, hide and never end."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    Summary,
    make_asgi_app,
    start_http_server,
)
from starlette.applications import Starlette
from starlette.routing import Mount

from probes.breaker.transitions import BREAKER_STATE
from probes.contract import Fault, OwnIdentity, Source, SourceContext, Target, TargetKey
from probes.contract.signal import REQUESTS, START_TIME, Absent, Row, Signal, Unreadable
from probes.pool import POOL_IN_USE
from probes.readings.metrics_page import MetricsPage, PageTrouble
from probes.sources.agent_metrics import KIND, AgentMetricsSettings
from probes.sources.names import Names
from tests.servers import metrics_pages as pages
from tests.servers.metrics_pages import Script
from tests.servers.uvicorn_tls import run_uvicorn
from watcher.demo.authority import Authority

WANTS = (START_TIME, REQUESTS, POOL_IN_USE)
FULL = b"process_start_time_seconds 1\nagentweave_requests_total 2\nagentweave_connection_pool_active 3\nother 4\n"


@dataclass
class Clock:
    now: float = 1_795_424_400.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Provider:
    current: OwnIdentity | None = None
    confirmed: bool = True


def opened(clock: Clock | None = None, identity: OwnIdentity | None = None, **given: object) -> Source:
    settings = AgentMetricsSettings.model_validate({"max_bytes": "1Mi"} | given)
    return KIND.open(settings, SourceContext(Provider(identity), clock or Clock(), Clock(), Names()))


def target(url: str, pod: str = "search-0") -> Target:
    return Target(key=TargetKey("prod", "search", pod), metrics=url)


async def look(source: Source, url: str, wants: tuple[Signal, ...] = WANTS) -> MetricsPage:
    page = await source.look(target(url), wants)
    assert isinstance(page, MetricsPage)
    return page


def look_at(script: Script, source: Source | None = None, path: str = "/metrics") -> MetricsPage:
    async def main() -> MetricsPage:
        async with pages.serving(script) as url:
            return await look(source or opened(), url + path)

    return asyncio.run(main())


@contextmanager
def library_server(registry: CollectorRegistry) -> Iterator[str]:
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def agent_registry(*, describes: bool = True) -> CollectorRegistry:
    registry = CollectorRegistry(auto_describe=describes)
    ProcessCollector(registry=registry)
    Counter("agentweave_requests", "x", ["agent_name", "status"], registry=registry).labels("search", "ok").inc(7)
    Gauge("agentweave_connection_pool_active", "x", registry=registry).set(12)
    Gauge("agentweave_circuit_breaker_state", "x", ["agent_name", "peer_id"], registry=registry)
    return registry


def test_a_page_of_the_python_library_is_asked_for_the_wanted_names_only() -> None:
    with library_server(agent_registry()) as url:
        page = asyncio.run(look(opened(), url))
    assert (page.result, page.status, page.filtered, page.fault) == ("ok", 200, True, None)
    assert (page.value(REQUESTS), page.value(POOL_IN_USE)) == (7, 12)
    started = page.value(START_TIME)
    assert isinstance(started, float)
    assert abs(started - time.time()) < 86400


def test_a_registry_of_the_python_library_that_hides_its_process_is_asked_for_the_whole_page() -> None:
    async def main(url: str) -> list[MetricsPage]:
        source = opened()
        return [await look(source, url) for _ in range(2)]

    with library_server(agent_registry(describes=False)) as url:
        seen = asyncio.run(main(url))
    assert [page.filtered for page in seen] == [False, False]
    assert all(isinstance(page.value(START_TIME), float) for page in seen)


def test_a_family_without_a_sample_is_told_from_the_whole_page_and_remembered() -> None:
    async def main(url: str) -> list[MetricsPage]:
        source = opened()
        return [await look(source, url, (*WANTS, BREAKER_STATE)) for _ in range(3)]

    with library_server(agent_registry()) as url:
        seen = asyncio.run(main(url))
    assert [page.filtered for page in seen] == [False, True, True]
    why = "The metrics endpoint has agentweave_circuit_breaker_state, but without a sample."
    assert [page.values(BREAKER_STATE) for page in seen] == [Absent(why)] * 3


def test_uvicorn_with_tls_and_an_svid_of_ours_is_read(tmp_path: Path) -> None:
    authority = Authority("example.org", time.time())
    svid = authority.issue("spiffe://example.org/agent", not_before=time.time() - 60, not_after=time.time() + 600)
    certificate, key = svid.write(tmp_path)
    bundles = {"example.org": (authority.certificate,)}
    identity = OwnIdentity(trust_domain="example.org", chain=svid.chain, key=svid.key, bundles=bundles)
    app = Starlette(routes=[Mount("/metrics", make_asgi_app(agent_registry()))])
    client_ca = authority.write_bundle(tmp_path)
    with run_uvicorn(certificate=certificate, key=key, client_ca=client_ca, app=app) as address:
        url = f"https://{address}/metrics/"
        read = asyncio.run(look(opened(identity=identity, client_certificate="svid"), url))
        refused = asyncio.run(look(opened(identity=identity), url))
    assert read.value(REQUESTS) == 7
    assert (refused.result, refused.trouble or refused.fault) in (
        ("error", PageTrouble.HTTP_ERROR),
        ("error", Fault.RESET),
    )


@dataclass
class Agent:
    """Serves `filtered` where names are asked for, else `whole`; notes what it was asked."""

    whole: bytes
    filtered: bytes
    asked: list[str] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head)
        writer.write(self.filtered if "name%5B%5D=" in head else self.whole)

    @property
    def kinds(self) -> str:
        return "".join("f" if "name%5B%5D=" in each else "w" for each in self.asked)


def looks_at(agent: Agent, source: Source, between: list[Callable[[], None]]) -> list[MetricsPage]:
    async def main() -> list[MetricsPage]:
        async with pages.serving(agent) as url:
            seen = [await look(source, url + "/metrics")]
            for step in between:
                step()
                seen.append(await look(source, url + "/metrics"))
            return seen

    return asyncio.run(main())


def nothing() -> None:
    """Between two looks nothing happens."""


def test_a_filter_that_hides_what_the_page_has_is_not_used_again_for_a_while() -> None:
    agent = Agent(whole=pages.ok(FULL), filtered=pages.ok(FULL.split(b"\n", 1)[1]))
    seen = looks_at(agent, opened(), [nothing, nothing])
    assert [page.value(START_TIME) for page in seen] == [1, 1, 1]
    assert agent.kinds == "fwww"


def test_what_a_page_lacks_is_looked_for_in_the_whole_page_now_and_then() -> None:
    clock = Clock()
    agent = Agent(whole=pages.ok(FULL.split(b"\n", 1)[1]), filtered=pages.ok(FULL.split(b"\n", 1)[1]))

    def later() -> None:
        clock.now += 1000
        agent.whole = pages.ok(FULL)

    seen = looks_at(agent, opened(clock), [nothing, later, nothing])
    assert agent.kinds == "fwffww"
    assert [isinstance(page.value(START_TIME), Absent) for page in seen] == [True, True, False, False]


def test_a_family_that_vanishes_from_the_filtered_page_is_looked_for_in_the_whole_one() -> None:
    agent = Agent(whole=pages.ok(FULL), filtered=pages.ok(FULL))

    def vanish() -> None:
        agent.filtered = pages.ok(b"agentweave_requests_total 2\n")

    seen = looks_at(agent, opened(), [nothing, vanish])
    assert agent.kinds == "fwffw"
    assert seen[-1].value(START_TIME) == 1


def test_what_a_page_is_known_to_lack_excuses_nothing_else() -> None:
    agent = Agent(whole=pages.ok(b"process_start_time_seconds 1\nagentweave_requests_total 2\n"), filtered=b"")
    agent.filtered = agent.whole

    def hide() -> None:
        agent.filtered = pages.ok(b"agentweave_requests_total 2\n")

    seen = looks_at(agent, opened(), [nothing, hide])
    assert agent.kinds == "fwffw"
    assert [page.value(START_TIME) for page in seen] == [1, 1, 1]


@pytest.mark.parametrize(
    "refusal", [b"HTTP/1.1 404 Not Found\r\n\r\n", b"HTTP/1.1 422 Nope\r\n\r\n", pages.ok(b"<html>no such page</html>")]
)
def test_a_server_that_cannot_be_asked_for_names_is_asked_for_the_page(refusal: bytes) -> None:
    agent = Agent(whole=pages.ok(FULL), filtered=refusal)
    seen = looks_at(agent, opened(), [nothing])
    assert agent.kinds == "fww"
    assert [page.error for page in seen] == ["", ""]


def test_an_agent_that_lacks_every_signal_is_absent_and_not_malformed() -> None:
    agent = Agent(whole=pages.ok(b"other 1\n"), filtered=pages.ok(b""))
    seen = looks_at(agent, opened(), [nothing])
    assert agent.kinds == "fwf"
    assert all(isinstance(page.value(START_TIME), Absent) for page in seen)


def test_what_was_learnt_of_a_page_goes_with_its_target() -> None:
    agent = Agent(whole=pages.ok(b"other 1\n"), filtered=pages.ok(b""))
    source = opened()

    async def main() -> None:
        async with pages.serving(agent) as url:
            await look(source, url + "/metrics")
            source.fleet_changed([target(url + "/metrics")])
            await look(source, url + "/metrics")
            source.fleet_changed([target("http://127.0.0.1:1/metrics")])
            await look(source, url + "/metrics")

    asyncio.run(main())
    assert agent.kinds == "fwffw"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/metrics", "GET /metrics?name%5B%5D=process_start_time_seconds&name%5B%5D="),
        ("/p?format=text", "GET /p?format=text&name%5B%5D=process_start_time_seconds&name%5B%5D="),
    ],
)
def test_the_names_are_added_to_what_the_address_says(path: str, asked: str) -> None:
    agent = Agent(whole=b"", filtered=pages.ok(FULL))
    assert look_at(agent, path=path).error == ""
    assert agent.asked[0].startswith(asked)
    assert "Accept-Encoding: identity\r\n" in agent.asked[0]


def histogram_page() -> CollectorRegistry:
    registry = CollectorRegistry()
    Histogram("took_seconds", "x", ["capability"], registry=registry, buckets=(1, 2)).labels("a").observe(1.5)
    Summary("size_bytes", "x", registry=registry).observe(5)
    return registry


def test_a_later_probe_can_want_histograms_and_summaries() -> None:
    took = Signal(name="test_took", rows=(Row(metric="took_seconds"),), suffixes=("_bucket", "_sum", "_count"))
    size = Signal(name="test_size", rows=(Row(metric="size_bytes"),), suffixes=("", "_sum", "_count"))
    with library_server(histogram_page()) as url:
        page = asyncio.run(look(opened(), url, (took, size)))
    found = page.series(took)
    assert isinstance(found, tuple)
    assert [(one.name, one.labels.get("le"), one.value) for one in found[1]] == [
        ("took_seconds_bucket", "1.0", 0),
        ("took_seconds_bucket", "2.0", 1),
        ("took_seconds_bucket", "+Inf", 1),
        ("took_seconds_sum", None, 1.5),
        ("took_seconds_count", None, 1),
    ]
    sizes = page.series(size)
    assert isinstance(sizes, tuple)
    assert [one.value for one in sizes[1]] == [5, 1]
    assert page.filtered


def openmetrics(body: bytes) -> bytes:
    return pages.ok(body, b"Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n")


@pytest.mark.parametrize(
    ("script", "trouble"),
    [
        (pages.endless, PageTrouble.TOO_LARGE),
        (pages.answering(pages.zipped(b"0" * (16 << 20))), PageTrouble.MALFORMED),
        (pages.answering(b"SSH-2.0-OpenSSH_9.2\r\n"), PageTrouble.MALFORMED),
        (Agent(pages.ok(pages.HTML), pages.ok(pages.HTML)), PageTrouble.MALFORMED),
        (Agent(pages.ok(pages.BINARY), pages.ok(pages.BINARY)), PageTrouble.MALFORMED),
        (Agent(pages.ok(b""), pages.ok(b"")), PageTrouble.MALFORMED),
        (Agent(pages.ok(b"# only a comment\n"), pages.ok(b"")), PageTrouble.MALFORMED),
        (Agent(pages.ok(b"caf\xe9 1\n"), pages.ok(b"caf\xe9 1\n")), PageTrouble.MALFORMED),
        (Agent(openmetrics(FULL), openmetrics(FULL)), PageTrouble.MALFORMED),
        (Agent(b"HTTP/1.1 500 No\r\n\r\n", b"HTTP/1.1 500 No\r\n\r\n"), PageTrouble.HTTP_ERROR),
        (Agent(b"HTTP/1.1 204 No\r\n\r\n", b"HTTP/1.1 204 No\r\n\r\n"), PageTrouble.HTTP_ERROR),
        (Agent(b"", b"HTTP/1.1 401 No\r\n\r\n"), PageTrouble.UNAUTHORIZED),
        (Agent(b"", b"HTTP/1.1 403 No\r\n\r\n"), PageTrouble.UNAUTHORIZED),
    ],
    ids=["1 GB", "gzip", "ssh", "html", "binary", "empty", "comment", "latin-1", "cut", "500", "204", "401", "403"],
)
def test_what_is_no_page_is_an_error_with_its_reason(script: Script, trouble: PageTrouble) -> None:
    page = look_at(script)
    assert (page.trouble, page.fault, page.result) == (trouble, None, "error")
    assert page.error.endswith(".")


def test_a_whole_openmetrics_page_is_read() -> None:
    page = look_at(Agent(b"", openmetrics(FULL + b"# EOF\n")))
    assert page.value(REQUESTS) == 2


@pytest.mark.parametrize(
    ("script", "fault", "result"),
    [
        (pages.dripping, Fault.STALLED, "timeout"),
        (pages.mute, Fault.STALLED, "timeout"),
        (pages.hanging_up, Fault.RESET, "error"),
    ],
)
def test_a_server_that_does_not_finish_is_a_fault_of_the_network(script: Script, fault: Fault, result: str) -> None:
    page = look_at(script, opened(timeout="300ms", interval="1s"))
    assert (page.fault, page.trouble, page.result) == (fault, None, result)


def test_the_second_request_of_a_look_has_what_the_first_left_of_the_deadline() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.25)
        writer.write(pages.ok(b"other 1\n"))

    began = time.monotonic()
    assert look_at(slow, opened(timeout="400ms", interval="1s")).fault is Fault.STALLED
    assert time.monotonic() - began < 0.7


def test_nobody_there_is_refused() -> None:
    page = asyncio.run(look(opened(), "http://127.0.0.1:1/metrics"))
    assert (page.fault, page.trouble) == (Fault.REFUSED, None)


def test_a_redirect_is_an_http_error_and_nobody_follows_it() -> None:
    elsewhere = Agent(pages.ok(FULL), pages.ok(FULL))

    async def main() -> MetricsPage:
        async with pages.serving(elsewhere) as there:
            moved = f"HTTP/1.1 302 Found\r\nLocation: {there}/metrics\r\nContent-Length: 0\r\n\r\n".encode()
            async with pages.serving(Agent(moved, moved)) as url:
                return await look(opened(), url + "/metrics")

    page = asyncio.run(main())
    assert (page.trouble, page.status, elsewhere.asked) == (PageTrouble.HTTP_ERROR, 302, [])


def test_without_its_token_the_watcher_does_not_ask_at_all() -> None:
    page = asyncio.run(look(opened(bearer_token_file="/nowhere/token"), "https://127.0.0.1:1/metrics"))
    assert (page.trouble, page.fault) == (None, Fault.OURS)
    assert page.error == "/nowhere/token cannot be read: No such file or directory."


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert look_at(Agent(b"", pages.ok(FULL))).error == ""


def test_one_signal_that_cannot_be_read_leaves_the_others() -> None:
    page = look_at(Agent(b"", pages.ok(FULL + b"agentweave_requests_total 2\n")))
    assert isinstance(page.value(REQUESTS), Unreadable)
    assert page.value(START_TIME) == 1


def test_evidence_is_the_lines_that_were_used_and_never_long() -> None:
    page = look_at(Agent(b"", pages.ok(FULL)))
    assert page.evidence() == {
        "status": 200,
        "bytes": len(FULL),
        "filtered": True,
        "lines": FULL.decode().splitlines()[:3],
    }
    many = b"".join(b'agentweave_requests_total{a="%d"} 1\n' % n for n in range(2000))
    long = look_at(Agent(b"", pages.ok(FULL + many)))
    assert len(str(long.evidence())) < 4000
    assert long.remembered().evidence() == long.evidence()
    shown = long.evidence()["lines"]
    assert isinstance(shown, list)
    at = next(place for place, line in enumerate(shown) if line.startswith("agentweave_requests_total"))
    number = next(place for place, line in enumerate(shown[at:]) if line.startswith("("))
    assert shown[at + number] == f"({2001 - number} more lines)", "one of them is in FULL"


@pytest.mark.usefixtures("no_garbage")
def test_a_page_of_100_000_callees_holds_no_other_look_up() -> None:
    lines = b"".join(b'agentweave_circuit_breaker_state{callee="agent-%06d"} 1\n' % n for n in range(100_000))

    async def main() -> tuple[MetricsPage, float]:
        longest = 0.0

        async def tick() -> None:
            nonlocal longest
            while True:
                began = time.process_time()
                await asyncio.sleep(0)
                longest = max(longest, time.process_time() - began)

        async with pages.serving(Agent(pages.ok(lines), pages.ok(lines))) as url:
            ticking = asyncio.create_task(tick())
            page = await look(opened(max_bytes="8Mi"), url, (BREAKER_STATE,))
            ticking.cancel()
        return page, longest

    page, longest = asyncio.run(main())
    assert isinstance(page.values(BREAKER_STATE), Unreadable)
    assert longest < 0.1
    assert sum(map(len, page.kept.lines)) < 1000


def test_looks_at_one_page_leave_nothing_open() -> None:
    async def main(url: str) -> int:
        source = opened()
        await asyncio.gather(*[look(source, url) for _ in range(5)])
        await source.close()
        return len(asyncio.all_tasks())

    with library_server(agent_registry()) as url:
        assert asyncio.run(main(url)) == 1


def test_a_reading_is_small() -> None:
    page = look_at(Agent(b"", pages.ok(FULL)))
    assert not hasattr(page, "__dict__")
    assert replace(page, error="x").wanted is page.wanted
