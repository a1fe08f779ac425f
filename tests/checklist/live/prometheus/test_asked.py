"""A real Prometheus with our rules and with rules of others is asked; what it says of agents is judged."""

import asyncio
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from probes.controls.evidence import AgentRef, Seen
from probes.controls.finding import Finding
from probes.controls.judging import load_judges
from probes.controls.verdict.control import judge_control
from tests.alerting.rules import RULES
from tests.probes.controls.made import CATALOGUE, evidence, facts, pod, seen
from tests.servers.process import eventually
from tests.servers.prometheus_server import PrometheusServer, run_prometheus
from tests.servers.tools import tool
from watcher.checklist.live.prometheus.client import QUESTIONS, PrometheusClient
from watcher.checklist.live.prometheus.known import Asked, Known
from watcher.checklist.live.prometheus.round import ask
from watcher.config.witnesses.prometheus import PrometheusSettings

STARTED = 1764500000.25
SEARCH, IDLE, OTHERS = AgentRef("prod", "search"), AgentRef("prod", "idle"), AgentRef("prod", "elsewhere")
PODS = {SEARCH: ["search-0"], IDLE: ["idle-0"], OTHERS: ["elsewhere-0"]}
KNOWN = ("SVIDRotationOverdue", "OPAUnreachable", "MemoryHigh", "CPUHigh", "OPADecisionSlow", "AgentRestarting")
MORE = ("CircuitBreakerFlapping", "PoolSaturated")
RUNBOOK = {"runbook_url": "https://wiki.example.org/{{ $labels.agent }}"}


def _of(agent: AgentRef, **labels: str) -> str:
    every = {"namespace": agent.namespace, "agent": agent.agent, "pod": f"{agent.agent}-0", **labels}
    return "{" + ",".join(f'{name}="{value}"' for name, value in every.items()) + "}"


def _page(*agents: AgentRef, started: float, cluster: Mapping[str, str]) -> str:
    lines = [f"agentweave_watcher_process_start_time_seconds{_labels({**cluster, 'group': 'watchers'})} {started!r}"]
    for agent in agents:
        lines.append(f"agentweave_watcher_target_info{_of(agent, **cluster)} 1")
        conditions = () if agent == IDLE else (*KNOWN, *MORE)
        lines += [f"agentweave_watcher_condition{_of(agent, condition=each, **cluster)} 0" for each in conditions]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


OURS = _page(SEARCH, IDLE, started=STARTED, cluster={}) + (
    f"agentweave_watcher_condition_unknown{_of(IDLE, condition='LatencyHigh', reason='WarmingUp')} 1\n"
    'errors_total{namespace="prod",pod="search-0"} 1\nrequests_total{namespace="prod",pod="search-0"} 9\n'
    'container_cpu_usage_seconds_total{namespace="prod",pod="search-0",container="agent"} 1\n'
    'container_memory_working_set_bytes{namespace="prod",pod="search-0",container="agent"} 1\n'
)
THEIRS = _page(SEARCH, OTHERS, started=STARTED + 1, cluster={"cluster": "other"}) + (
    f"agentweave_watcher_condition{_of(SEARCH, condition='LatencyHigh', cluster='other')} 0\n"
)


def _alert(name: str, expression: str, control: str = "", **more: object) -> dict[str, object]:
    labels = {"severity": "critical", "agentweave_control": control} if control else {"severity": "warning"}
    return {"alert": name, "expr": expression, "labels": labels, "annotations": RUNBOOK} | more


OF_OTHERS = [
    _alert("TheirErrors", "sum by (namespace, pod) (rate(errors_total[1m])) > 5", "alerts.error-rate"),
    _alert("Twice", "requests_total * on () group_left () agentweave_watcher_target_info", "alerts.authz-unreachable"),
    _alert("NoSuch", "no_such_series > 1", "alerts.breaker-opened"),
    _alert("Bare", "requests_total > 100", annotations={}),
    {
        "record": "slo:sli_error:ratio_rate5m",
        "expr": "errors_total / requests_total",
        "labels": {"sloth_slo": "errors"},
    },
]


@pytest.fixture(scope="module")
def pages() -> Iterator[Sequence[str]]:
    texts = {"/ours": OURS, "/theirs": THEIRS}

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = texts[self.path].encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield [f"http://127.0.0.1:{server.server_port}{path}" for path in texts]
    server.shutdown()
    server.server_close()


def _fired(name: str, *minutes: int) -> list[str]:
    """Samples of an alert on the agent that fired so many minutes ago."""
    labels = _of(SEARCH, alertname=name, alertstate="firing", severity="critical", job="page-0")
    return [f"ALERTS{labels} 1 {time.time() - 60 * minute:.3f}" for minute in sorted(minutes, reverse=True)]


