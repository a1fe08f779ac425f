"""The chart, as both versions of Helm render it."""

import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.golden import cases, changes
from tests.chart.render import CHART, HELMS, Document, Values, helm, notes, pods, rendered, rendered_text
from tests.chart.values_table import README, values, with_table
from tests.repository import ROOT
from watcher.checklist.live.kubernetes.objects.kinds import Group, kinds
from watcher.checklist.live.kubernetes.objects.report_kinds import report_kinds
from watcher.checklist.live.kubernetes.objects.workloads import reduce_workload
from watcher.cli import main
from watcher.config.sections import sections
from watcher.config.witnesses.objects import KubernetesEvidence

INVALID = yaml.load((ROOT / "tests" / "chart" / "invalid.yaml").read_text(), Loader=yaml.CSafeLoader)
ALL: Values = {
    "prometheusRule": {"enabled": True},
    "rulesConfigMap": {"enabled": True},
    "networkPolicy": {"enabled": True},
    "podDisruptionBudget": {"enabled": True},
    "agentNetworkPolicy": {"namespaces": ["prod"]},
    "serviceMonitor": {"enabled": True},
    "grafana": {"dashboards": {"enabled": True}},
    "spire": {"mode": "csi"},
    "rbac": {"spire": True},
    "discovery": {"kubernetes": {"clusterSpiffeIds": {"trustDomain": "example.org"}}},
}
CONFIGURED = "data.config.yaml"


def _goldens() -> list[Any]:
    return [pytest.param(yaml.load(path.read_text(), Loader=yaml.CSafeLoader), id=path.stem) for path in cases()]


@pytest.mark.parametrize("version", HELMS)
def test_the_chart_has_nothing_to_complain_of(version: str) -> None:
    told = helm(version, "lint", "--strict", CHART, values=ALL)
    assert told.returncode == 0, told.stdout
    assert "WARNING" not in told.stdout + told.stderr


@pytest.mark.parametrize("values", [{}, ALL], ids=["default", "all"])
def test_both_versions_of_helm_render_the_same(values: Values) -> None:
    # Helm 4.3 ends a document with one more empty line.
    texts = (rendered_text(values, version) for version in HELMS)
    older, newer = (list(yaml.load_all(text, Loader=yaml.CSafeLoader)) for text in texts)
    assert older == newer


@pytest.mark.parametrize("golden", _goldens())
def test_a_switch_changes_what_is_written_down(golden: Document) -> None:
    assert golden["changes"] == changes(golden["values"]), "if that is meant, run python -m tests.chart.golden"
    assert golden["changes"]


def _paths(section: Any, above: str = "") -> Iterator[str]:
    yield above
    if isinstance(section, dict):
        for key, value in section.items():
            yield from _paths(value, f"{above}.{key}".removeprefix("."))


def test_every_value_is_switched_in_a_golden_file() -> None:
    switched = {path for context in _goldens() for path in _paths(context.values[0]["values"])}
    elsewhere = re.compile(
        r"nameOverride|fullnameOverride|prometheusRule\.(\w+Prefix|job|additionalRuleLabels|overrides)"
    )
    everything = [value.path for value in values((CHART / "values.yaml").read_text())]
    assert [path for path in everything if path not in switched and not elsewhere.fullmatch(path)] == []


@pytest.mark.parametrize("version", HELMS)
@pytest.mark.parametrize("context", INVALID, ids=lambda context: "-".join(context["says"])[:60])
def test_values_that_are_wrong_are_refused_by_name(context: Document, version: str) -> None:
    told = helm(version, "template", "w", CHART, values=context["values"])
    assert told.returncode != 0
    assert [words for words in context["says"] if words not in told.stderr] == []


def test_all_values_have_a_place_in_the_schema_and_all_sections_refuse_what_is_unknown() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    for value in values((CHART / "values.yaml").read_text()):
        section, above = schema, ""
        for key in value.path.split("."):
            # In `global` stands what other charts of the same installation want, too.
            assert above == "global" or section["additionalProperties"] is False, value.path
            section, above = section["properties"][key], key


