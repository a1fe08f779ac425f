"""The real servers that other tests stand on do what those tests take for granted."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from tests.servers.bundle_server import BundleServer, run_bundle_server
from tests.servers.go_peer import run_go_peer
from tests.servers.nginx import run_nginx
from tests.servers.opa_server import OPAServer, fetch_bundle, run_opa
from tests.servers.process import eventually
from tests.servers.prometheus_server import PrometheusServer, Scrape, check_metrics, run_prometheus
from tests.servers.uvicorn_tls import run_uvicorn
from watcher.demo.authority import Authority

ALLOW = "package agentweave.authz\nimport rego.v1\ndefault allow := false\nallow if input.action == {}\n"
DECISION = "agentweave/authz/allow"


@pytest.fixture(scope="module")
def opa() -> Iterator[OPAServer]:
    with run_opa({"authz.rego": ALLOW.format('"index"')}) as server:
        yield server


@pytest.mark.parametrize(
    ("path", "action", "answer"),
    [(DECISION, "index", {"result": True}), (DECISION, "drop", {"result": False}), ("agentweave/none", "index", {})],
)
def test_opa_allows_denies_and_leaves_undefined(
    opa: OPAServer, path: str, action: str, answer: dict[str, bool]
) -> None:
    assert opa.decide(path, {"action": action}) == answer


def test_opa_that_does_not_start_shows_its_log() -> None:
    with pytest.raises(RuntimeError, match="rego_parse_error"), run_opa({"broken.rego": "package"}):
        pass


@pytest.fixture
def bundles() -> Iterator[BundleServer]:
    with run_bundle_server() as server:
        server.publish("one", {"authz.rego": ALLOW.format('"index"')})
        yield server


@pytest.fixture
def bundled_opa(bundles: BundleServer) -> Iterator[OPAServer]:
    with run_opa({}, config=fetch_bundle(bundles.url)) as server:
        eventually(lambda: server.bundle_status("authz").get("active_revision") == "one")
        yield server


def test_opa_takes_over_a_new_bundle(bundles: BundleServer, bundled_opa: OPAServer) -> None:
    assert bundled_opa.decide(DECISION, {"action": "drop"}) == {"result": False}
    bundles.publish("two", {"authz.rego": ALLOW.format('"drop"')})
    eventually(lambda: bundled_opa.bundle_status("authz").get("active_revision") == "two")
    assert bundled_opa.decide(DECISION, {"action": "drop"})["result"] is True


def test_the_last_successful_request_stands_still_once_the_bundle_server_is_gone(
    bundles: BundleServer, bundled_opa: OPAServer
) -> None:
    bundles.stop()
    before = eventually(lambda: _failed(bundled_opa))
    after = eventually(lambda: _failed(bundled_opa, after=before["last_request"]))
    assert after["last_successful_request"] == before["last_successful_request"]
    assert after["active_revision"] == "one"
    assert httpx.get(f"{bundled_opa.url}/health?bundles").status_code == 200


@pytest.mark.parametrize(
    "publish", [BundleServer.publish_garbage, lambda server: server.publish("two", {"a.rego": "package"})]
)
def test_a_broken_bundle_leaves_the_old_one_active(
    bundles: BundleServer, bundled_opa: OPAServer, publish: Callable[[BundleServer], None]
) -> None:
    publish(bundles)
    status = eventually(lambda: _failed(bundled_opa))
    assert status["active_revision"] == "one"
    assert bundled_opa.decide(DECISION, {"action": "index"})["result"] is True


def _failed(opa: OPAServer, *, after: str = "") -> dict[str, str]:
    status: dict[str, str] = opa.bundle_status("authz")
    return status if "code" in status and status["last_request"] > after else {}


@dataclass(frozen=True)
class Pki:
    """PEM files of one trust domain: a server's, and a client's in a TLS context."""

    certificate: Path
    key: Path
    bundle: Path
    member: ssl.SSLContext
    stranger: ssl.SSLContext


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    now = time.time()
    authority = Authority("example.org", now)
    svid = authority.issue("spiffe://example.org/a", not_before=now - 60, not_after=now + 3600, hosts=["127.0.0.1"])
    home = tmp_path_factory.mktemp("pki")
    certificate, key = svid.write(home)
    bundle = authority.write_bundle(home)
    member = ssl.create_default_context(cafile=bundle)
    member.load_cert_chain(certificate, key)
    return Pki(certificate, key, bundle, member, ssl.create_default_context(cafile=bundle))


def _nginx(pki: Pki) -> AbstractContextManager[str]:
    return run_nginx(certificate=pki.certificate, key=pki.key, client_ca=pki.bundle)


def _uvicorn(pki: Pki) -> AbstractContextManager[str]:
    return run_uvicorn(certificate=pki.certificate, key=pki.key, client_ca=pki.bundle)


def _go_peer(pki: Pki) -> AbstractContextManager[str]:
    return run_go_peer(certificate=pki.certificate, key=pki.key, bundle=pki.bundle, trust_domain="example.org")


@pytest.mark.parametrize("server", [_nginx, _uvicorn, _go_peer])
def test_a_tls_server_answers_members_and_no_strangers(
    pki: Pki, server: Callable[[Pki], AbstractContextManager[str]]
) -> None:
    with server(pki) as address:
        assert _get(address, pki.member) == 200
        assert _get(address, pki.stranger) != 200
    assert _get(address, pki.member) == "ConnectError"


def test_nginx_speaks_only_the_tls_versions_that_it_is_given(pki: Pki) -> None:
    old = ssl.create_default_context(cafile=pki.bundle)
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with run_nginx(certificate=pki.certificate, key=pki.key, protocols=["TLSv1.3"]) as address:
        assert _get(address, pki.stranger) == 200
        assert _get(address, old) == "ConnectError"


def test_nginx_serves_the_pages_that_it_is_given_in_plain_text() -> None:
    with run_nginx(pages={"/metrics": "up 1\n"}) as address:
        assert httpx.get(f"http://{address}/metrics", trust_env=False).text == "up 1\n"


def test_nginx_that_does_not_start_shows_its_log(tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    with pytest.raises(RuntimeError, match=r"cannot load certificate"), run_nginx(certificate=missing, key=missing):
        pass


def _get(address: str, context: ssl.SSLContext) -> int | str:
    try:
        return httpx.get(f"https://{address}/health", verify=context, trust_env=False).status_code
    except httpx.TransportError as error:
        return type(error).__name__


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    registry = CollectorRegistry()
    Gauge("pool_in_use", "Connections in use.", ["pool"], registry=registry).labels("a").set(7)
    server, thread = start_http_server(0, "127.0.0.1", registry)
    yield f"http://127.0.0.1:{server.server_port}/metrics"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def prometheus(page: str) -> Iterator[PrometheusServer]:
    bad = {"/twice": 'a{b="c"} 1\na{b="c"} 2\n', "/torn": "a{ 1\n"}
    with (
        run_nginx(pages=bad) as address,
        run_prometheus(page, f"http://{address}/twice", f"http://{address}/torn") as server,
    ):
        eventually(lambda: sorted(scrape.health for scrape in server.scrapes()) == ["down", "up", "up"], within=20)
        yield server


def test_prometheus_scrapes_a_page(prometheus: PrometheusServer, page: str) -> None:
    (series,) = prometheus.query("pool_in_use")
    assert (series.value, series.labels["pool"]) == (7, "a")
    assert Scrape(page, "up", "") in prometheus.scrapes()


def test_prometheus_says_what_it_cannot_read(prometheus: PrometheusServer) -> None:
    (torn,) = (scrape for scrape in prometheus.scrapes() if scrape.health == "down")
    assert torn.url.endswith("/torn")
    assert torn.last_error


def test_a_series_that_a_page_has_twice_is_a_sample_lost(prometheus: PrometheusServer) -> None:
    assert prometheus.samples_lost() == 1


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        ("# HELP a_seconds Time.\n# TYPE a_seconds gauge\na_seconds 1\n", None),
        ("# TYPE a_seconds gauge\na_seconds 1\n", "a_seconds no help text"),
        ("a{ 1\n", "error while linting"),
    ],
)
def test_promtool_has_nothing_against_a_good_page_only(page: str, complaint: str | None) -> None:
    complaints = check_metrics(page)
    assert complaint in complaints[0] if complaint else complaints == []
