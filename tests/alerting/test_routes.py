"""Whom an alert is routed to, by the tree of routes as it is read here and as the real Alertmanager reads it."""

import json
from collections.abc import Iterator, Mapping

import httpx
import pytest

from probes.controls.judges.alertmanager.routing import outcomes
from tests.repository import ROOT
from tests.servers.alertmanager_server import AlertmanagerServer, amtool, run_alertmanager
from watcher.alerting.delivery import read_config
from watcher.alerting.routes import read_route

CONFIG = r"""
route:
  receiver: rest
  routes:
    - match: {team: a}
      match_re: {severity: critical|page}
      receiver: old
    - matchers: ['{severity="critical", namespace=~"prod-.*"}', agent!~"x|y"]
      receiver: braces
      continue: true
      routes:
        - matchers: [pod!=""]
          receiver: pods
    - matchers: [severity = critical, 'agent!=z']
      receiver: bare
    - matchers: ["summary=\"a \\\"b\\\" c\""]
      receiver: quoted
    - matchers: [always=~".*"]
receivers: [{name: rest}, {name: old}, {name: braces}, {name: pods}, {name: bare}, {name: quoted}]
"""
ALERTS: tuple[Mapping[str, str], ...] = (
    {"team": "a", "severity": "page"},
    {"team": "a", "severity": "pages"},
    {"severity": "critical", "namespace": "prod-1", "agent": "w", "pod": "p"},
    {"severity": "critical", "namespace": "prod-1", "agent": "w"},
    {"severity": "critical", "namespace": "prod", "agent": "x"},
    {"severity": "critical", "namespace": "prod-1", "agent": "z"},
    {"summary": 'a "b" c'},
    {"severity": "none"},
)
LABELS = ("team", "severity", "namespace", "agent", "pod", "summary", "always")


@pytest.fixture(scope="module")
def alertmanager() -> Iterator[AlertmanagerServer]:
    with run_alertmanager(CONFIG) as server:
        yield server


def _as_given(server: AlertmanagerServer) -> str:
    found: str = httpx.get(f"{server.url}/api/v2/status", trust_env=False).json()["config"]["original"]
    return found


@pytest.mark.parametrize("labels", ALERTS)
def test_an_alert_all_of_whose_labels_are_known_goes_where_alertmanager_sends_it(
    alertmanager: AlertmanagerServer, labels: Mapping[str, str]
) -> None:
    given = [f"{name}={json.dumps(value)}" for name, value in labels.items()]
    said = amtool("config", "routes", "test", f"--config.file={alertmanager.config}", *given).stdout.strip()
    told = outcomes(read_route(read_config(_as_given(alertmanager))), {**dict.fromkeys(LABELS, ""), **labels})
    assert told == frozenset({frozenset(said.split(","))})


def test_a_label_that_is_not_known_may_lead_either_way(alertmanager: AlertmanagerServer) -> None:
    route = read_route(read_config(_as_given(alertmanager)))
    labels = {"team": "", "severity": "critical", "namespace": "prod-1", "agent": "w"}
    assert outcomes(route, labels) == frozenset({frozenset({"pods", "bare"}), frozenset({"braces", "bare"})})


def test_the_shipped_routes_send_critical_alerts_to_the_pager_whatever_else_they_carry() -> None:
    shipped = (ROOT / "alerts" / "alertmanager" / "alertmanager.yaml").read_text()
    labels = {"alertname": "AgentWeaveOPAUnreachable", "severity": "critical", "namespace": "prod", "agent": "search"}
    assert outcomes(read_route(read_config(shipped)), labels) == frozenset({frozenset({"pagerduty"})})


def test_a_pattern_that_could_take_long_is_not_tried() -> None:
    config = "route: {receiver: a, routes: [{receiver: b, match_re: {agent: '(x+x+)+y'}}]}"
    route = read_route(read_config(config))
    assert outcomes(route, {"agent": "x" * 200}) == frozenset({frozenset({"a"}), frozenset({"b"})})


def test_more_ways_than_are_followed_are_told_as_none() -> None:
    routes = ", ".join(f"{{receiver: r{number}, continue: true, match: {{l{number}: x}}}}" for number in range(9))
    assert outcomes(read_route(read_config(f"route: {{receiver: a, routes: [{routes}]}}")), {}) is None


@pytest.mark.parametrize(
    "config",
    [
        "{}",
        "route: [1]",
        "route: {routes: 1}",
        "route: {routes: [1]}",
        "route: {match: [1]}",
        "route: {matchers: [1]}",
        "route: {matchers: ['{a']}",
        "route: {matchers: [nothing]}",
        "route: " + "{routes: [" * 30 + "]}" * 30,
    ],
)
def test_routes_that_are_not_understood_are_refused(config: str) -> None:
    with pytest.raises(ValueError, match=r"its (configuration|routes)"):
        read_route(read_config(config))