def _an_hour_ago(data: Path) -> None:
    """As if the watcher had been scraped then, with its agents; and as if alerts had fired in the days before.

    Flapping starts 12 times on each of the last three days, Long fired for two days of the last four, Late for half an
    hour of the last two.
    """
    now, lines = time.time(), ["# TYPE agentweave_watcher_target_info gauge"]
    for agent in (SEARCH, IDLE):
        labels = _of(agent, job="page-0")
        lines += [f"agentweave_watcher_target_info{labels} 1 {now - 60 * minute:.3f}" for minute in range(75, 50, -1)]
    flapping = [start * 60 + minute for start in range(2, 74, 2) for minute in (0, 4)]
    lines += ["# TYPE ALERTS gauge", *_fired("Flapping", *flapping), *_fired("Long", *range(2880, 5760, 4))]
    lines += _fired("Late", *range(60, 90))
    lines += ["# TYPE agentweave_watcher_slo_requests_per_second gauge"]
    for rate, labels in ((30, _of(SEARCH, job="page-0")), (900, _of(SEARCH, cluster="other", job="page-1"))):
        each = f"agentweave_watcher_slo_requests_per_second{labels}"
        lines += [f"{each} {rate} {now - 60 * minute:.3f}" for minute in range(75, 50, -1)]
    lines += ["# TYPE agentweave_auth_decisions counter"]
    decisions = 'agentweave_auth_decisions_total{namespace="prod",pod="search-0",decision="allow"}'
    lines += [f"{decisions} {60 - minute} {now - 60 * minute:.3f}" for minute in range(59, 19, -1)]
    file = data.with_suffix(".om")
    file.write_text("\n".join([*lines, "# EOF", ""]))
    subprocess.run(
        [tool("promtool"), "tsdb", "create-blocks-from", "openmetrics", file, data], check=True, capture_output=True
    )


def _run(home: Path, pages: Sequence[str], rules: Sequence[Path]) -> Iterator[PrometheusServer]:
    _an_hour_ago(home / "data")
    with run_prometheus(*pages, rules=rules, data=home / "data") as server:
        eventually(lambda: len(server.query("agentweave_watcher_process_start_time_seconds")) == 2, within=60)
        yield server


