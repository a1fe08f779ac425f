"""The daemon from outside: a real fleet, faults that come and go, configs that change."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client import start_http_server

from tests.servers.agents import LIMIT, spiffe_id
from tests.servers.daemon import DaemonProcess, Page, run_daemon, verdict_lines, write_config
from tests.servers.watched_fleet import INSIDER, PACE, SOUND, SOURCES, WatchedFleet, run_fleet
from watcher.demo.authority import Authority

NAMES = ("search", "billing", "guard", "orders", "planner", "ranker")
REFUSED = "http://127.0.0.1:9"  # discard (RFC 863): nobody listens there, so it refuses


def _set(*names: str) -> frozenset[str]:
    return frozenset(names)


SVID = _set("AgentUnreachable", "TLSMissing", "SVIDExpired", "SVIDExpiryImminent") | _set(
    "SVIDRotationOverdue", "SVIDNotTrusted", "SVIDWrongIdentity"
)
DECISIONS = _set("OPAUnreachable", "OPAWrongAllow", "OPAWrongDeny", "OPAPolicyMissing") | _set(
    "OPADefaultMissing", "OPADecisionError", "OPADecisionSlow"
)
BUNDLES = _set("OPABundleStale", "OPARevisionSkew")
PAGE = _set("CircuitBreakerOpen", "CircuitBreakerFlapping", "MetricsUnavailable", "AgentRestarting") | _set(
    "MemoryDrift", "ErrorRateHigh", "LatencyHigh", "MetricsNonconformant"
)
LIMITED = _set("MemoryHigh", "MemoryExhaustionPredicted")
POOL = _set("PoolSaturated", "PoolExhausted", "PoolExhaustionPredicted")
HISTORY = _set("OPADecisionSlow", "OPARevisionSkew", "CircuitBreakerFlapping", "AgentRestarting") | _set(
    "MemoryDrift", "MemoryExhaustionPredicted", "PoolExhaustionPredicted", "ErrorRateHigh", "LatencyHigh", "CPUHigh"
)
ALL = SVID | DECISIONS | PAGE | LIMITED | POOL | _set("CPUHigh")


@dataclass
class Watching:
    """A daemon over a fleet, and a witness who reads every page that it can get."""

    fleet: WatchedFleet
    daemon: DaemonProcess
    expected: Mapping[str, frozenset[str]]  # pod -> its conditions; others are not looked at

    @contextmanager
    def witness(self) -> Iterator[list[Page]]:
        """What all pages say of conditions from here to the end of the block, as many as can be had."""
        pages: list[Page] = []
        texts: list[str] = []
        done = threading.Event()

        def scrape() -> None:
            while not done.wait(0.04):
                texts.append(verdict_lines(self.daemon.get("/metrics").text))

        thread = threading.Thread(target=scrape)
        thread.start()
        try:
            yield pages
        finally:
            done.set()
            thread.join()
            pages += map(Page, dict.fromkeys(texts))

    def objections(self, pages: Sequence[Page]) -> list[str]:
        """What was wrong with any of these pages."""
        return [each for page in pages for each in (*page.contradictions, *self._incomplete(page))]

    def _incomplete(self, page: Page) -> Iterator[str]:
        for pod, wanted in self.expected.items():
            told = page.conditions_of(pod)
            yield from (f"{pod}: neither known nor unknown: {name}" for name in wanted - told)
            yield from (f"{pod}: does not apply: {name}" for name in told - wanted - BUNDLES)

    def await_all(self, said: Callable[[Page], bool], within: float = 30.0) -> Page:
        """The first page that is so; the last one where none is, for the tests to say what is wrong with it."""
        end = time.monotonic() + within
        while not said(page := self.daemon.page()) and time.monotonic() < end:
            time.sleep(0.05)
        return page


def _config(fleet: WatchedFleet, **sections: object) -> dict[str, object]:
    targets = [fleet.target(name) for name in NAMES]
    targets[-1]["opa"] = REFUSED
    lean = fleet.target("search", pod="lean")
    only = {name: lean[name] for name in ("namespace", "agent", "pod", "metrics")}
    bare = {"namespace": "prod", "agent": "bare"}
    probes = {"opa": {"canaries": [INSIDER]}, "breaker": {"open_for": "200ms"}}
    return fleet.config(*targets, only, bare, **{"probes": probes} | sections)


@pytest.fixture(scope="module")
def watching(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watching]:
    home = tmp_path_factory.mktemp("daemon")
    with run_fleet(home, *NAMES) as fleet, run_daemon(home, _config(fleet)) as daemon:
        expected = dict.fromkeys(NAMES, ALL) | {"lean": PAGE, "bare": frozenset()}
        yield Watching(fleet, daemon, expected)


@dataclass(frozen=True)
class History:
    """The pages at the turns of a story, and all that could be had in between."""

    healthy: Page
    broken: Page
    mended: Page
    between: list[Page]


FAULTS = [
    ("search", "SVIDExpired", "", "true CertificateExpired"),
    ("search", "OPAWrongAllow", "", "true CanaryAllowed"),
    ("search", "CircuitBreakerOpen", "ranker", "true OpenIdle"),
    ("billing", "SVIDExpiryImminent", "", "true SVIDExpiryImminent"),
    ("billing", "SVIDRotationOverdue", "", "true NotRotated"),
    ("billing", "OPAPolicyMissing", "", "true Undefined"),
    ("billing", "MemoryHigh", "", "true MemoryHigh"),
    ("guard", "SVIDWrongIdentity", "", "true UnexpectedID"),
    ("guard", "OPAWrongDeny", "", "true CanaryDenied"),
    ("guard", "PoolSaturated", "outbound", "true PoolSaturated"),
    ("guard", "PoolExhausted", "outbound", "true PoolExhausted"),
    ("orders", "SVIDNotTrusted", "", "true UnknownAuthority"),
    ("orders", "OPADefaultMissing", "", "true NoDefault"),
    ("orders", "MemoryHigh", "", "unknown SignalAbsent"),
    ("planner", "AgentUnreachable", "", "true ConnectionRefused"),
    ("planner", "SVIDExpired", "", "unknown SourceFailed"),
    ("planner", "MetricsUnavailable", "", "true ConnectionRefused"),
    ("planner", "MemoryHigh", "", "unknown SourceFailed"),
    ("planner", "OPADecisionError", "", "true EvaluationError"),
    ("ranker", "TLSMissing", "", "true"),  # http.server meets a hello now with HTTP, now with bare HTML
    ("ranker", "OPAUnreachable", "", "true ConnectionRefused"),
]


def _said(page: Page, pod: str, condition: str, subject: str) -> str:
    return page.verdict(condition, pod=pod, **({"subject": subject} if subject else {}))


def _break(fleet: WatchedFleet) -> Callable[[], None]:
    """Break every agent in other ways; gives how to mend it."""
    search, billing, guard, orders, planner, ranker = (fleet.agents[name] for name in NAMES)
    search.issue(ages=(3600, -5))
    fleet.policy("search", "default allow := true")
    search.breaker.labels("ranker").set(1)
    billing.issue(ages=(3000, 300))
    fleet.policy("billing", "")
    billing.memory.set(0.95 * LIMIT)
    guard.issue(identity=spiffe_id("orders"))
    fleet.policy("guard", "default allow := false")
    guard.pool.labels("outbound").set(10)
    orders.issue(by=Authority("example.org", time.time()))
    fleet.policy("orders", 'allow if input.caller_spiffe_id == "spiffe://example.org/agent/orders"')
    orders.hide(orders.memory)
    planner.stop()
    fleet.policy("planner", "allow if input.caller_spiffe_id\nallow := false if input.caller_spiffe_id")
    ranker.stop_tls()
    plaintext, _ = start_http_server(ranker.port, "127.0.0.1")

    def mend() -> None:
        plaintext.shutdown()
        plaintext.server_close()
        ranker.start_tls()
        planner.start()
        orders.show(orders.memory)
        for name, agent in fleet.agents.items():
            agent.be_well()
            fleet.policy(name, SOUND)

    return mend


def _is_healthy(page: Page) -> bool:
    return not list(_unhealthy(page))


def _unhealthy(page: Page) -> Iterator[str]:
    for labels, said in page.verdicts.items():
        at = dict(labels)
        is_refused = at["pod"] == "ranker" and at["condition"] in DECISIONS | BUNDLES
        if said != "false" and not is_refused and not (said == "unknown WarmingUp" and at["condition"] in HISTORY):
            yield f"{at['pod']} {at['condition']}: {said}"


def _take(watching: Watching, config: Mapping[str, object]) -> Page:
    write_config(watching.fleet.home, config)
    watching.daemon.reload()
    return watching.daemon.page()


def _settle(watching: Watching) -> None:
    """Have the usual config, and all well."""
    before = (watching.fleet.home / "watcher.yaml").read_text()
    if write_config(watching.fleet.home, _config(watching.fleet)).read_text() != before:
        watching.daemon.reload()
    watching.await_all(_is_healthy)


@pytest.fixture(scope="module")
def history(watching: Watching) -> History:
    _settle(watching)
    with watching.witness() as pages:
        healthy = watching.await_all(_is_healthy)
        mend = _break(watching.fleet)
        broken = watching.await_all(
            lambda page: all(_said(page, pod, name, about).startswith(said) for pod, name, about, said in FAULTS)
        )
        mend()
        mended = watching.await_all(_is_healthy)
    return History(healthy, broken, mended, pages)


def test_a_healthy_fleet_has_no_trouble_and_only_history_is_unknown(history: History) -> None:
    assert list(_unhealthy(history.healthy)) == []


@pytest.mark.parametrize(("pod", "condition", "subject", "said"), FAULTS)
def test_each_fault_is_told_by_its_condition(
    history: History, pod: str, condition: str, subject: str, said: str
) -> None:
    assert _said(history.broken, pod, condition, subject).startswith(said)


def test_what_is_mended_is_false_again(history: History) -> None:
    assert list(_unhealthy(history.mended)) == []


def test_no_page_ever_says_two_things_of_a_condition_or_nothing(watching: Watching, history: History) -> None:
    assert watching.objections(history.between) == []
    assert len(history.between) > 10


def test_conditions_counts_the_targets_by_verdict(history: History) -> None:
    page = history.broken
    assert page.value("conditions", condition="SVIDExpired", status="true") == 1
    assert page.value("conditions", condition="SVIDExpired", status="unknown", reason="SourceFailed") == 2
    assert page.value("conditions", condition="SVIDExpired", status="false") == 3
    assert sum(page.all("conditions", condition="MetricsUnavailable").values()) == len(NAMES) + 1


def test_what_a_target_lacks_does_not_apply_to_it(history: History) -> None:
    page = history.healthy
    assert page.conditions_of("lean") == PAGE
    assert page.conditions_of("bare") == set()
    assert page.value("target_info", pod="bare") == 1
    assert not page.all("svid_not_after_timestamp_seconds", pod="lean")
    assert page.value("targets") == len(NAMES) + 2


@pytest.fixture
def settled(watching: Watching) -> Watching:
    _settle(watching)
    return watching


def test_a_reload_adds_removes_and_changes_targets_and_no_other_series(settled: Watching) -> None:
    fleet, daemon = settled.fleet, settled.daemon
    unlimited = fleet.target("orders")
    del unlimited["memory_limit"]
    kept = [fleet.target(name) for name in ("search", "guard", "planner")]
    fresh = fleet.target("guard", pod="fresh")
    with settled.witness() as pages:
        _take(settled, fleet.config(*kept, unlimited, fresh))
        page = daemon.says("AgentUnreachable", "false", pod="fresh")
    assert [each for each in settled.objections(pages) if "search: " in each or "guard: " in each] == []
    assert [objection for each in pages for objection in each.contradictions] == []
    assert not [each for each in pages if each.verdict("SVIDExpired", pod="search") == "unknown WarmingUp"]
    assert not [labels for _, labels, _ in page.samples if ("pod", "billing") in labels or ("pod", "lean") in labels]
    assert page.conditions_of("orders") >= SVID | POOL
    assert not page.conditions_of("orders") & LIMITED
    assert page.value("targets") == 5
    time.sleep(1)  # a look that was under way when its target went may end
    visits = fleet.agents["billing"].visits
    time.sleep(1)
    assert fleet.agents["billing"].visits == visits


def test_a_bad_config_is_refused_and_the_old_one_goes_on(settled: Watching) -> None:
    taken = settled.daemon.page().value("config_last_reload_success_timestamp_seconds")
    page = _take(settled, {"discovery": {"static": [{"agent": "search", "adress": "127.0.0.1:1"}]}})
    assert page.value("impaired", reason="ConfigRejected") == 1
    assert page.value("config_last_reload_successful") == 0
    assert page.value("config_last_reload_success_timestamp_seconds") == taken
    assert page.value("targets") == len(NAMES) + 2
    [line] = settled.daemon.logged(lambda line: line.get("reason") == "ConfigRejected" and "why" in line)
    assert "watcher.yaml:1: discovery.static[0].adress: unknown key, did you mean address?" in line["why"]
    page = _take(settled, _config(settled.fleet))
    assert page.value("impaired", reason="ConfigRejected") == 0
    assert page.value("config_last_reload_successful") == 1


@dataclass(frozen=True)
class Paced:
    """Two reloads to a slower pace, by configs that also change what needs a restart; and two seconds after them."""

    pages: list[Page]
    before: Page
    after: Page
    seconds: float
    log: list[dict[str, Any]]


@pytest.fixture(scope="module")
def paced(watching: Watching) -> Paced:
    _settle(watching)
    already = len(watching.daemon.log())
    with watching.witness() as pages:
        for interval in ("500ms", "1s"):
            pace = {name: PACE | {"interval": interval} for name in SOURCES}
            config = _config(watching.fleet, sources=pace, state_dir="/nowhere")
            del config["identity"]
            before, start = _take(watching, config), time.monotonic()
        time.sleep(2)
        after, seconds = watching.daemon.page(), time.monotonic() - start
    return Paced(pages, before, after, seconds, watching.daemon.log()[already:])


def test_reloads_that_change_the_pace_lose_no_look_and_make_none_twice(watching: Watching, paced: Paced) -> None:
    assert watching.objections(paced.pages) == []
    assert not [said for page in paced.pages for said in page.verdicts.values() if said == "unknown ProbeError"]
    looks = [sum(page.all("looks_total", source="handshake").values()) for page in (paced.before, paced.after)]
    each = (looks[1] - looks[0]) / len(NAMES)
    assert paced.seconds - 1 <= each <= paced.seconds + 2  # of one a second, and the first at once
    assert not [line for line in paced.log if line["level"] in ("error", "critical")]


def test_what_needs_a_restart_stays_as_it_was_and_is_said_each_time(paced: Paced) -> None:
    assert paced.after.value("impaired", reason="NoIdentity") == 0
    assert paced.after.verdict("SVIDNotTrusted", pod="search") == "false"
    assert [line["section"] for line in paced.log if "restart" in line["msg"]] == ["state_dir", "identity"] * 2
