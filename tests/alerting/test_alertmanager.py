"""Who is told of which alert, together with what: the example for Alertmanager, on a real one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.repository import ROOT
from tests.servers.alertmanager_server import AlertmanagerServer, Group, amtool, run_alertmanager
from tests.servers.process import eventually
from tests.servers.webhook import Notification, Webhook, run_webhook

ALERTS = ROOT / "alerts"
EXAMPLE = ALERTS / "alertmanager" / "alertmanager.yaml"
INHIBITION = ALERTS / "alertmanager" / "inhibition.yaml"
CONFIG: dict[str, Any] = yaml.load(EXAMPLE.read_text(), Loader=yaml.CSafeLoader)
PIN = pytest.mark.parametrize("pinned", [False, True], ids=["from PATH", "pinned"])

INSTALLATION = {"cluster": "c", "job": "watch/w"}
AGENT = {**INSTALLATION, "namespace": "prod", "agent": "search"}
SECURITY = ("OPAWrongAllow", "SVIDWrongIdentity", "SVIDNotTrusted", "TLSMissing")
OUTAGE = ("AgentUnreachable", "SVIDExpired", "OPAUnreachable", "ErrorRateHigh", "LatencyHigh", "ErrorBudgetFastBurn")
RECEIVERS = {"critical": "pagerduty", "warning": "slack", "none": "deadmansswitch"}
PEOPLE = ("critical", "warning")
SLOWER = 60  # how much longer a minute of the example takes than one of these tests
Alert = dict[str, str]  # its labels
Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Rule:
    """An alert as the rules have it."""

    labels: Mapping[str, str]
    held_for: float  # seconds

    @property
    def alert(self) -> Alert:
        """The alert that fires by it, of one agent where it is about agents."""
        beyond = {"fleet": {**INSTALLATION, "condition": "MemoryHigh"}, "watcher": INSTALLATION}
        return {**self.labels, **beyond.get(self.labels["component"], AGENT)}


def _seconds(duration: str) -> float:
    return sum(
        float(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]
        for number, unit in re.findall(r"(\d+)(ms|s|m|h)", duration)
    )


def _rules() -> dict[str, Rule]:
    paths = [path for folder in ("rules", "optional-rules") for path in sorted((ALERTS / folder).glob("*.yaml"))]
    files = [yaml.load(path.read_text(), Loader=yaml.CSafeLoader) for path in paths]
    alerts = [rule for file in files for group in file["groups"] for rule in group["rules"] if "alert" in rule]
    return {
        rule["alert"]: Rule({"alertname": rule["alert"], **rule["labels"]}, _seconds(rule.get("for", "0s")))
        for rule in alerts
    }


RULES = _rules()
DRILLS: list[Alert] = [
    {"alertname": "AgentWeaveDrill", "severity": severity, "drill": kind, "component": "drill", "drill_id": kind}
    for severity in PEOPLE
    for kind in ("true", "deliver")
]
FLEET_WIDE: list[Alert] = [RULES["AgentWeaveFleetWide"].alert | {"condition": name} for name in SECURITY]
NARROWER: list[Alert] = [
    RULES["AgentWeaveFleetWide"].alert | where
    for where in ({"namespace": "prod"}, {"namespace": "dev"}, {"node": "n3"})
]
OURS = [rule.alert for rule in RULES.values()] + DRILLS + FLEET_WIDE + NARROWER
OTHERS = {"Watchdog": "deadmansswitch", "KubePodCrashLooping": "webhook"}


def _groups_by(alert: Alert) -> set[str]:
    """The labels that are to be the same in all alerts of its group."""
    if alert["component"] == "drill":
        return {"cluster", "alertname", "severity", "drill_id"}
    if alert["component"] == "fleet":
        return {*INSTALLATION, "alertname", "namespace", "node"} | ({"condition"} if alert in FLEET_WIDE else set())
    if alert["severity"] == "none":
        return {"cluster", "alertname"}
    if alert["component"] == "watcher":
        return {*INSTALLATION, "alertname"}
    alone = alert["alertname"].removeprefix("AgentWeave") in SECURITY
    return {*AGENT} | ({"alertname"} if alone else set())


def _said(alert: Alert) -> list[str]:
    return [f"{name}={value}" for name, value in alert.items()]


@PIN
def test_the_example_and_the_piece_of_it_are_what_alertmanager_loads(pinned: bool, tmp_path: Path) -> None:
    whole = tmp_path / "whole.yaml"
    whole.write_text("route: {receiver: a}\nreceivers: [{name: a}]\n" + INHIBITION.read_text())
    for file in (EXAMPLE, whole):
        checked = amtool("check-config", file, pinned=pinned)
        assert checked.returncode == 0, checked.stdout
        assert " - 2 inhibit rules" in checked.stdout
    with run_alertmanager(EXAMPLE, pinned=pinned) as alertmanager:
        assert alertmanager.alerts() == []


def test_the_piece_to_paste_has_the_rules_of_theexample() -> None:
    assert yaml.load(INHIBITION.read_text(), Loader=yaml.CSafeLoader) == {"inhibit_rules": CONFIG["inhibit_rules"]}


def test_no_secret_stands_in_theexample() -> None:
    inline = re.findall(r"\b(?:routing_key|service_key|api_url|credentials|password|url_file):", EXAMPLE.read_text())
    assert inline == []


@PIN
def test_every_alert_goes_to_the_receiver_of_its_severity(pinned: bool) -> None:
    wrong = [
        said.stdout
        for alert, receiver in [
            *((alert, RECEIVERS[alert["severity"]]) for alert in OURS),
            *(({"alertname": name, "severity": "critical"}, receiver) for name, receiver in OTHERS.items()),
        ]
        if (said := _route_test(alert, receiver, pinned=pinned)).returncode
    ]
    assert wrong == []


def _route_test(alert: Alert, receiver: str, *, pinned: bool) -> Any:
    ask = ("config", "routes", "test", f"--config.file={EXAMPLE}", f"--verify.receivers={receiver}")
    return amtool(*ask, *_said(alert), pinned=pinned)


def test_every_alert_of_the_config_is_one_of_the_rules() -> None:
    named = re.findall(r'alertname=~?"([^"]+)"', EXAMPLE.read_text())
    names = {name for each in named for name in each.split("|")} - {"AgentWeave.+", "Watchdog"}
    assert names <= RULES.keys()
    assert {f"AgentWeave{name}" for name in (*SECURITY, *OUTAGE)} <= names
    conditions = re.findall(r'condition=~?"([^"]+)"', EXAMPLE.read_text())
    assert {f"AgentWeave{name}" for each in conditions for name in each.split("|")} <= RULES.keys()


@pytest.fixture(scope="module")
def groups() -> Iterator[list[Group]]:
    """How a real Alertmanager groups one alert of each kind."""
    with example() as (alertmanager, _):
        alertmanager.post(*({"labels": alert} for alert in OURS))

        def all_there() -> list[Group]:
            found = alertmanager.groups()
            return found if sum(len(group.alerts) for group in found) == len(OURS) else []

        yield eventually(all_there)


def test_alerts_are_grouped_with_what_belongs_to_them_and_nothing_else(groups: list[Group]) -> None:
    expected: dict[tuple[str, Labels, bool], list[str]] = {}
    for alert in OURS:
        labels = frozenset((name, alert[name]) for name in _groups_by(alert) & alert.keys())
        outage = alert["alertname"].removeprefix("AgentWeave") in OUTAGE
        expected.setdefault((RECEIVERS[alert["severity"]], labels, outage), []).append(alert["alertname"])
    found = [
        (group.receiver, sorted(group.labels.items()), sorted(each["labels"]["alertname"] for each in group.alerts))
        for group in groups
    ]
    assert sorted(found) == sorted(
        (receiver, sorted(labels), sorted(names)) for (receiver, labels, _), names in expected.items()
    )


def _matching(matchers: Sequence[str]) -> list[Rule]:
    """The rules whose alerts these matchers match, which look at the name of the alert alone."""
    [matcher] = matchers
    [names] = re.findall(r'^alertname=~?"([A-Za-z|]+)"$', matcher)
    return [RULES[name] for name in names.split("|")]


INHIBITIONS = [
    (source, target, rule["equal"])
    for rule in CONFIG["inhibit_rules"]
    for source in _matching(rule["source_matchers"])
    for target in _matching(rule["target_matchers"])
]


def test_an_alert_is_muted_only_by_one_of_its_own_group(groups: list[Group]) -> None:
    assert len(INHIBITIONS) == 3
    for source, target, equal in INHIBITIONS:
        [group] = [each for each in groups if source.alert in [alert["labels"] for alert in each.alerts]]
        assert target.alert in [alert["labels"] for alert in group.alerts]
        assert set(group.labels) == set(equal)


def test_what_mutes_fires_before_what_it_mutes() -> None:
    late = [(source, target) for source, target, _ in INHIBITIONS if not 0 < source.held_for < target.held_for]
    assert late == []


def test_nothing_of_the_watcher_mutes_anything() -> None:
    assert {source.labels["component"] for source, *_ in INHIBITIONS} == {"svid", "opa"}


ALWAYS = [{"name": "working-hours", "time_intervals": [{"times": [{"start_time": "00:00", "end_time": "24:00"}]}]}]
NEVER = [{"name": "working-hours", "time_intervals": [{"years": ["1990"]}]}]
"""In place of working hours: a test must not depend on when it runs."""


def faster(node: object) -> Any:
    """The same routes, at a sixtieth of their times."""
    if isinstance(node, dict):
        times = ("group_wait", "group_interval", "repeat_interval")
        return {key: _scaled(inner) if key in times else faster(inner) for key, inner in node.items()}
    return [faster(inner) for inner in node] if isinstance(node, list) else node


def _scaled(duration: str) -> str:
    return f"{round(_seconds(duration) * 1000 / SLOWER)}ms"


@contextmanager
def example(*, pinned: bool = False, hours: Any = ALWAYS) -> Iterator[tuple[AlertmanagerServer, Webhook]]:
    """The example's routes on a real Alertmanager; each of its receivers is a path of the webhook."""
    with run_webhook() as webhook:
        names = [receiver["name"] for receiver in CONFIG["receivers"]]
        heard = [{"name": name, "webhook_configs": [{"url": f"{webhook.url}/{name}"}]} for name in names]
        config = yaml.safe_dump(faster(CONFIG) | {"receivers": heard, "time_intervals": hours})
        with run_alertmanager(config, pinned=pinned) as alertmanager:
            yield alertmanager, webhook