def test_every_section_of_the_config_may_stand_in_the_values() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert schema["properties"]["config"]["properties"].keys() == sections().model_fields.keys()


def test_names_can_be_chosen() -> None:
    assert "Deployment/eyes" in rendered({"fullnameOverride": "eyes"})
    documents = rendered({"nameOverride": "dog"})
    assert documents["Deployment/w-dog"]["spec"]["selector"]["matchLabels"]["app.kubernetes.io/name"] == "dog"


def _config(documents: dict[str, Document]) -> str:
    return str(documents["ConfigMap/w-agentweave-watcher"]["data"]["config.yaml"])


@pytest.mark.parametrize(
    "values",
    [{}, *(context.values[0]["values"] for context in _goldens() if CONFIGURED in str(context.values[0]))],
    ids=str,
)
def test_the_daemon_takes_every_config_that_the_chart_makes(values: Values, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(_config(rendered(values)))
    assert main(["config", "check", str(file)]) == 0


KINDS = (*kinds(reduce_workload), *report_kinds())


def _of_groups(*groups: Group, namespaced: bool = False) -> dict[str, set[str]]:
    """What the code lists and watches for the checklist; `namespaced`: of that, what a Role can give."""
    wanted = (kind for kind in KINDS if kind.group in groups and (kind.namespaced or not namespaced))
    return {kind.plural: {"list", "watch"} for kind in wanted}


PODS = {"pods": {"list", "watch"}, "configmaps": {"get"}, "services": {"get"}, "events": {"create", "patch"}}
READ = PODS | _of_groups(Group.WORKLOADS, Group.NETWORK, Group.REPORTS)
OFF = {"workloads": False, "network": False, "reports": False}
SPIRE = {"clusterspiffeids": {"list", "watch"}, "namespaces": {"get"}}
REPORTS = {name: {"get", "create", "patch", "delete"} for name in ("reports", "policyreports")}


@pytest.mark.parametrize(
    ("rbac", "role", "allowed"),
    [
        ({}, "ClusterRole/watch-w-agentweave-watcher-bcee3376", READ),
        ({"spire": True}, "ClusterRole/watch-w-agentweave-watcher-bcee3376", READ | SPIRE),
        (
            {"scope": "namespaces", "namespaces": ["prod"]},
            "Role/prod/watch-w-agentweave-watcher-bcee3376",
            PODS | _of_groups(Group.WORKLOADS, Group.NETWORK, Group.REPORTS, namespaced=True),
        ),
        ({"checklist": OFF}, "ClusterRole/watch-w-agentweave-watcher-bcee3376", PODS),
        ({"checklist": OFF, "writeReports": True}, "ClusterRole/watch-w-agentweave-watcher-bcee3376", PODS | REPORTS),
        (
            {"checklist": OFF, "podLogs": True},
            "ClusterRole/watch-w-agentweave-watcher-bcee3376",
            PODS | {"pods/log": {"get"}},
        ),
        (
            {"checklist": OFF, "podEvents": True},
            "ClusterRole/watch-w-agentweave-watcher-bcee3376",
            PODS | {"events": {"create", "patch", "list"}},
        ),
        (
            {"checklist": OFF | {"rbac": True, "spire": True}},
            "ClusterRole/watch-w-agentweave-watcher-bcee3376",
            PODS | _of_groups(Group.RBAC, Group.SPIRE),
        ),
    ],
)
def test_roles_allow_what_the_watcher_needs_and_nothing_else(rbac: Values, role: str, allowed: object) -> None:
    found: dict[str, set[str]] = {}
    identities = {"trustDomain": "example.org"} if rbac.get("spire") else {}
    documents = rendered({"rbac": rbac, "discovery": {"kubernetes": {"clusterSpiffeIds": identities}}})
    for rule in documents[role]["rules"]:
        for resource in rule["resources"]:
            found.setdefault(resource, set()).update(rule["verbs"])
    assert found == allowed
    made = [name.partition("/")[0] for name in documents if "Role/" in name]
    assert made == [role.partition("/")[0]]


def test_groups_and_kinds_of_the_checklist_stand_by_their_names_in_chart_and_config() -> None:
    named = {str(group) for group in Group}
    assert set(yaml.safe_load((CHART / "values.yaml").read_text())["rbac"]["checklist"]) == named
    assert set(KubernetesEvidence.model_fields) == named
    documents = rendered({"rbac": {"checklist": dict.fromkeys(named, True)}})
    [role] = [each for name, each in documents.items() if name.startswith("ClusterRole/")]
    groups = {(group, plural) for rule in role["rules"] for group in rule["apiGroups"] for plural in rule["resources"]}
    assert {(kind.api, kind.plural) for kind in KINDS} <= groups
    assert "secrets" not in {plural for _, plural in groups}


@pytest.mark.parametrize("values", [{}, ALL], ids=["default", "all"])
def test_pods_are_what_pod_security_restricted_asks_for(values: Values) -> None:
    found = dict(pods(rendered(values)))
    assert sorted(found) == ["Deployment/w-agentweave-watcher", "Pod/w-agentweave-watcher-test"]
    for spec in found.values():
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        assert all({"configMap", "emptyDir", "csi"} & volume.keys() for volume in spec.get("volumes", []))
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            context = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True}
            assert container["securityContext"] == context | {"capabilities": {"drop": ["ALL"]}}


