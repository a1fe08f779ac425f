"""The daemon with the rights that the chart gives: what turns in the cluster turns in its API, without secrets."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.chart.render import rendered
from tests.checklist.live.kubernetes import scanners
from tests.checklist.live.kubernetes.cluster import ACCOUNT, NAMESPACE, WATCH, config_map, deployment, policy, run_pod
from tests.checklist.live.kubernetes.test_in_a_cluster import with_init_container
from tests.checklist.live.logs.lines import line
from tests.discovery.pods.test_target import CONFIG
from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.kube import Kubernetes, run_kubernetes
from tests.servers.kube_api import RefusedError
from tests.servers.kubelet import run_kubelet
from tests.servers.process import eventually

JUDGED = 10.0
"""Seconds in which a change must be judged."""

REPORTS = Path(__file__).parents[1] / "report_objects" / "openreports.io_reports.yaml"
SECRET = "hunter2-of-production"


@pytest.fixture(scope="module")
def kubernetes() -> Iterator[Kubernetes]:
    with run_kubernetes() as server:
        server.admin.namespace(WATCH)
        server.admin.namespace(NAMESPACE)
        given = rendered({"rbac": {"podLogs": True, "writeReports": True}})
        roles = [document for name, document in given.items() if name.startswith("ClusterRole")]
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": WATCH}}
        server.admin.apply(account, *roles, policy("default-deny"))
        server.admin.apply(config_map(f"{CONFIG}db_password: {SECRET}\n"), deployment())
        run_pod(server)
        yield server


def config(kubernetes: Kubernetes) -> dict[str, Any]:
    token = kubernetes.admin.token(WATCH, ACCOUNT)
    found = {"kubeconfig": str(kubernetes.kubeconfig(token)), "allow_cidrs": ["127.8.0.0/16"]}
    sources = {name: {"interval": "1s", "timeout": "500ms"} for name in ("handshake", "agent_metrics", "opa")}
    return {"discovery": {"kubernetes": found}, "sources": sources}


def findings(daemon: DaemonProcess) -> dict[str, Any]:
    """Of the one agent, by control; empty before it is judged."""
    answer = daemon.get(f"/api/v1/readiness/{NAMESPACE}/example-agent")
    agents = answer.json()["agents"] if answer.is_success else []
    return {each["control"]: each for agent in agents for each in agent["findings"]}


def state(daemon: DaemonProcess, control: str) -> str:
    return str(findings(daemon).get(control, {}).get("state"))


def test_a_policy_that_is_deleted_turns_its_control_in_seconds_and_no_secret_is_told(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    control = "deployment.network.policies-defined"
    with run_daemon(tmp_path, config(kubernetes), wait_for="/livez") as daemon:
        eventually(lambda: state(daemon, control) == "pass", within=60)
        page = daemon.page()
        up = {dict(labels)["source"]: value for labels, value in page.all("evidence_source_up").items()}
        assert {name: up[name] for name in ("kubernetes_pods", "kubernetes_workloads", "kubernetes_network")} == {
            "kubernetes_pods": 1,
            "kubernetes_workloads": 1,
            "kubernetes_network": 1,
        }
        kubernetes.admin.delete(policy("default-deny"))
        began = time.monotonic()
        eventually(lambda: state(daemon, control) == "fail", within=30)
        assert time.monotonic() - began < JUDGED
        assert findings(daemon)[control]["message"] == "No NetworkPolicy selects its pods."
        assert findings(daemon)["deployment.rollback.automation"]["state"] == "pass"
        told = [daemon.get(path).text for path in ("/api/v1/readiness?findings=true", "/api/v1/targets", "/metrics")]
        assert [text for text in told if SECRET in text] == []
        assert SECRET not in daemon.log_file.read_text()
        assert daemon.end() == 0
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and SECRET in path.read_text(errors="replace")]
    assert kept == []


def test_a_critical_vulnerability_turns_its_control_in_seconds_and_lines_of_pods_are_counted(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    control, admin = "deployment.image.no-critical-vulns", kubernetes.admin
    group, version = scanners.TRIVY.split("/")
    definition = scanners.definition("VulnerabilityReport", "vulnerabilityreports", group, version)
    admin.apply(definition)
    admin.set_pod_status("pod-1", with_init_container(), namespace=NAMESPACE)
    secret = b"AKIAIOSFODNN7EXAMPLE"
    lines = b"\n".join([*[line()] * 150, b"key " + secret])
    checklist = {"logs": {"kind": "kubernetes"}}

    def report(*found: dict[str, str]) -> None:
        for name in ("example-agent", "opa", "busybox"):
            eventually(partial(applied, scanners.vulnerabilities(*found, at=time.time(), name=name)))

    def applied(document: dict[str, Any]) -> bool:
        """Whether the API server, which has just read the CRD, takes it."""
        try:
            admin.apply(document)
        except (RefusedError, ValueError):
            return False
        return True

    report()
    with (
        run_kubelet(kubernetes, tmp_path, {"pod-1/agent": lines}),
        run_daemon(tmp_path, config(kubernetes) | {"checklist": checklist}, wait_for="/livez") as daemon,
    ):
        eventually(lambda: state(daemon, control) == "pass", within=60)
        report({"vulnerabilityID": "CVE-2026-1", "severity": "CRITICAL"})
        began = time.monotonic()
        eventually(lambda: state(daemon, control) == "fail", within=30)
        assert time.monotonic() - began < JUDGED
        eventually(lambda: state(daemon, "observability.logging.structured") == "pass", within=90)
        found = findings(daemon)
        assert found["observability.logging.structured"]["message"] == "99% of 151 lines are JSON objects."
        assert "AWS access key in 1." in found["observability.logging.sensitive-redacted"]["message"]
        up = {dict(labels)["source"]: value for labels, value in daemon.page().all("evidence_source_up").items()}
        assert (up["logs"], up["kubernetes_VulnerabilityReport"]) == (1, 1)
        told = [daemon.get(path).text for path in ("/api/v1/readiness?findings=true", "/metrics", "/changes")]
        assert [text for text in told if secret.decode() in text] == []
        assert secret not in daemon.log_file.read_bytes()
    admin.delete(definition)


def test_the_findings_are_a_report_object_that_the_deployment_owns_and_goes_with_the_agent(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    reports = f"/apis/openreports.io/v1alpha1/namespaces/{NAMESPACE}/reports"
    kubernetes.admin.apply(REPORTS.read_text())
    made = kubernetes.admin.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/agentweave-example")
    with run_daemon(tmp_path, config(kubernetes) | {"checklist": {"reports": True}}, wait_for="/livez") as daemon:
        eventually(lambda: kubernetes.admin.get(reports)["items"], within=60)
        [report] = kubernetes.admin.get(reports)["items"]
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "agentweave-example"}
        assert report["metadata"]["ownerReferences"] == [{**owner, "uid": made["metadata"]["uid"]}]
        assert report["metadata"]["annotations"]["agentweave.io/readiness"] == "not_ready"
        results = {each["rule"]: each["result"] for each in report["results"]}
        assert len(results) == 196
        assert results["deployment.rollback.automation"] == "pass"
        assert SECRET not in str(report)
        kubernetes.admin.delete(deployment(), namespace=NAMESPACE)
        kubernetes.admin.delete_pod("pod-1", namespace=NAMESPACE)
        eventually(lambda: not kubernetes.admin.get(reports)["items"], within=60)
        assert [line for line in daemon.log() if line["level"] in ("error", "critical", "warning")] == []
