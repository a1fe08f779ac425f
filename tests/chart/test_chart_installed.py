"""The chart where it is installed: in a real API server, and its test beside a real daemon."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.chart.render import CHART, HELMS, helm, is_custom, notes, rendered
from tests.servers.daemon import run_daemon
from tests.servers.kube import Kubernetes, kubectl, run_kubernetes
from tests.tools.build import crds

NEEDED = {
    "prometheus-operator": [
        f"monitoring.coreos.com_{name}.yaml" for name in ("servicemonitors", "podmonitors", "prometheusrules")
    ],
    "argo-rollouts": ["analysis-template-crd.yaml"],
    "flagger": ["crd.yaml"],
    "gateway-api": ["gateway.networking.k8s.io_httproutes.yaml"],
    "grafana-operator": ["grafana.integreatly.org_grafanadashboards.yaml"],
    "vertical-pod-autoscaler": ["vpa-v1-crd-gen.yaml"],
    "victoriametrics-operator": ["crd.yaml"],
}
EVERYTHING = {
    "networkPolicy": {"enabled": True},
    "podDisruptionBudget": {"enabled": True},
    "agentNetworkPolicy": {"namespaces": ["prod"]},
    "serviceMonitor": {"enabled": True, "labels": {"release": "kps"}},
    "prometheusRule": {"enabled": True},
    "rulesConfigMap": {"enabled": True},
    "grafana": {"dashboards": {"enabled": True}, "operator": {"enabled": True}},
    "vmRule": {"enabled": True},
    "rollouts": {
        "analysisTemplate": {"enabled": True},
        "metricTemplate": {"enabled": True, "prometheusUrl": "http://prometheus.monitoring:9090"},
    },
    "publicUrl": "https://watcher.example.org",
    "ingress": {"enabled": True, "className": "nginx", "tls": [{"secretName": "page"}]},
    "httpRoute": {"enabled": True, "parentRefs": [{"name": "public", "namespace": "gateways"}]},
    "verticalPodAutoscaler": {"enabled": True, "maxAllowed": {"memory": "1Gi"}},
    "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["opa.internal"]}],
    "dnsConfig": {"options": [{"name": "ndots", "value": "2"}]},
    "clusterLabel": "prod-eu",
    "spire": {"mode": "csi"},
    "rbac": {"spire": True},
    "discovery": {"kubernetes": {"clusterSpiffeIds": {"trustDomain": "example.org"}}},
}
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/warn": "restricted"}
WATCH = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "watch", "labels": RESTRICTED}}


def _must(told: "subprocess.CompletedProcess[str]") -> str:
    assert told.returncode == 0, told.stdout
    return told.stdout


@pytest.fixture(scope="module")
def kubernetes() -> Iterator[Kubernetes]:
    with run_kubernetes() as server:
        server.admin.namespace("prod")
        for name, files in NEEDED.items():
            for file in files:
                _must(kubectl(server, "apply", "--server-side", "-f", crds(name) / file))
        _must(kubectl(server, "wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"))
        yield server


@pytest.mark.parametrize("version", HELMS)
def test_helm_installs_and_removes_all_of_it(kubernetes: Kubernetes, version: str) -> None:
    kubernetes.admin.namespace(version, **RESTRICTED)
    place = (f"--kubeconfig={kubernetes.kubeconfig()}", f"--namespace={version}")
    told = helm(version, "install", version, CHART, *place, values=EVERYTHING)
    assert told.returncode == 0, told.stderr
    assert "STATUS: deployed" in told.stdout
    found = kubernetes.admin.get(f"/apis/monitoring.coreos.com/v1/namespaces/{version}/prometheusrules")["items"]
    assert [rule["metadata"]["name"] for rule in found] == [f"{version}-agentweave-watcher"]
    assert helm(version, "uninstall", version, *place).returncode == 0


@pytest.mark.parametrize(
    "values",
    [
        EVERYTHING,
        EVERYTHING | {"serviceMonitor": {}, "podMonitor": {"enabled": True}},
        EVERYTHING
        | {
            "serviceMonitor": {},
            "vmServiceScrape": {"enabled": True, "metricRelabelings": [{"action": "labeldrop", "regex": "node"}]},
            "server": {"tls": {"secretName": "page"}, "bearerToken": {"secretName": "token"}},
        },
        EVERYTHING | {"shards": 3},
        EVERYTHING | {"replicas": 2},
        EVERYTHING | {"openshift": True, "state": {"persistence": {"enabled": True}}},
    ],
)
def test_the_api_server_knows_every_field_of_every_manifest(
    kubernetes: Kubernetes, tmp_path: Path, values: dict[str, object]
) -> None:
    kubernetes.admin.apply(WATCH)
    file = tmp_path / "all.yaml"
    file.write_text(yaml.safe_dump_all(rendered(values).values()))
    apply = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", file)
    assert "Warning" not in _must(kubectl(kubernetes, *apply))  # as Pod Security speaks of a Deployment's pods


@pytest.mark.parametrize(
    "values",
    [
        EVERYTHING,
        EVERYTHING | {"replicas": 2},
        EVERYTHING | {"shards": 3},
    ],
    ids=["all", "two replicas", "shards with volumes"],
)
def test_what_the_api_server_stores_is_what_the_chart_says_so_that_gitops_tools_see_no_difference(
    kubernetes: Kubernetes, values: dict[str, object]
) -> None:
    kubernetes.admin.apply(WATCH)
    for name, document in rendered(values).items():
        [stored] = kubernetes.admin.apply(document)
        whole = None if is_custom(document) else ("apiVersion", "kind")
        assert list(_differences(name, document, stored, whole)) == []


def _differences(place: str, said: object, stored: object, whole: tuple[str, ...] | None) -> Iterator[str]:
    """Where the API server has something else, or has put one of the keys `whole` (None: any) into an item of a list.

    Such an item is compared as a whole; of its own kinds a GitOps tool knows what the API server fills in.
    """
    if isinstance(said, dict) and isinstance(stored, dict):
        for key, value in said.items():
            yield from _differences(f"{place}.{key}", value, stored.get(key), whole)
    elif isinstance(said, list) and isinstance(stored, list) and len(said) == len(stored):
        for number, (one, other) in enumerate(zip(said, stored, strict=True)):
            yield from _differences(f"{place}[{number}]", one, other, whole)
            if isinstance(one, dict) and isinstance(other, dict):
                more = {*other} - {*one}
                yield from (f"{place}[{number}]: {key}" for key in sorted(more) if whole is None or key in whole)
    elif said not in (stored, {}, None):
        yield f"{place}: {said!r} is stored as {stored!r}"


def test_pod_security_restricted_warns_of_a_host_path_as_the_notes_do(kubernetes: Kubernetes, tmp_path: Path) -> None:
    kubernetes.admin.apply(WATCH)
    values = {"spire": {"mode": "hostPath"}}
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(rendered(values).values()))
    kubectl(kubernetes, "delete", "--ignore-not-found", "-f", tmp_path / "all.yaml")  # what other tests have left
    told = kubectl(kubernetes, "apply", "--server-side", "--dry-run=server", "-f", tmp_path / "all.yaml")
    assert "restricted volume types" in told.stdout
    assert "A hostPath volume is refused" in notes(values)


@pytest.mark.parametrize(
    ("verb", "resource", "namespace", "allowed"),
    [
        ("list", "pods", "prod", "yes"),
        ("get", "configmaps", "prod", "yes"),
        ("create", "events.events.k8s.io", "prod", "yes"),
        ("update", "leases/w-agentweave-watcher", "watch", "yes"),
        ("get", "secrets", "prod", "no"),
        ("list", "configmaps", "prod", "no"),
        ("delete", "pods", "prod", "no"),
        ("update", "leases/another", "watch", "no"),
        ("create", "leases", "prod", "no"),
    ],
)
def test_the_service_account_may_do_what_it_must_and_nothing_else(
    kubernetes: Kubernetes, verb: str, resource: str, namespace: str, allowed: str
) -> None:
    roles = [document for name, document in rendered({"replicas": 2}).items() if "Role" in name]
    kubernetes.admin.apply(WATCH, *roles)
    who = "--as=system:serviceaccount:watch:w-agentweave-watcher"
    told = kubectl(kubernetes, "auth", "can-i", verb, resource, who, f"--namespace={namespace}")
    assert told.stdout.splitlines()[-1] == allowed


def test_the_test_of_the_chart_passes_beside_a_daemon_and_fails_without_one(tmp_path: Path) -> None:
    [container] = rendered()["Pod/w-agentweave-watcher-test"]["spec"]["containers"]
    assert container["command"] == ["python", "-c"]
    text, _, *pages = container["args"]
    assert pages == ["/livez", "/readyz", "/api/v1/targets", "/metrics"]
    script = [sys.executable, "-c", text]
    with run_daemon(tmp_path, {"server": {"port": 0}}) as daemon:
        told = subprocess.run([*script, daemon.url, *pages], capture_output=True, check=False)
        assert (told.returncode, told.stderr) == (0, b"")
    assert subprocess.run([*script, daemon.url, *pages], capture_output=True, check=False).returncode == 1
