"""Rules and dashboards, as the chart puts them into a cluster: those of alerts/, with the settings of its values."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.alerting.storms import Ill, Installation, counted, fleet, story, struck, timeline
from tests.chart.render import CHART, HELMS, Values, helm, notes, rendered, rendered_text
from tests.repository import ROOT
from tests.servers.tools import tool
from watcher.alerting.rules.maker import rule_files
from watcher.alerting.rules.own import LOOKED_BACK, named
from watcher.text.alert_labels import TAKEN

WATCHDOG = "AgentWeaveWatchdog"
RULES = {"prometheusRule": {"enabled": True}, "rulesConfigMap": {"enabled": True}}


def test_the_default_rules_are_those_of_the_alerts_folder(tmp_path: Path) -> None:
    shipped = [
        yaml.load(path.read_text(), Loader=yaml.CSafeLoader)["groups"]
        for path in sorted((ROOT / "alerts" / "rules").iterdir())
    ]
    documents = rendered(RULES)
    groups = documents["PrometheusRule/w-agentweave-watcher"]["spec"]["groups"]
    expected = [group for file in shipped for group in file]
    [down] = [rule for group in expected for rule in group["rules"] if rule.get("alert") == "AgentWeaveWatcherDown"]
    down["expr"] = down["expr"].replace(LOOKED_BACK, named(["watch/w"]))
    for group in expected:  # kube-prometheus has one of its own
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert") != WATCHDOG]
    assert 'absent(agentweave_watcher_build_info{job="watch/w"})' in down["expr"]
    assert groups == expected
    text = documents["ConfigMap/w-agentweave-watcher-rules"]["data"]["agentweave.yaml"]
    assert yaml.load(text, Loader=yaml.CSafeLoader) == {"groups": groups}
    (tmp_path / "rules.yaml").write_text(text)
    told = subprocess.run(
        [tool("promtool"), "check", "rules", "--lint=all", "--lint-fatal", tmp_path / "rules.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("version", HELMS)
@pytest.mark.parametrize(
    ("values", "matchers"),
    [
        ({}, 'job="team-a/eyes"'),
        ({"clusterLabel": "prod-eu"}, 'cluster="prod-eu",job="team-a/eyes"'),
        ({"prometheusRule": {"job": 'a"b\n$1'}}, r'job="a\"b\n$1"'),
    ],
)
def test_a_release_waits_for_its_own_watcher_and_for_no_other(version: str, values: Values, matchers: str) -> None:
    rule = {"enabled": True, **values.get("prometheusRule", {})}
    text = rendered_text({**values, "prometheusRule": rule}, version, "eyes", "team-a")
    documents = [each for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if each]
    [groups] = [each["spec"]["groups"] for each in documents if each["kind"] == "PrometheusRule"]
    [down] = [rule for each in groups for rule in each["rules"] if rule.get("alert") == "AgentWeaveWatcherDown"]
    assert down["expr"].startswith(
        f"(\n  absent(agentweave_watcher_build_info{{{matchers}}})\n)\nor\nmax by (cluster, job)"
    )


@pytest.mark.parametrize("version", HELMS)
def test_labels_of_pods_are_carried_as_by_the_exported_rules(version: str) -> None:
    keys = ["team", "example.org/cost-center"]
    values = {
        "prometheusRule": {"enabled": True, "watchdog": True},
        "discovery": {"kubernetes": {"labelsToAlerts": keys}},
    }
    documents = [each for each in yaml.load_all(rendered_text(values, version), Loader=yaml.CSafeLoader) if each]
    [groups] = [each["spec"]["groups"] for each in documents if each["kind"] == "PrometheusRule"]
    made = rule_files(("team", "cost_center"))
    expected = [
        group for _, text in sorted(made.items()) for group in yaml.load(text, Loader=yaml.CSafeLoader)["groups"]
    ]
    [down] = [rule for group in expected for rule in group["rules"] if rule.get("alert") == "AgentWeaveWatcherDown"]
    down["expr"] = down["expr"].replace(LOOKED_BACK, named(["watch/w"]))
    assert groups == expected
    [config] = [each["data"]["config.yaml"] for each in documents if "config.yaml" in each.get("data", {})]
    assert yaml.load(config, Loader=yaml.CSafeLoader)["discovery"]["kubernetes"]["labels_to_alerts"] == keys


def test_the_chart_knows_the_names_that_are_taken() -> None:
    text = (ROOT / "helm" / "agentweave-watcher" / "templates" / "_config.tpl").read_text()
    [names] = re.findall(r'if has \$name \(list ((?:"\w+" ?)+)\)', text)
    assert set(re.findall(r"\w+", names)) == TAKEN


def _alerts(rule: Values) -> dict[str, Any]:
    groups = rendered({"prometheusRule": {"enabled": True, **rule}})["PrometheusRule/w-agentweave-watcher"]["spec"]
    return {each["alert"]: each for group in groups["groups"] for each in group["rules"] if "alert" in each}


def test_the_alert_that_always_fires_is_there_where_it_is_wanted() -> None:
    assert WATCHDOG not in _alerts({})
    assert _alerts({"watchdog": True})[WATCHDOG]["expr"] == "vector(1)\n"
    assert WATCHDOG not in _alerts({"watchdog": True, "overrides": {WATCHDOG: {"disabled": True}}})


def test_one_alert_is_changed_and_another_left_out() -> None:
    changed = {"for": "7m", "severity": "warning", "labels": {"team": "ai"}}
    before = _alerts({})
    after = _alerts({"overrides": {"AgentWeaveMemoryHigh": changed, "AgentWeaveCPUHigh": {"disabled": True}}})
    labels = before["AgentWeaveMemoryHigh"]["labels"] | {"severity": "warning", "team": "ai"}
    before["AgentWeaveMemoryHigh"] |= {"for": "7m", "labels": labels}
    del before["AgentWeaveCPUHigh"]
    assert after == before


def _of_one_agent() -> dict[str, Values]:
    return {name: alert for name, alert in _alerts({}).items() if "condition" in alert["labels"]}


def _lasting(overrides: Values, version: str) -> str:
    text = rendered_text({"prometheusRule": {"enabled": True, "overrides": overrides}}, version)
    documents = [each for each in yaml.load_all(text, Loader=yaml.CSafeLoader) if each]
    [groups] = [each["spec"]["groups"] for each in documents if each["kind"] == "PrometheusRule"]
    rules = [rule for group in groups for rule in group["rules"]]
    return str(next(rule["expr"] for rule in rules if rule.get("record") == "agentweave:condition:lasting"))


def _waits(expression: str) -> dict[str, int]:
    """Condition -> the seconds after which it is near its alert."""
    clauses = [re.fullmatch(_CLAUSE, each.strip()) for each in expression.split("\nor\n")]
    assert all(clauses), expression
    return {name: int(each[2] or 0) for each in clauses if each for name in each[1].split("|")}


_CLAUSE = r'agentweave:condition:agents\{condition=~"([\w|]+)"\}(?:\n  and (?:.*) offset (\d+)s)?'


@pytest.mark.parametrize("version", HELMS)
def test_an_alert_on_many_agents_comes_before_the_single_ones_whatever_their_for_is(version: str) -> None:
    fors = ("0s", "30s", "90s", "1m15s", "2m", "08m", "010m", "1h1m1s", "2d", "1w", "500ms", "1m500ms")
    seconds = (0, 30, 90, 75, 120, 480, 600, 3661, 172_800, 604_800, 0, 60)
    changed = dict(zip(_of_one_agent(), fors, strict=False))
    waits = _waits(_lasting({name: {"for": each} for name, each in changed.items()}, version))
    as_shipped = _waits(_lasting({}, version))
    told = {name.removeprefix("AgentWeave"): each for name, each in zip(changed, seconds, strict=True)}
    assert waits == as_shipped | {name: max(0, each - 75) for name, each in told.items()}
    assert len(as_shipped) == len(_of_one_agent())


def test_the_for_of_an_alert_on_many_agents_cannot_be_set() -> None:
    for name in ("AgentWeaveFleetWide", "AgentWeaveFleetWideWarning"):
        values = {"prometheusRule": {"enabled": True, "overrides": {name: {"for": "5m"}}}}
        told = helm("helm4", "template", "w", CHART, values=values)
        assert told.returncode
        why = "an alert on many agents comes before those on single ones: change their `for`, and it follows"
        assert f"prometheusRule.overrides.{name}.for: {why}" in told.stderr


ODD = 'a "team"\nof \\ two'


@pytest.mark.parametrize("held", ["1m30s", "20m"])
def test_with_an_override_of_all_alerts_at_once_one_cause_is_one_page(held: str, tmp_path: Path) -> None:
    changed = {"for": held, "severity": "info", "labels": {"team": ODD}}
    overrides = dict.fromkeys(_of_one_agent(), changed)
    documents = rendered({**RULES, "prometheusRule": {"enabled": True, "overrides": overrides}})
    (tmp_path / "rules.yaml").write_text(documents["ConfigMap/w-agentweave-watcher-rules"]["data"]["agentweave.yaml"])
    agents = fleet(4, 4)
    ills = [*struck(agents, "AgentUnreachable", 4, 80, 3), Ill(agents[0], "OPAWrongAllow", 4, 80)]
    told = story("storm", 70, Installation(agents, ills, {"job": "watch/w", "instance": "a"}))
    alerts = timeline("current", told, 35, tmp_path, tmp_path)
    assert counted(alerts) == {"FleetWide AgentUnreachable": 1, "OPAWrongAllow a000": 1}
    many, one = sorted(alerts, key=lambda alert: alert.name)
    assert many.begin < one.begin
    assert one.labels["team"] == json.dumps(ODD)[1:-1]


def test_links_and_labels_of_all_alerts_are_as_told() -> None:
    wiki, grafana = "https://wiki.example.org/on-call", "https://grafana.example.org/d/"
    told = {"runbookUrlPrefix": wiki, "dashboardUrlPrefix": grafana, "additionalRuleLabels": {"tier": "1"}}
    for name, alert in _alerts(told).items():
        assert alert["annotations"]["runbook_url"].startswith(f"{wiki}/{name}")
        assert alert["annotations"]["dashboard_url"].startswith(f"{grafana}agentweave-")
        assert alert["labels"]["tier"] == "1"


@pytest.mark.parametrize(
    ("copy", "down"),
    [
        ("https://wiki.example.org/w", "https://wiki.example.org/w/AgentWeaveWatcherDown"),
        ("https://git.example.org/{name}.md", "https://git.example.org/AgentWeaveWatcherDown.md"),
    ],
)
def test_alerts_about_the_watcher_itself_can_lead_to_a_second_place(copy: str, down: str) -> None:
    links = {
        name: each["annotations"]["runbook_url"] for name, each in _alerts({"watcherRunbookUrlPrefix": copy}).items()
    }
    assert links["AgentWeaveWatcherDown"] == down
    assert links["AgentWeaveMemoryHigh"].startswith("http://127.0.0.1:9847/runbooks/AgentWeaveMemoryHigh?namespace=")
    assert "Impaired" in links["AgentWeaveWatcherImpaired"]
    assert links["AgentWeaveWatcherImpaired"].endswith("?reason={{ $labels.reason | urlquery }}")


def test_links_that_open_for_nobody_are_told_where_alerts_are_switched_on() -> None:
    told = notes(RULES)
    assert "Alerts link to http://127.0.0.1:9847/runbooks/, which works only with a port-forward: set publicUrl" in told
    assert "Alerts link to http://127.0.0.1:3000/d/, which works only with a port-forward" in told
    assert "set prometheusRule.watcherRunbookUrlPrefix" in told
    rule = {"enabled": True, "dashboardUrlPrefix": "https://g.example.org/d/", "watcherRunbookUrlPrefix": "https://a/"}
    reached = notes({"publicUrl": "https://w.example.org", "prometheusRule": rule})
    assert "only with a port-forward" not in reached
    assert "watcherRunbookUrlPrefix" not in reached
    assert "only with a port-forward" not in notes()


def test_dashboards_lead_to_the_page_and_the_runbooks_of_the_release() -> None:
    values = {"publicUrl": "https://w.example.org", "grafana": {"dashboards": {"enabled": True}}}
    shipped = (ROOT / "alerts" / "dashboards" / "fleet.json").read_text()
    for prefix, runbooks in (("", "https://w.example.org/runbooks/"), ("https://wiki.example.org/w",) * 2):
        told = rendered(values | {"prometheusRule": {"runbookUrlPrefix": prefix}})
        text = told["ConfigMap/w-agentweave-watcher-dashboards"]["data"]["agentweave-fleet.json"]
        named = shipped.replace("http://127.0.0.1:9847/runbooks/", f"{runbooks.removesuffix('/')}/")
        assert text == named.replace("http://127.0.0.1:9847/", "https://w.example.org/")


def test_dashboards_are_those_of_the_alerts_folder() -> None:
    data = rendered({"grafana": {"dashboards": {"enabled": True}}})["ConfigMap/w-agentweave-watcher-dashboards"]["data"]
    assert data == {f"agentweave-{path.name}": path.read_text() for path in (ROOT / "alerts" / "dashboards").iterdir()}