@pytest.fixture(scope="module")
def shipped(pages: Sequence[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    yield from _run(tmp_path_factory.mktemp("shipped"), pages, sorted(RULES.glob("*.yaml")))


@pytest.fixture(scope="module")
def foreign(pages: Sequence[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    home = tmp_path_factory.mktemp("foreign")
    (home / "rules.yaml").write_text(
        yaml.safe_dump({"groups": [{"name": "theirs", "interval": "1s", "rules": OF_OTHERS}]})
    )
    yield from _run(home, pages, [home / "rules.yaml"])


def _ask(server: PrometheusServer, **settings: object) -> Known:
    asked = Asked(PODS, {}, STARTED, time.time())
    return asyncio.run(ask(PrometheusSettings(url=server.url, **settings), asked, None, 3600.0))


def _asked_of(
    server: PrometheusServer, control: str, state: str, agent: AgentRef = SEARCH, **settings: object
) -> Finding:
    """Rules are evaluated some time after they are loaded."""

    def found() -> Finding | None:
        finding = _finding(_ask(server, **settings), control, agent)
        return finding if finding.state == state else None

    made = eventually(found, within=60)
    assert made is not None
    return made


def _finding(known: Known, control: str, agent: AgentRef = SEARCH) -> Finding:
    now = time.time()
    look: Seen[object] = seen(known.of(agent, PODS[agent]), now)
    set_of = evidence(*(pod(name, since=now - 7200) for name in PODS[agent]), prometheus=look)
    return judge_control(CATALOGUE.by_id[control], set_of, facts(now), load_judges())


@pytest.mark.parametrize("control", ["svid-rotation-failing", "authz-unreachable", "resource-usage"])
def test_a_shipped_rule_whose_condition_is_known_of_the_agent_watches_it(
    shipped: PrometheusServer, control: str
) -> None:
    assert "watches it" in _asked_of(shipped, f"alerts.{control}", "pass").message


def test_shipped_warnings_watch_all_four_signals_and_name_runbooks(shipped: PrometheusServer) -> None:
    _asked_of(shipped, "observability.alerts.warning-configured", "pass")
    _asked_of(shipped, "observability.alerts.runbooks-created", "pass")


def test_series_of_another_cluster_do_not_count(shipped: PrometheusServer) -> None:
    """LatencyHigh is known of an agent with the same name there, and not here."""
    failed = _asked_of(shipped, "alerts.latency", "fail")
    assert failed.message == "The rule AgentWeaveLatencyHigh selects no series of this agent: it can never fire for it."
    _asked_of(shipped, "alerts.latency", "pass", labels={"cluster": "other", "job": "page-1"})


def test_labels_that_fit_watchers_of_several_clusters_tell_nothing(shipped: PrometheusServer) -> None:
    found = _asked_of(shipped, "alerts.latency", "unknown", labels={"group": "watchers"})
    assert found.message.startswith("checklist.prometheus.labels fit watchers of several clusters")


def test_a_condition_that_is_not_known_yet_leaves_its_alert_open(shipped: PrometheusServer) -> None:
    assert "waits for a condition" in _asked_of(shipped, "alerts.latency", "unknown", IDLE).message


def test_an_agent_that_was_not_there_an_hour_ago_has_no_alert_that_fails(shipped: PrometheusServer) -> None:
    found = _asked_of(shipped, "alerts.latency", "unknown", OTHERS)
    assert (found.reason, found.message) == ("NoData", "Prometheus has less than an hour of series of this agent.")


def test_without_a_series_of_this_process_nothing_is_told_of_what_rules_select(shipped: PrometheusServer) -> None:
    asked = Asked(PODS, {}, STARTED + 5, time.time())
    known = asyncio.run(ask(PrometheusSettings(url=shipped.url), asked, None, 3600.0))
    found = _finding(known, "alerts.latency")
    assert (found.state, found.reason) == ("unknown", "NoData")
    assert found.message.startswith("Prometheus has no series of this process")


def test_rules_of_others_are_judged_by_what_they_select_and_how_they_fare(foreign: PrometheusServer) -> None:
    _asked_of(foreign, "alerts.error-rate", "pass")
    assert "The rule Twice fails: " in _asked_of(foreign, "alerts.authz-unreachable", "fail").message
    assert "NoSuch selects no series of this agent" in _asked_of(foreign, "alerts.breaker-opened", "fail").message
    missing = _asked_of(foreign, "alerts.latency", "fail")
    assert missing.message == "No alerting rule is loaded that answers alerts.latency."
    assert (
        "The rule Bare selects this agent"
        in _asked_of(foreign, "observability.alerts.runbooks-created", "fail").message
    )


def test_series_of_others_may_lack_the_cluster_that_is_given_to_the_watchers_own(foreign: PrometheusServer) -> None:
    _asked_of(foreign, "alerts.error-rate", "pass", labels={"cluster": "eu-1", "job": "page-0"})


def test_an_objective_of_a_generator_and_figures_of_kubelets_are_found(foreign: PrometheusServer) -> None:
    known = _ask(foreign)
    look = known.of(SEARCH, PODS[SEARCH])
    assert [look.book.objectives[number].objective for number in look.objectives] == ["errors"]
    assert look.measured == {"search-0"}
    assert known.of(IDLE, PODS[IDLE]).measured == frozenset()
    assert known.trouble is None


def test_alerts_that_come_and_go_or_last_are_told_with_when_they_fired(foreign: PrometheusServer) -> None:
    look = _ask(foreign).of(SEARCH, PODS[SEARCH])
    assert [(each.name, round(each.share, 1), each.days) for each in look.flapped] == [
        ("Flapping", 0.0, 3),
        ("Long", 0.3, 0),
    ]
    [flapping, late] = look.fired
    assert (flapping.name, late.name) == ("Flapping", "Late")
    assert 1700 < late.last_at - late.first_at < 1800
    assert 3600 <= time.time() - late.last_at < 3900


def test_the_live_peak_and_the_decisions_of_an_hour_are_those_of_this_installation(foreign: PrometheusServer) -> None:
    known = _ask(foreign)
    look = known.of(SEARCH, PODS[SEARCH])
    if time.time() % 86400 > 3600:  # else its hour may be of the day before
        assert look.peak.requests_per_second == 30
    assert not look.peak.whole
    [decided] = look.decided
    assert 39 <= decided.decisions <= 62
    assert decided.whole
    assert known.of(IDLE, PODS[IDLE]).decided == ()


def test_families_that_records_list_are_found_under_the_names_of_their_samples(foreign: PrometheusServer) -> None:
    families = frozenset({"requests", "errors_total", "no_such"})
    asked = Asked(PODS, {}, STARTED, time.time(), families)
    known = asyncio.run(ask(PrometheusSettings(url=foreign.url), asked, None, 3600.0))
    assert known.of(SEARCH, PODS[SEARCH]).exported == frozenset({"requests", "errors_total"})
    assert known.of(IDLE, PODS[IDLE]).exported == frozenset()
    assert _ask(foreign).of(SEARCH, PODS[SEARCH]).exported is None


def test_a_round_takes_few_questions_and_no_more_than_that(foreign: PrometheusServer) -> None:
    async def count() -> int:
        async with PrometheusClient(PrometheusSettings(url=foreign.url)) as client:
            while client.asked < QUESTIONS:
                await client.query("vector(1)", 10, lambda _: None)
            with pytest.raises(Exception, match="More than 30 questions a round would be needed"):
                await client.query("vector(1)", 10, lambda _: None)
            return client.asked

    assert asyncio.run(count()) == QUESTIONS
