"""The AlertmanagerConfig for the Prometheus operator, and which alerts come through by what it is allowed to see."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.alerting.alertmanager_config import FILE, as_the_operator_makes_it, made
from tests.alerting.test_alertmanager import OURS, RECEIVERS, Alert
from tests.servers.alertmanager_server import amtool

DOCUMENT: dict[str, Any] = yaml.load(FILE.read_text(), Loader=yaml.CSafeLoader)
ROUTE_FIELDS = {
    *("receiver", "groupBy", "groupWait", "groupInterval", "repeatInterval", "matchers", "continue", "routes"),
    *("muteTimeIntervals", "activeTimeIntervals"),
}
RECEIVER_FIELDS = {
    "pagerdutyConfigs": {
        *("sendResolved", "routingKey", "description", "severity", "class", "group", "component", "details"),
        "pagerDutyLinkConfigs",
    },
    "slackConfigs": {"sendResolved", "apiURL", "channel", "title", "titleLink", "fallback", "text"},
    "webhookConfigs": {"sendResolved", "url"},
}
"""Of `monitoring.coreos.com/v1alpha1`, as far as they are used: the operator refuses others."""


def test_it_is_made_from_the_example() -> None:
    assert FILE.read_text() == made(), "run python -m tests.alerting.alertmanager_config"


def test_it_has_only_fields_that_there_are() -> None:
    routes = [DOCUMENT["spec"]["route"]]
    for route in routes:
        assert set(route) <= ROUTE_FIELDS
        assert all(set(each) == {"name", "matchType", "value"} for each in route["matchers"])
        routes += route.get("routes", [])
    assert len(routes) > 10
    for receiver in DOCUMENT["spec"]["receivers"]:
        for kind, configs in receiver.items():
            for config in configs if kind != "name" else ():
                assert set(config) <= RECEIVER_FIELDS[kind]
    assert {route["receiver"] for route in routes if "receiver" in route} <= {
        receiver["name"] for receiver in DOCUMENT["spec"]["receivers"]
    }


@pytest.mark.parametrize("pinned", [False, True], ids=["from PATH", "pinned"])
@pytest.mark.parametrize(
    ("strategy", "own", "comes_through"),
    [
        ("None", "elsewhere", lambda _: True),
        ("OnNamespaceExceptForAlertmanagerNamespace", "monitoring", lambda _: True),
        (
            "OnNamespaceExceptForAlertmanagerNamespace",
            "elsewhere",
            lambda alert: alert.get("namespace") == "monitoring",
        ),
        ("OnNamespace", "monitoring", lambda alert: alert.get("namespace") == "monitoring"),
    ],
    ids=["None", "beside Alertmanager", "not beside Alertmanager", "OnNamespace"],
)
def test_what_comes_through(strategy: str, own: str, comes_through: Any, pinned: bool, tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yaml"
    file.write_text(yaml.safe_dump(as_the_operator_makes_it(DOCUMENT, own, strategy=strategy)))
    assert amtool("check-config", file, pinned=pinned).returncode == 0
    one = {alert["alertname"]: alert for alert in OURS}
    for alert in (*one.values(), one["AgentWeaveMemoryHigh"] | {"namespace": "monitoring"}):
        receiver = RECEIVERS[alert["severity"]] if comes_through(alert) else "null"
        assert _receiver(file, alert, pinned=pinned) == receiver, alert


def _receiver(file: Path, alert: Alert, *, pinned: bool) -> str:
    said = amtool(
        *("config", "routes", "test", f"--config.file={file}"), *(f"{k}={v}" for k, v in alert.items()), pinned=pinned
    )
    assert said.returncode == 0, said.stdout
    return str(said.stdout).strip()
