"""What deploy/ has for people with an engine, Grafana or systemd: as far as it can be checked without one.

schemas/compose-spec.json: that of the Compose Specification, of github.com/compose-spec/compose-go/v2 2.9.0 (Apache).
"""

import configparser
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.repository import ROOT
from tests.servers.tools import tool
from watcher.cli import make_parser

DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
VERSION = re.findall(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[0]


def _mounts(service: str) -> dict[str, Path]:
    """Where a file or directory is seen inside -> what it is here."""
    pairs = (text.split(":")[:2] for text in SERVICES[service]["volumes"])
    return {inside: (DEPLOY / here).resolve() for here, inside in pairs}


def test_compose_is_valid_by_the_schema_of_the_specification() -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="an independent validator is not installed")
    schema = json.loads((Path(__file__).parent / "schemas" / "compose-spec.json").read_text())
    validator = jsonschema.Draft7Validator(schema)
    assert [error.message for error in validator.iter_errors(COMPOSE)] == []
    wrong = COMPOSE | {"services": {"demo": SERVICES["demo"] | {"ports": "9847:9847", "tempfs": []}}}
    assert len(list(validator.iter_errors(wrong))) == 2


def test_compose_has_four_services_with_images_of_fixed_versions() -> None:
    assert set(COMPOSE) == {"name", "services"}
    assert set(SERVICES) == {"demo", "prometheus", "alertmanager", "grafana"}
    for service in SERVICES.values():
        assert re.fullmatch(r"[a-z-]+(?:/[a-z-]+)?:v?\d+\.\d+\.\d+", service["image"])
    assert SERVICES["demo"]["image"] == f"agentweave-watcher:{VERSION}"
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["demo"]["ports"])


def test_the_demo_of_compose_is_a_command_of_ours_as_slow_as_alerts_need_it() -> None:
    given = make_parser().parse_args(SERVICES["demo"]["command"])
    assert (given.host, given.slower, given.port) == ("0.0.0.0", 20, 9847)


@pytest.mark.parametrize("service", ["prometheus", "alertmanager", "grafana"])
def test_what_compose_mounts_is_there(service: str) -> None:
    assert SERVICES[service]["network_mode"] == "service:demo"
    assert [str(path) for path in _mounts(service).values() if not path.exists()] == []


def test_prometheus_takes_the_config_and_the_rules_as_compose_mounts_them(tmp_path: Path) -> None:
    promtool = tool("promtool")
    (tmp_path / "prometheus.yml").write_text((DEPLOY / "prometheus.yml").read_text())
    (tmp_path / "rules").symlink_to(_mounts("prometheus")["/etc/prometheus/rules"])
    told = subprocess.run(
        [promtool, "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    rules = len(list((ROOT / "alerts" / "rules").glob("*.yaml")))
    assert f"{rules} rule files found" in told.stdout


def test_grafana_finds_the_dashboards_where_compose_mounts_them() -> None:
    [provider] = yaml.safe_load((DEPLOY / "grafana/dashboards/agentweave.yaml").read_text())["providers"]
    dashboards = _mounts("grafana")[provider["options"]["path"]]
    uids = [json.loads(path.read_text())["uid"] for path in dashboards.glob("*.json")]
    assert len(uids) == len(set(uids)) > 3
    [source] = yaml.safe_load((DEPLOY / "grafana/datasources/prometheus.yaml").read_text())["datasources"]
    assert (source["type"], source["isDefault"], source["url"]) == ("prometheus", True, "http://127.0.0.1:9090")


def test_the_unit_of_systemd_runs_what_readme_installs() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment]  # keys as they are written
    unit.read(DEPLOY / "agentweave-watcher.service")
    service = unit["Service"]
    program, *arguments = service["ExecStart"].split()
    readme = (ROOT / "README.md").read_text()
    assert program.removesuffix("/bin/agentweave-watcher") in readme
    assert str(make_parser().parse_args(arguments).file) in readme
    assert f"state_dir: /var/lib/{service['StateDirectory']}" in readme
    assert int(service["RestartPreventExitStatus"]) == 2
