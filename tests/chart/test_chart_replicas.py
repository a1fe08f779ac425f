"""The chart with more than one pod: shards, each with its part of the fleet, or a warm standby."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.kubernetes_schemas import VERSIONS, mistakes
from tests.chart.render import CHART, HELMS, Documents, Values, helm, is_custom, notes, pods, rendered, rendered_text
from tests.chart.test_chart import ALL
from watcher.config.settings import Settings, load_settings

NAME = "w-agentweave-watcher"
SHARDS: Values = {"shards": 3}
STANDBY: Values = {"replicas": 2}
BOTH = pytest.mark.parametrize("values", [{**ALL, **SHARDS}, {**ALL, **STANDBY}], ids=["shards", "standby"])


def settings(documents: Documents, directory: Path, environ: dict[str, str]) -> Settings:
    file = directory / "config.yaml"
    file.write_text(documents[f"ConfigMap/{NAME}"]["data"]["config.yaml"])
    return load_settings(file, environ)


def workload_pod(documents: Documents) -> dict[str, Any]:
    [spec] = [spec for name, spec in pods(documents) if not name.startswith("Pod/")]
    return spec


@BOTH
@pytest.mark.parametrize("version", HELMS)
def test_the_chart_has_nothing_to_complain_of(version: str, values: Values) -> None:
    told = helm(version, "lint", "--strict", CHART, values=values)
    assert told.returncode == 0, told.stdout
    assert "WARNING" not in told.stdout + told.stderr


@BOTH
def test_both_versions_of_helm_render_the_same(values: Values) -> None:
    older, newer = (list(yaml.load_all(rendered_text(values, each), Loader=yaml.CSafeLoader)) for each in HELMS)
    assert older == newer


@BOTH
@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_all_manifests(version: str, values: Values) -> None:
    documents = [each for each in rendered(values).values() if not is_custom(each)]
    assert mistakes(documents, version) == {}


def test_each_shard_is_told_its_index_by_its_own_label_and_the_count_by_the_config(tmp_path: Path) -> None:
    documents = rendered(SHARDS)
    stateful_set = documents[f"StatefulSet/{NAME}"]["spec"]
    assert f"Deployment/{NAME}" not in documents
    assert (stateful_set["replicas"], stateful_set["podManagementPolicy"]) == (3, "Parallel")
    [container] = workload_pod(documents)["containers"]
    [variable] = [each for each in container["env"] if "SHARD" in each["name"]]
    assert variable["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.labels['apps.kubernetes.io/pod-index']"
    read = [settings(documents, tmp_path, {variable["name"]: str(index)}) for index in range(3)]
    assert [(each.shard.index, each.shard.count) for each in read] == [(0, 3), (1, 3), (2, 3)]


def test_each_shard_keeps_its_history_on_a_volume_of_its_own_unless_told_otherwise() -> None:
    for enabled in (True, False):
        documents = rendered({**SHARDS, "state": {"persistence": {"enabled": enabled}}})
        claims = [
            each["metadata"]["name"]
            for each in documents[f"StatefulSet/{NAME}"]["spec"].get("volumeClaimTemplates", [])
        ]
        volumes = [each["name"] for each in workload_pod(documents)["volumes"]]
        assert sorted([*claims, *volumes]) == ["config", "state"]
        assert claims == ["state"] * enabled


def test_no_pod_is_scraped_twice() -> None:
    documents = rendered({**SHARDS, "serviceMonitor": {"enabled": True}})
    wanted = documents[f"ServiceMonitor/{NAME}"]["spec"]["selector"]["matchLabels"].items()
    selected = [
        name
        for name, each in documents.items()
        if each["kind"] == "Service" and wanted <= each["metadata"]["labels"].items()
    ]
    assert selected == [f"Service/{NAME}"]
    headless = documents[f"Service/{NAME}-shards"]
    assert headless["spec"]["clusterIP"] == "None"
    assert documents[f"StatefulSet/{NAME}"]["spec"]["serviceName"] == headless["metadata"]["name"]
    assert headless["spec"]["selector"] == documents[f"Service/{NAME}"]["spec"]["selector"]


def test_a_standby_shares_a_lease_of_the_releases_name_and_namespace(tmp_path: Path) -> None:
    documents = rendered(STANDBY)
    assert documents[f"Deployment/{NAME}"]["spec"]["replicas"] == 2
    standby = settings(documents, tmp_path, {}).standby
    assert standby is not None
    assert (standby.lease, standby.namespace, standby.kubeconfig) == (NAME, "watch", None)


@pytest.mark.parametrize(
    ("values", "kind"),
    [({}, "Deployment"), (SHARDS, "StatefulSet"), (STANDBY, "Deployment"), ({"nameOverride": "eye"}, "Deployment")],
)
def test_a_pod_knows_what_it_is_part_of_for_the_commands_in_its_runbooks(
    values: Values, kind: str, tmp_path: Path
) -> None:
    documents = rendered(values)
    [workload] = [each for each in documents.values() if each["kind"] in ("Deployment", "StatefulSet")]
    [container] = workload["spec"]["template"]["spec"]["containers"]
    environ = {each["name"]: each.get("value", "a-0") for each in container["env"] if "INSTALLATION" in each["name"]}
    (tmp_path / "config.yaml").write_text("{}")
    installation = load_settings(tmp_path / "config.yaml", environ).installation
    assert installation is not None
    assert installation.workload == f"{kind.lower()}/{workload['metadata']['name']}"
    assert (workload["kind"], installation.namespace, installation.pod) == (kind, "watch", "a-0")
    labels = dict(each.split("=") for each in installation.selector.split(","))
    assert labels.items() <= workload["spec"]["selector"]["matchLabels"].items()
    [pod] = [each for each in container["env"] if each["name"].endswith("INSTALLATION__POD")]
    assert pod["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_a_namespace_that_looks_like_a_number_is_a_name(tmp_path: Path) -> None:
    told = helm("helm4", "template", "w", CHART, "--namespace", "123")
    [deployment] = [each for each in yaml.safe_load_all(told.stdout) if each and each["kind"] == "Deployment"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    environ = {
        each["name"]: each["value"] for each in container["env"] if "INSTALLATION" in each["name"] and "value" in each
    }
    (tmp_path / "config.yaml").write_text("{}")
    installation = load_settings(tmp_path / "config.yaml", environ).installation
    assert installation is not None
    assert installation.namespace == "123"


def test_a_test_alert_links_to_where_people_find_runbooks(tmp_path: Path) -> None:
    values = {"publicUrl": "https://w.example.org", "config": {"alertmanager": {"url": "http://a:9093"}}}
    alertmanager = settings(rendered(values), tmp_path, {}).alertmanager
    assert alertmanager is not None
    assert alertmanager.runbook_url == "https://w.example.org/runbooks/"
    assert settings(rendered({}), tmp_path, {}).alertmanager is None


def test_a_lease_may_be_changed_only_by_a_standby_and_only_its_own() -> None:
    for values in ({}, SHARDS, {**STANDBY, "rbac": {"create": False}}):
        assert not [name for name in rendered(values) if name.endswith("-lease")]
    changed, made = rendered(STANDBY)[f"Role/{NAME}-lease"]["rules"]
    assert (changed["resources"], changed["resourceNames"]) == (["leases"], [NAME])
    assert sorted(changed["verbs"]) == ["get", "update"]
    assert (made["resources"], made["verbs"]) == (["leases"], ["create"])


def test_a_standby_reaches_the_api_server_even_where_agents_are_listed_by_hand() -> None:
    by_hand = {"discovery": {"kubernetes": {"enabled": False}}, "networkPolicy": {"enabled": True}}
    for values, reached in ((by_hand, False), ({**by_hand, **STANDBY}, True)):
        documents = rendered(values)
        assert workload_pod(documents)["automountServiceAccountToken"] is reached
        ports = [
            port["port"] for rule in documents[f"NetworkPolicy/{NAME}"]["spec"]["egress"] for port in rule["ports"]
        ]
        assert (6443 in ports) is reached


@BOTH
def test_pods_are_what_pod_security_restricted_asks_for_and_keep_apart(values: Values) -> None:
    spec = workload_pod(rendered(values))
    assert all({"configMap", "emptyDir", "csi"} & volume.keys() for volume in spec["volumes"])
    assert spec["securityContext"]["runAsNonRoot"] is True
    [apart] = spec["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    labels = apart["podAffinityTerm"]["labelSelector"]["matchLabels"]
    assert labels == rendered(values)[f"Service/{NAME}"]["spec"]["selector"]


def test_an_affinity_of_ones_own_replaces_the_charts() -> None:
    own: Values = {"nodeAffinity": {}}
    assert workload_pod(rendered({**STANDBY, "affinity": own}))["affinity"] == own
    assert "affinity" not in workload_pod(rendered())


def test_the_notes_say_where_the_pages_are() -> None:
    assert f"rollout status statefulset/{NAME}" in notes(SHARDS)
    assert f"port-forward {NAME}-0 9847" in notes(SHARDS)
    assert f"get lease {NAME}" in notes(STANDBY)
    assert "get lease" not in notes()
    assert "scrape the Service with" in notes()
    assert all("scrape each of its pods with" in notes(values) for values in (SHARDS, STANDBY))
