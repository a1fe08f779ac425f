"""A daemon that is scraped by the Prometheus that it asks: what turns there turns the findings of its agents."""

import socket
from pathlib import Path

import httpx
import pytest
import yaml

from tests.alerting.rules import RULES, groups
from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.process import eventually
from tests.servers.prometheus_server import run_prometheus
from tests.servers.watched_fleet import run_fleet

ROTATION = "alerts.svid-rotation-failing"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _rules(*, without: str = "") -> str:
    every = [{**group, "interval": "1s"} for file in ("watcher.yaml", "svid.yaml") for group in groups(RULES / file)]
    kept = [{**group, "rules": [each for each in group["rules"] if each.get("alert") != without]} for group in every]
    return yaml.dump({"groups": kept}, Dumper=yaml.CSafeDumper)


def _await(daemon: DaemonProcess, state: str) -> str:
    """The message of the finding once it has this state."""

    def found() -> str | None:
        answer = daemon.get("/api/v1/readiness/prod/search")
        if answer.status_code != 200:
            return None
        [agent] = answer.json()["agents"]
        [finding] = [each for each in agent["findings"] if each["control"] == ROTATION]
        return str(finding["message"]) if finding["state"] == state else None

    said = eventually(found, within=90)
    assert said is not None
    return said


def test_an_alert_rule_that_is_deleted_turns_the_finding_of_each_agent(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    port, rules = _free_port(), tmp_path / "rules.yaml"
    rules.write_text(_rules())
    page, flags = f"http://127.0.0.1:{port}/metrics", ("--web.enable-lifecycle",)
    with (
        run_prometheus(page, rules=[rules], flags=flags) as prometheus,
        run_fleet(tmp_path_factory.mktemp("fleet"), "search", with_opa=False) as fleet,
    ):
        asked = {"intervals": {"prometheus": "1m"}, "prometheus": {"url": prometheus.url}}
        config = fleet.config(server={"port": port}, probes={}, checklist=asked)
        with run_daemon(tmp_path, config) as daemon:
            eventually(
                lambda: prometheus.query('agentweave_watcher_condition{condition="SVIDRotationOverdue"}'), within=60
            )
            daemon.reload()  # which begins a round at once
            assert _await(daemon, "pass") == "The rule AgentWeaveSVIDRotationOverdue watches it."
            rules.write_text(_rules(without="AgentWeaveSVIDRotationOverdue"))
            httpx.post(f"{prometheus.url}/-/reload", trust_env=False).raise_for_status()
            daemon.reload()
            assert _await(daemon, "fail") == f"No alerting rule is loaded that answers {ROTATION}."
            assert daemon.page().value("evidence_source_up", source="prometheus", reason="") == 1
