"""The alert rules: one for each condition, tried on made-up series in an old and in a current Prometheus."""

import re
import subprocess
from pathlib import Path

import pytest

from probes import load_probes
from tests.alerting.promtool import WATCHER, Story, both_versions, expected, promtool, told_by
from tests.alerting.rules import CORE, RULES, Alert, alerts, conditions, rules
from watcher.exposition import FAMILIES, PREFIX
from watcher.vitals import METRICS

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
    assert len(ALERTS) == len(alerts())


def test_all_alerts_of_conditions_are_made_alike() -> None:
    expression = (
        "max by (namespace, agent, subject) (\n"
        '  agentweave:condition:true{{condition="{0}"}}\n'
        '    unless on (namespace, agent) agentweave:condition:flooded{{condition="{0}"}}\n'
        ")\n"
        'unless on () ALERTS{{alertname=~"AgentWeaveFleetWide.*", condition="{0}", alertstate="firing"}}\n'
    )
    for name, (_, kind) in conditions().items():
        alert = ALERTS[name]
        assert alert.expression == expression.format(kind.name), name
        assert alert.kept == 300, name
        assert alert.held >= 120, f"{name}: FleetWide takes more than a minute and must come first"


def test_no_limit_of_a_probe_is_repeated_in_a_rule() -> None:
    for file, rule in rules():
        if file != CORE:
            bare = re.sub(r'"[^"]*"', "", rule["expr"])
            assert not re.search(r"\d", bare), f"{file.name}: {rule.get('alert')}: {bare}"


def test_every_alert_says_what_a_person_needs() -> None:
    for name, alert in ALERTS.items():
        assert set(alert.annotations) == {"summary", "description", "runbook_url", "dashboard_url"}, name
        assert re.fullmatch(r"[A-Z][^{}]*\.", alert.annotations["summary"]), name
        assert alert.annotations["runbook_url"].startswith(f"http://127.0.0.1:9847/runbooks/{name}"), name
        assert alert.annotations["dashboard_url"].startswith("http://127.0.0.1:3000/d/agentweave-"), name
        assert not re.search(r"\$value", " ".join(alert.labels.values())), name


def test_every_series_of_a_rule_is_one_that_exists() -> None:
    declared = {PREFIX + each.name for each in (*FAMILIES, *METRICS)}
    declared |= {PREFIX + each.name for probe in load_probes() for each in probe.metrics}
    recorded = {rule["record"] for _, rule in rules() if "record" in rule}
    for file, rule in rules():
        text = rule["expr"] + " ".join(rule.get("annotations", {}).values())
        named = set(re.findall(r"agentweave_watcher_\w+", text)) - declared
        assert not named, f"{file.name}: {rule.get('alert') or rule['record']} reads {named}, which nobody exports"
        asked = set(re.findall(r"agentweave:condition:\w+", text)) - recorded
        assert not asked, f"{file.name}: {rule.get('alert') or rule['record']} reads {asked}, which nobody records"


def course(before: int, *parts: tuple[str, int]) -> str:
    """Values at each scrape: healthy so often, then each value so often."""
    return " ".join(["0"] * before + [value for value, times in parts for _ in range(times)])


START, MISSED = 4, 3
"""Scrapes before the trouble, and of the trouble before one is missed."""


def life_of(name: str, alert: Alert) -> Story:
    """One agent is ill and gets well; beside it one is well, one was ill once, one is deleted, one unknown."""
    probe, kind = conditions()[name]
    subject = {"bundle": "authz", "callee": "ranker", "pool": "outbound"}.get(kind.subject, "")
    held, dark, after = round(alert.held / 30), 14, 12
    more = held + 4  # scrapes until well after it fires
    length = START + more + dark + after
    story = Story(f"{name}: fires, outlives a missed scrape and the unknown, resolves")
    reach = course(0, ("1", START + MISSED), ("stale", 1), ("1", length - START - MISSED - 1))
    story.watcher(reach)
    ill = course(START, ("1", MISSED), ("stale", 1), ("1", more - MISSED - 1), ("stale", dark), ("0", after))
    unknown = course(0, ("_", START + more), ("1", dark), ("stale", after))
    blip = course(START, ("1", 2), ("stale", length - START - 2))
    for agent, values in (("ill", ill), ("blip", blip), ("gone", blip), ("well", course(length))):
        of = {"namespace": "prod", "agent": agent, "pod": f"{agent}-0"}
        story.add("condition", values, **WATCHER, **of, probe=probe, condition=kind.name, subject=subject)
        info = course(0, ("1", START + 2), ("stale", length)) if agent == "gone" else reach
        story.add("target_info", info, **WATCHER, **of)
    of = {"namespace": "prod", "probe": probe, "condition": kind.name, "subject": subject}
    reason = kind.reasons[0] if kind.reasons else kind.name
    info = course(0, ("_", START), ("1", MISSED), ("stale", 1), ("1", more - MISSED - 1), ("stale", 1))
    story.add("condition_reason_info", info, **WATCHER, **of, agent="ill", pod="ill-0", reason=reason)
    story.add("condition_unknown", unknown, **WATCHER, **of, agent="ill", pod="ill-0", reason="NeverReached")
    late = course(0, ("_", START + 2), ("1", length - START - 2))
    story.add("condition_unknown", late, **WATCHER, **of, agent="blip", pod="blip-0", reason="NeverReached")
    never = course(0, ("1", length))
    story.add("condition_unknown", never, **WATCHER, **of, agent="dark", pod="dark-0", reason="NeverReached")
    firing = expected(alert, words={"reason": reason}, namespace="prod", agent="ill", subject=subject)
    begin, end = 30 * START, 30 * (START + more + dark)
    story.expect(begin + alert.held - 15, name)
    story.expect(begin + alert.held, name, firing)
    story.expect(end - 15, name, firing)
    story.expect(end + 285, name, firing)
    story.expect(end + 315, name)
    return story


@both_versions
@pytest.mark.parametrize("probe", [probe.name for probe in load_probes()])
def test_the_alerts_of_a_probe_fire_once_outlive_what_is_not_known_and_resolve(
    version: str, probe: str, tmp_path: Path
) -> None:
    stories = [life_of(name, ALERTS[name]) for name, (of, _) in conditions().items() if of == probe]
    report = told_by(version, stories, [CORE, RULES / f"{probe}.yaml"], tmp_path)
    assert not report, report