def _post(alertmanager: AlertmanagerServer, *names: str, **labels: str) -> None:
    alertmanager.post(*({"labels": RULES[f"AgentWeave{name}"].alert | labels} for name in names))


def _pages(webhook: Webhook, agent: str, *, at_least: int = 1) -> list[Notification]:
    """The pages about an agent, once there are so many."""

    def told() -> list[Notification]:
        found = [each for each in webhook.told("/pagerduty") if each.body["groupLabels"].get("agent") == agent]
        return found if len(found) >= at_least else []

    return eventually(told)


def _names(*names: str) -> list[str]:
    return [f"AgentWeave{name}" for name in names]


@PIN
def test_an_alert_that_is_muted_is_not_delivered(pinned: bool) -> None:
    with example(pinned=pinned) as (alertmanager, webhook):
        _post(alertmanager, "SVIDRotationOverdue", "SVIDExpiryImminent")
        _post(alertmanager, "LatencyHigh", "ErrorRateHigh", "OPAUnreachable", agent="billing")
        _post(alertmanager, "SVIDRotationOverdue", agent="guard")
        assert _pages(webhook, "search")[0].names() == _names("SVIDExpiryImminent")
        assert _pages(webhook, "billing")[0].names() == _names("OPAUnreachable")
        assert _pages(webhook, "guard")[0].names() == _names("SVIDRotationOverdue")
        _post(alertmanager, "MemoryHigh")
        later = _pages(webhook, "search", at_least=2)[1]
        assert later.names() == _names("MemoryHigh", "SVIDExpiryImminent")


