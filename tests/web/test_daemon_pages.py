"""What the daemon serves: the same truth to machines and people, whatever the agents put into their texts."""

import asyncio
import gzip
import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge, start_http_server
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from tests.servers.agents import silent
from tests.servers.daemon import PREFIX, DaemonProcess, Page, run_daemon
from tests.servers.process import eventually, status_of
from tests.servers.prometheus_server import check_metrics, run_prometheus
from tests.servers.tls_servers import serve
from tests.servers.watched_fleet import run_fleet
from tests.web.markup import Markup
from watcher.cli import main

SCRIPT = "<script>alert(1)</script>"
TEXTS = (
    SCRIPT,
    'a"b\\c',
    "two\nlines",
    "'\"><img src=x onerror=alert(2)>",
    "line\u2028separator",
    "\x1b[31mred\x7f",
    "",
)
BUNDLE = "</td><script>"
OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"


def _http(body: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close"
    return f"{head}\r\n\r\n{body}".encode()


def _status(bundle: str) -> str:
    at = "2026-11-23T09:00:00Z"
    said = {"active_revision": SCRIPT, "last_request": at, "last_successful_request": at, "code": SCRIPT}
    return json.dumps({"result": {"bundles": {bundle: said | {"last_successful_activation": at, "message": SCRIPT}}}})


@contextmanager
def opa(bundle: str, decision: str) -> Iterator[str]:
    """An OPA that says such things; the `host:port`."""

    def talk(connection: socket.socket) -> None:
        asked = connection.recv(65536)
        connection.sendall(_http(_status(bundle) if asked.startswith(b"GET") else decision))

    with serve(talk) as address:
        yield address


@dataclass(frozen=True)
class Served:
    """A daemon over one good agent and one that puts markup into every text that it can."""

    daemon: DaemonProcess
    page: Page


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("pages")
    registry = CollectorRegistry()
    breaker = Gauge("agentweave_circuit_breaker_state", SCRIPT, ["callee"], registry=registry)
    pool = Gauge("agentweave_connection_pool_active", SCRIPT, ["pool"], registry=registry)
    for text in TEXTS:
        breaker.labels(text).set(1)
        pool.labels(text).set(11)
    with ExitStack() as stack:
        fleet = stack.enter_context(run_fleet(home, "search"))
        server, _ = start_http_server(0, "127.0.0.1", registry)
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        markup = stack.enter_context(opa(BUNDLE, json.dumps({"result": SCRIPT})))
        halves = stack.enter_context(opa("\ud800", '{"result": {"allow": false, "\\ud800": "\\udfff"}}'))
        where = {"metrics": f"http://127.0.0.1:{server.server_port}/metrics?token=hunter2", "pool_capacity": 10}
        hostile = {
            "namespace": "<i>&amp;",
            "agent": "<script>?#&é",
            "pod": "p'\"\\",
            "opa": f"http://{markup}",
            **where,
        }
        half = {"namespace": "prod", "agent": "half", "opa": f"http://{halves}"}
        daemon = stack.enter_context(run_daemon(home, fleet.config(fleet.target("search"), hostile, half)))
        yield Served(daemon, daemon.says("CircuitBreakerOpen", "unknown WarmingUp", subject=SCRIPT))


def test_what_agents_say_comes_back_from_the_metrics_page_as_it_was(served: Served) -> None:
    breaker = [dict(labels) for labels in served.page.verdicts if {("probe", "breaker"), ("pod", "p'\"\\")} <= labels]
    told = {labels.get("subject", "") for labels in breaker}
    assert told == set(TEXTS)
    assert served.page.contradictions == []
    assert served.page.value("circuit_breaker_state", callee=SCRIPT, state="open") == 1


def test_what_may_be_secret_in_a_url_is_on_no_page(served: Served) -> None:
    agent = "/%3Ci%3E%26amp%3B/p'%22%5C"
    for path in ("/", f"/agents{agent}", "/api/v1/targets", f"/api/v1/targets{agent}", "/metrics"):
        answer = served.daemon.get(path)
        assert (answer.status_code, "hunter2" in answer.text) == (200, False)
    assert "?token=..." in served.daemon.get(f"/agents{agent}").text


def test_nothing_that_agents_say_becomes_markup(served: Served) -> None:
    for path in (
        "/",
        "/agents/%3Ci%3E%26amp%3B/p'%22%5C",
        "/?namespace=%3Ci%3E%26amp%3B&agent=%3Cscript%3E%3F%23%26%C3%A9",
    ):
        answer = served.daemon.get(path)
        assert answer.status_code == 200
        seen = Markup(answer.text)
        assert not seen.tags & {"script", "img", "i"}
        assert seen.handlers == []
        assert SCRIPT in seen.text
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self';")
        assert "unsafe" not in policy


def test_a_condition_that_passes_says_what_was_measured(served: Served) -> None:
    def messages() -> dict[str, str]:
        [target] = served.daemon.get("/api/v1/targets/prod/search").json()["targets"]
        return {each["condition"]: each["message"] for each in target["conditions"] if each["status"] == "false"}

    said = eventually(lambda: found if "OPADecisionSlow" in (found := messages()) else {}, within=60)
    assert re.search(r"The handshake and one request took \d+ms\.$", said["AgentUnreachable"])
    assert re.search(r"It expires in \d+m\d+s, after a lifetime of 1h\d+m\.$", said["SVIDExpired"])
    assert re.search(r"It answered 3 of 3 questions, the slowest in \d+ms\.$", said["OPAUnreachable"])
    assert re.search(r"The p95 of 20 decisions is \d+ms, the limit 100ms\.$", said["OPADecisionSlow"])
    lacking = [name for name, message in said.items() if not re.search(r"\d", message)]
    assert lacking == ["SVIDWrongIdentity"], "which names an identity"


@pytest.mark.parametrize("form", ["html", "markdown"])
def test_a_report_asked_of_a_daemon_has_the_pictures_of_each_agent(
    served: Served, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "http://{}:{}".format(*served.daemon.address)

    def reported() -> str:
        main(["readiness", "--url", url, "--output", form])
        found = capsys.readouterr()
        assert "pictures" not in found.err
        return found.out if found.out.count("As measured now") == 2 else ""

    report = eventually(reported, within=60)
    assert "Lifetime of the served SVID" in report
    assert "10 of 10 connections are in use" in report or "11 of 10 connections are in use" in report
    if form == "html":
        page = Markup(report)
        assert not page.tags & {"script", "img", "i"}
        assert SCRIPT in page.text
        ids = re.findall(r' id="([^"]+)"', report)
        assert len(ids) == len(set(ids)) > 10


def test_every_link_of_a_page_leads_somewhere(served: Served) -> None:
    links = Markup(served.daemon.get("/").text).own_links
    links |= {link for page in links if "/agents/" in page for link in Markup(served.daemon.get(page).text).own_links}
    judged = [link for link in links if link.startswith("/readiness/")]  # one agent after the other
    eventually(lambda: {served.daemon.get(link).status_code for link in judged} == {200}, within=60)
    assert len([link for link in links if link.startswith("/runbooks/")]) > 10
    assert {link: served.daemon.get(link).status_code for link in links} == dict.fromkeys(links, 200)


def test_the_api_says_what_agents_say_as_json(served: Served) -> None:
    [hostile] = served.daemon.targets("?namespace=%3Ci%3E%26amp%3B")
    assert hostile["pod"] == "p'\"\\"
    assert {each["subject"] for each in hostile["conditions"] if each["probe"] == "breaker"} == set(TEXTS)


def test_the_fleets_page_says_once_what_a_failed_look_did_not_tell(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        metrics = "http://{}:{}/metrics".format(*closed.getsockname())
    gone = {"namespace": "prod", "agent": "gone", "metrics": metrics}
    with run_fleet(tmp_path) as fleet, run_daemon(tmp_path, fleet.config(gone)) as daemon:
        daemon.says("MetricsUnavailable", "true ConnectionRefused")
        page = daemon.get("/").text
    assert "SourceFailed" not in page
    assert page.count("conditions not evaluated: the probe failed") == 1


def test_half_a_character_is_malformed_and_costs_nobody_a_page(served: Served) -> None:
    assert served.page.verdict("OPABundleStale", pod="half") == "unknown Malformed"
    assert served.page.verdict("OPAWrongAllow", pod="half") == "false"
    for path in ("/", "/agents/prod/half", "/api/v1/targets", "/api/v1/targets/prod/half"):
        assert served.daemon.get(path).status_code == 200


def test_the_page_is_in_the_format_that_is_asked_for(served: Served) -> None:
    plain, open_ = (served.daemon.get("/metrics", Accept=accept) for accept in ("*/*", OPENMETRICS))
    assert plain.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert open_.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    families = parse_openmetrics(open_.text)  # type: ignore[no-untyped-call]  # theirs
    samples = [sample for family in families for sample in family.samples]
    names = {(sample.name, frozenset(sample.labels.items())) for sample in samples}
    assert names == {(PREFIX + name, labels) for name, labels, _ in Page(plain.text).samples}


@pytest.mark.parametrize("accept", ["*/*", OPENMETRICS])
def test_the_page_is_zipped_where_that_is_accepted(served: Served, accept: str) -> None:
    asked = {"Accept": accept, "Accept-Encoding": "gzip"}
    with served.daemon.client.stream("GET", f"{served.daemon.url}/metrics", headers=asked) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["Content-Encoding"] == "gzip"
    assert f"{PREFIX}condition{{" in gzip.decompress(raw).decode()


def test_promtool_has_nothing_to_say_against_the_page(served: Served) -> None:
    assert check_metrics(served.daemon.get("/metrics").text) == []


def test_a_prometheus_scrapes_all_of_it(served: Served) -> None:
    with run_prometheus(f"{served.daemon.url}/metrics") as prometheus:
        eventually(lambda: [each.health for each in prometheus.scrapes()] == ["up"])
        eventually(lambda: prometheus.query("agentweave_watcher_condition"))
        assert prometheus.samples_lost() == 0
        assert prometheus.scrapes()[0].last_error == ""


KEYS = {
    "target": {"namespace", "agent", "pod", "address", "state", "conditions", "looks"},
    "condition": {"probe", "condition", "subject", "severity", "status", "reason", "message", "since", "runbook"},
    "look": {"source", "at", "result", "error", "duration_seconds", "evidence"},
}


@pytest.mark.parametrize("path", ["/api/v1/targets", "/api/v1/targets/prod/search"])
def test_the_api_has_the_shape_of_the_contract(served: Served, path: str) -> None:
    document = served.daemon.get(path).json()
    assert document.keys() == {"generated_at", "total", "targets", "summary"}
    for target in document["targets"]:
        assert target.keys() == KEYS["target"]
        for each in target["conditions"]:
            assert each.keys() == KEYS["condition"]
            assert each["status"] in ("true", "false", "unknown")
            assert bool(each["reason"]) == (each["status"] != "false")
            assert datetime.fromisoformat(each["since"]) <= datetime.fromisoformat(document["generated_at"])
        for look in target["looks"]:
            assert look.keys() == KEYS["look"]
            assert look["result"] in ("ok", "error", "timeout")
            assert bool(look["evidence"]) == path.endswith("search")


def test_trouble_stands_first(served: Served) -> None:
    for target in served.daemon.targets():
        statuses = [each["status"] for each in target["conditions"]]
        assert statuses == sorted(statuses, key=["true", "unknown", "false"].index)


@pytest.mark.parametrize(
    ("query", "pods"),
    [
        ("", ["search", "p'\"\\", "half"]),
        ("?namespace=prod", ["search", "half"]),
        ("?agent=search", ["search"]),
        ("?namespace=prod&agent=half", ["half"]),
        ("?namespace=nowhere", []),
        ("?status=true&namespace=prod", []),
        ("?status=true", ["p'\"\\"]),
        ("?status=false&agent=search", ["search"]),
        ("?severity=healthy", ["search"]),
        ("?condition=PoolExhausted&limit=1", ["p'\"\\"]),
    ],
)
def test_the_listing_is_filtered(served: Served, query: str, pods: list[str]) -> None:
    assert [target["pod"] for target in served.daemon.targets(query)] == pods


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/targets/prod/nobody", 404),
        ("GET", "/api/v1/targets?status=maybe", 400),
        ("GET", "/agents/prod/nobody", 404),
        ("GET", "/nothing", 404),
        ("POST", "/metrics", 405),
        ("DELETE", "/api/v1/targets/prod/search", 405),
        ("HEAD", "/metrics", 200),
        ("HEAD", "/livez", 200),
        ("HEAD", "/", 200),
        ("GET", "/livez", 200),
        ("GET", "/readyz", 200),
    ],
)
def test_every_request_has_its_status(served: Served, method: str, path: str, status: int) -> None:
    answer = served.daemon.client.request(method, served.daemon.url + path)
    assert answer.status_code == status
    if method == "HEAD":
        assert answer.content == b""


def test_callers_that_never_ask_do_not_lock_others_out(served: Served) -> None:
    with ExitStack() as idle:
        for _ in range(150):
            idle.enter_context(socket.create_connection(served.daemon.address))
        eventually(lambda: status_of(served.daemon.address[1], "/livez") == 200)


def _ask_for_ever(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(b"GET /")
        for _ in range(1000):
            connection.sendall(b"a" * 65536)


def test_a_request_without_an_end_is_cut_off(served: Served) -> None:
    before = served.daemon.rss()
    with pytest.raises(ConnectionError):
        _ask_for_ever(served.daemon.address)
    assert served.daemon.rss() - before < 16 << 20


def test_ready_is_said_after_the_first_round_and_not_before(tmp_path: Path) -> None:
    with silent() as nowhere:
        patient = {"interval": "2500ms", "timeout": "2s"}
        config = {
            "sources": {"handshake": patient},
            "discovery": {"static": [{"namespace": "prod", "agent": "search", "address": nowhere}]},
        }
        with run_daemon(tmp_path, config, wait_for="/livez") as daemon:
            assert daemon.get("/readyz").status_code == 503
            eventually(lambda: daemon.get("/readyz").status_code == 200)
            assert daemon.page().verdict("AgentUnreachable") == "unknown NeverReached"
            assert daemon.get("/livez").status_code == 200


def test_a_page_that_five_hundred_ask_for_at_once_holds_up_no_health(served: Served) -> None:
    async def crowd() -> tuple[httpx.Response, list[httpx.Response | BaseException]]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits, base_url=served.daemon.url) as client:
            asked = [asyncio.create_task(client.get("/")) for _ in range(500)]
            await asyncio.sleep(0)
            health = await client.get("/livez")
            return health, await asyncio.gather(*asked, return_exceptions=True)

    health, answers = asyncio.run(crowd())
    assert health.status_code == 200
    refused = [each for each in answers if isinstance(each, BaseException)]
    assert all(isinstance(each, httpx.TransportError) for each in refused), "cut for another, and nothing else"
    statuses = {each.status_code for each in answers if isinstance(each, httpx.Response)}
    assert statuses in ({200}, {200, 503})
    assert served.daemon.get("/").status_code == 200


def test_a_caller_that_breaks_off_in_the_middle_costs_nothing(served: Served) -> None:
    for _ in range(3):
        with served.daemon.client.stream("GET", f"{served.daemon.url}/metrics") as answer:
            assert next(answer.iter_raw(1))
    assert served.daemon.get("/livez").status_code == 200
    assert not [line for line in served.daemon.log() if line["level"] in ("error", "critical")]
