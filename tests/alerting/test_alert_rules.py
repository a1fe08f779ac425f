"""The alert rules: one for each condition, tried on made-up series in an old and in a current Prometheus."""

import re
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from probes import load_probes
from tests.alerting.promtool import WATCHER, Story, both_versions, expected, moment, promtool, told_by
from tests.alerting.rules import CORE, RULES, Alert, alerts, conditions, rules
from watcher.alerting.rules import gaps, own
from watcher.alerting.rules.agents import breaker, complete, cpu
from watcher.alerting.rules.descriptions import AgentAlert, ProbeAlerts
from watcher.alerting.rules.maker import rule_files
from watcher.metrics.families import FAMILIES, PREFIX

ALERTS = {alert.name: alert for alert in alerts()}


@both_versions
def test_promtool_has_nothing_to_say_against_the_rules(version: str) -> None:
    said = subprocess.run(
        [promtool(version), "check", "rules", "--lint=all", "--lint-fatal", *sorted(RULES.glob("*.yaml"))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr


def test_each_condition_has_one_alert_with_its_severity_in_the_file_of_its_probe() -> None:
    told = {
        name: (alert.file.stem, alert.labels["severity"], alert.labels["component"], alert.labels.get("condition"))
        for name, alert in ALERTS.items()
        if alert.file != CORE
    }
    assert told == {
        name: (probe, kind.severity.value, probe, kind.name) for name, (probe, kind) in conditions().items()
    }
    twice = Counter(each.name for each in alerts())
    assert {name for name, count in twice.items() if count > 1} == {"AgentWeaveRolloutFailed"}  # a page or a warning


def test_the_rule_files_are_those_that_the_maker_makes() -> None:
    assert {path.name: path.read_text() for path in RULES.iterdir()} == rule_files()


def test_the_rule_files_are_plain() -> None:
    for path in RULES.iterdir():
        kinds = {type(token) for token in yaml.scan(path.read_text())}
        assert not kinds & {yaml.AnchorToken, yaml.AliasToken, yaml.TagToken}, path.name
        assert "<<" not in path.read_text(), path.name


def test_a_text_is_the_same_in_the_file_as_in_its_description() -> None:
    for alert in (*own.OWN, *gaps.GAPS):
        assert ALERTS[alert.name].annotations["description"] == " ".join(alert.description.splitlines()), alert.name
        assert ALERTS[alert.name].expression == f"{alert.expression}\n", alert.name


@pytest.mark.parametrize("told", [(), (*cpu.ALERTS.alerts, *cpu.ALERTS.alerts), breaker.ALERTS.alerts])
def test_a_probe_whose_alerts_are_not_one_for_each_condition_is_named(told: tuple[AgentAlert, ...]) -> None:
    [probe] = [probe for probe in load_probes() if probe.name == "cpu"]
    with pytest.raises(ValueError, match=r"agents/cpu\.py: not one alert for each condition"):
        complete(probe, ProbeAlerts("CPU", told))


def test_the_alerts_of_conditions_come_after_the_one_on_many_agents() -> None:
    for name in conditions():
        alert = ALERTS[name]
        assert alert.kept == 300, name
        assert alert.held >= 120, f"{name}: FleetWide takes more than a minute and must come first"


def test_every_rule_keeps_the_installation() -> None:
    """No watcher speaks for the agents of another: whatever is put together keeps cluster and job."""
    for _, rule in rules():
        name = rule.get("alert") or rule["record"]
        lists = re.findall(r"\b(?:by|on) \(([^)]*)\)", rule["expr"])
        recorded = re.fullmatch(
            r"(agentweave:condition:agents(\{.*?\})?|and|or|unless|offset \d+[sm]|\s)+", rule["expr"]
        )
        keeps = name.startswith("AgentWeaveFleetWide")  # of what keeps it already
        assert lists or recorded or keeps or name == "AgentWeaveWatchdog", name
        for each in lists:
            enabled = (name, each) == ("agentweave:fleet:wide", "condition")  # whether there are single alerts at all
            assert each.startswith("cluster, job") or enabled, f"{name}: {each}"


def test_no_limit_of_a_probe_is_repeated_in_a_rule() -> None:
    for file, rule in rules():
        if file != CORE:
            bare = re.sub(r'"[^"]*"', "", rule["expr"])
            assert not re.search(r"\d", bare), f"{file.name}: {rule.get('alert')}: {bare}"


def test_every_alert_says_what_a_person_needs() -> None:
    for name, alert in ALERTS.items():
        kinds = {"summary", "description", "resolved", "runbook_url", "dashboard_url"}
        assert set(alert.annotations) - {"extent"} == kinds, name
        assert ("extent" in alert.annotations) == ("FleetWide" in name), name
        for sentence in ("summary", "resolved"):
            assert re.fullmatch(r"[A-Z][^{}]*\.", alert.annotations[sentence]), name
        assert alert.annotations["summary"] != alert.annotations["resolved"], name
        assert alert.annotations["runbook_url"].startswith(f"http://127.0.0.1:9847/runbooks/{name}"), name
        assert alert.annotations["dashboard_url"].startswith("http://127.0.0.1:3000/d/agentweave-"), name
        assert not re.search(r"\$value", " ".join(alert.labels.values())), name


def test_every_series_of_a_rule_is_one_that_exists() -> None:
    declared = {PREFIX + each.name for each in FAMILIES}
    declared |= {PREFIX + each.name for probe in load_probes() for each in probe.metrics}
    recorded = {rule["record"] for _, rule in rules() if "record" in rule}
    for file, rule in rules():
        text = rule["expr"] + " ".join(rule.get("annotations", {}).values())
        named = set(re.findall(r"agentweave_watcher_\w+", text)) - declared
        assert not named, f"{file.name}: {rule.get('alert') or rule['record']} reads {named}, which nobody exports"
        asked = set(re.findall(r"agentweave:condition:\w+", text)) - recorded
        assert not asked, f"{file.name}: {rule.get('alert') or rule['record']} reads {asked}, which nobody records"


def poller(before: int, *parts: tuple[str, int]) -> str:
    """Values at each scrape: healthy so often, then each value so often."""
    return " ".join(["0"] * before + [value for value, times in parts for _ in range(times)])


START, MISSED = 4, 3
"""Scrapes before the trouble, and of the trouble before one is missed."""

DARK, AFTER = 14, 12
"""Scrapes in which it is unknown, and at least so many in which all is well again."""


def lives_of(probe: str) -> Story:
    """All alerts of a probe in one story: an evaluation of the rules costs the same for one of them as for all."""
    told = [ALERTS[name] for name, (of, _) in conditions().items() if of == probe]
    length = max(map(dark_from, told)) + DARK + AFTER
    story = Story(f"{probe}: its alerts fire, outlive a missed scrape and the unknown, resolve")
    story.watcher(reach(length))
    for alert in told:
        live(story, alert, length)
    return story


def dark_from(alert: Alert) -> int:
    """The scrape at which its trouble can be seen no more, well after it fires."""
    return START + round(alert.held / 30) + 4


def reach(length: int) -> str:
    """What is there at all scrapes but the missed one."""
    return poller(0, ("1", START + MISSED), ("stale", 1), ("1", length - START - MISSED - 1))


def live(story: Story, alert: Alert, length: int) -> None:
    """One agent is ill and gets well; beside it some are well, one was ill once, one is deleted, one unknown.

    In a namespace of their own: no other alert of the story can be taken for this one.
    """
    probe, kind = conditions()[alert.name]
    subject = {"bundle": "authz", "callee": "ranker", "pool": "outbound"}.get(kind.subject, "")
    of = {"namespace": kind.name.lower(), "probe": probe, "condition": kind.name, "subject": subject}
    reason = kind.reasons[0] if kind.reasons else kind.name
    seen = dark_from(alert) - START - MISSED - 1  # scrapes of the trouble after the missed one
    after = length - dark_from(alert) - DARK
    ill = poller(START, ("1", MISSED), ("stale", 1), ("1", seen), ("stale", DARK), ("0", after))
    info = poller(0, ("_", START), ("1", MISSED), ("stale", 1), ("1", seen), ("stale", 1))
    blip = poller(START, ("1", 2), ("stale", length - START - 2))
    well = [(f"well-{number}", poller(length)) for number in range(3)]  # or most of the namespace would be ill
    for agent, values in (("ill", ill), ("blip", blip), ("gone", blip), *well):
        add(story, "condition", values, agent, of)
        there = poller(0, ("1", START + 2), ("stale", length)) if agent == "gone" else reach(length)
        add(story, "target_info", there, agent, {"namespace": of["namespace"]})
    add(story, "condition_reason_info", info, "ill", {**of, "reason": reason})
    unknown = poller(0, ("_", dark_from(alert)), ("1", DARK), ("stale", after))
    late = poller(0, ("_", START + 2), ("1", length - START - 2))
    for agent, values in (("ill", unknown), ("blip", late), ("dark", poller(0, ("1", length)))):
        add(story, "condition_unknown", values, agent, {**of, "reason": "NeverReached"})
    words = {"reason": reason, "since": moment(30 * START)}
    firing = expected(alert, words=words, namespace=of["namespace"], agent="ill", subject=subject)
    begin, end = 30 * START + alert.held, 30 * (dark_from(alert) + DARK)
    for at, fires in ((begin - 15, False), (begin, True), (end - 15, True), (end + 285, True), (end + 315, False)):
        story.expect(at, alert.name, *[firing] * fires)


def add(story: Story, series: str, values: str, agent: str, of: Mapping[str, str]) -> None:
    """One series of an agent's only pod."""
    story.add(series, values, **WATCHER, **of, agent=agent, pod=f"{agent}-0")


@both_versions
@pytest.mark.parametrize("probe", [probe.name for probe in load_probes()])
def test_the_alerts_of_a_probe_fire_once_outlive_what_is_not_known_and_resolve(
    version: str, probe: str, tmp_path: Path
) -> None:
    report = told_by(version, [lives_of(probe)], [CORE, RULES / f"{probe}.yaml"], tmp_path)
    assert not report, report