@PIN
@pytest.mark.parametrize("outage", ["SVIDExpired", "AgentUnreachable"])
def test_an_outage_is_no_part_of_what_somebody_has_acknowledged_already(outage: str, pinned: bool) -> None:
    with example(pinned=pinned) as (alertmanager, webhook):
        _post(alertmanager, "SVIDRotationOverdue")
        acknowledged = _pages(webhook, "search")[0]
        _post(alertmanager, outage)
        later = _pages(webhook, "search", at_least=2)[1]
        assert (acknowledged.names(), later.names()) == (_names("SVIDRotationOverdue"), _names(outage))
        assert later.body["groupKey"] != acknowledged.body["groupKey"]
        over = {"endsAt": datetime.now(UTC).isoformat()}
        alertmanager.post({"labels": RULES["AgentWeaveSVIDRotationOverdue"].alert, **over})
        end = _pages(webhook, "search", at_least=3)[2].body  # what it came of is over, and that is told
        assert (end["groupKey"], end["status"]) == (acknowledged.body["groupKey"], "resolved")


def test_an_agent_that_is_dead_with_its_opa_is_one_incident() -> None:
    with example() as (alertmanager, webhook):
        _post(alertmanager, "AgentUnreachable", "OPAUnreachable", "ErrorRateHigh")
        assert _pages(webhook, "search")[0].names() == _names("AgentUnreachable", "OPAUnreachable")