def test_the_notes_say_what_to_do_next_and_what_is_missing() -> None:
    told = notes()
    assert all(command in told for command in ("rollout status", "port-forward", "helm -n watch test w"))
    policies = rendered({"agentNetworkPolicy": {"namespaces": ["prod"]}})
    printed = re.search(r"^  apiVersion:.*?(?=^\S)", told, re.MULTILINE | re.DOTALL)
    assert printed
    policy = yaml.load(printed[0].replace("NAMESPACE", "prod"), Loader=yaml.CSafeLoader)
    assert policy == policies["NetworkPolicy/prod/watch-w-agentweave-watcher-bcee3376-may-look"]
    assert "NetworkPolicy" not in notes({"agentNetworkPolicy": {"namespaces": ["prod"]}})
    assert "prometheusRule.labels is empty" in notes({"prometheusRule": {"enabled": True}})


def test_the_table_of_values_is_up_to_date_and_complete() -> None:
    assert with_table(README.read_text()) == README.read_text(), "run python -m tests.chart.values_table"
    assert [value.path for value in values((CHART / "values.yaml").read_text()) if not value.comment] == []


@pytest.mark.parametrize("version", HELMS)
def test_a_package_holds_the_files_that_links_lead_to(version: str, tmp_path: Path) -> None:
    assert (CHART / "files" / "rules").readlink() == Path("../../../alerts/rules")
    assert (CHART / "files" / "optional-rules").readlink() == Path("../../../alerts/optional-rules")
    assert (CHART / "files" / "dashboards").readlink() == Path("../../../alerts/dashboards")
    assert helm(version, "package", CHART, "--destination", tmp_path).returncode == 0
    [file] = tmp_path.iterdir()
    with tarfile.open(file) as archive:
        held = {member.name: member.isfile() for member in archive.getmembers()}
    for folder in ("rules", "optional-rules", "dashboards"):
        for path in (ROOT / "alerts" / folder).iterdir():
            assert held[f"agentweave-watcher/files/{folder}/{path.name}"]
    assert file.stat().st_size < 500_000


def test_the_version_of_the_app_is_that_of_the_package() -> None:
    [version] = re.findall(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert yaml.load((CHART / "Chart.yaml").read_text(), Loader=yaml.CSafeLoader)["appVersion"] == version