@PIN
def test_a_wrong_allow_is_told_at_once_and_not_with_what_is_wrong_with_the_agent_already(pinned: bool) -> None:
    with example(pinned=pinned) as (alertmanager, webhook):
        _post(alertmanager, "MemoryHigh", "OPAWrongAllow")
        wrong_allow, memory = _pages(webhook, "search", at_least=2)
        assert (wrong_allow.names(), memory.names()) == (_names("OPAWrongAllow"), _names("MemoryHigh"))
        assert wrong_allow.body["groupKey"] != memory.body["groupKey"]
        assert memory.at - wrong_allow.at > 0.25  # of the 500 ms that the other one waits for company


WARNINGS = [alert for alert in OURS if alert["severity"] == "warning" and alert["component"] != "drill"]


@PIN
def test_out_of_working_hours_a_warning_is_told_to_nobody_and_a_page_and_a_drill_are(pinned: bool) -> None:
    drills = [drill for drill in DRILLS if drill["drill"] == "deliver"]
    with example(pinned=pinned, hours=NEVER) as (alertmanager, webhook):
        alertmanager.post(*({"labels": alert} for alert in WARNINGS))
        _post(alertmanager, "MemoryHigh")
        alertmanager.post(*({"labels": drill} for drill in drills))
        _pages(webhook, "search")
        eventually(lambda: len(webhook.told()) >= 3)
        assert sorted(each.names() for each in webhook.told()) == sorted([_names("MemoryHigh"), *[_names("Drill")] * 2])
        told = alertmanager.alerts('severity="warning"', 'drill=""')
        assert len(told) == len(WARNINGS)  # they are there, and wait
        alertmanager.reload(_with_hours(alertmanager, ALWAYS))
        eventually(lambda: _warned(webhook) == {alert["alertname"] for alert in WARNINGS})


def _with_hours(alertmanager: AlertmanagerServer, hours: Any) -> str:
    return yaml.safe_dump(
        yaml.load(alertmanager.config.read_text(), Loader=yaml.CSafeLoader) | {"time_intervals": hours}
    )


def _warned(webhook: Webhook) -> set[str]:
    told = [each for each in webhook.told("/slack") if each.names() != _names("Drill")]
    return {name for each in told for name in each.names()}


def test_every_route_of_warnings_that_tells_people_has_the_working_hours() -> None:
    """They are not handed down to the routes within."""
    [warnings] = [each for each in CONFIG["route"]["routes"] if 'severity="warning"' in each["matchers"]]
    for route in (warnings, *warnings["routes"]):
        drill = any(matcher.startswith("drill=") for matcher in route["matchers"])
        assert route.get("active_time_intervals", []) == ([] if drill else ["working-hours"]), route["matchers"]
    told = yaml.safe_dump([each for each in CONFIG["route"]["routes"] if each is not warnings])
    assert "time_intervals" not in told


def test_the_time_between_working_hours_is_longer_than_until_a_warning_is_repeated() -> None:
    [hours] = CONFIG["time_intervals"]
    [each] = hours["time_intervals"]
    [times] = each["times"]
    begin, end = (int(times[name].partition(":")[0]) for name in ("start_time", "end_time"))
    assert 3600 * (24 - end + begin) > _seconds(CONFIG["route"]["repeat_interval"])


def test_a_drill_that_ends_in_time_is_told_to_nobody() -> None:
    with example() as (alertmanager, webhook):
        alertmanager.post(*({"labels": drill} for drill in DRILLS if drill["drill"] == "true"))
        _post(alertmanager, "MemoryHigh")
        _pages(webhook, "search")
        assert [told.names() for told in webhook.told()] == [_names("MemoryHigh")]


def test_a_drill_that_is_to_be_delivered_is_told_at_once_and_by_itself() -> None:
    drills = [drill for drill in DRILLS if drill["drill"] == "deliver"]
    with example() as (alertmanager, webhook):
        alertmanager.post(*({"labels": drill} for drill in drills))
        told = eventually(lambda: _at_least(2, webhook.told()))
        assert sorted(each.body["receiver"] for each in told) == ["pagerduty", "slack"]
        assert [each.names() for each in told] == [_names("Drill")] * 2


@pytest.mark.parametrize("name", ["Watchdog", "AgentWeaveWatchdog"])
def test_the_dead_mans_switch_is_told_every_minute(name: str) -> None:
    with example() as (alertmanager, webhook):
        alertmanager.post({"labels": {"alertname": name}})
        told = eventually(lambda: _at_least(4, webhook.told("/deadmansswitch")))
        gaps = [after.at - before.at for before, after in pairwise(told)]
        assert 0.9 < min(gaps) < 1.5


def _at_least(count: int, notifications: list[Notification]) -> list[Notification]:
    return notifications if len(notifications) >= count else []
