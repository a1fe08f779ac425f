"""The API server that other tests stand on does what those tests take for granted."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.servers.kube import Kubernetes, kubectl, run_kubernetes
from tests.servers.kube_api import KubeApi, RefusedError, running_status
from tests.servers.tools import tool
from tests.tools.build import crds

PODS = "/api/v1/namespaces/default/pods"
READER = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader}
rules: [{apiGroups: [""], resources: [pods], verbs: [list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: reader, namespace: default}]
"""


@pytest.fixture(scope="module")
def kubernetes() -> Iterator[Kubernetes]:
    with run_kubernetes() as server:
        server.admin.namespace("other")
        server.admin.apply(READER)
        yield server


@pytest.fixture(scope="module")
def reader(kubernetes: Kubernetes) -> KubeApi:
    return kubernetes.client(kubernetes.admin.token("default", "reader"))


def _pod(name: str, **spec: object) -> dict[str, Any]:
    metadata = {"name": name, "labels": {"app.kubernetes.io/component": "agent"}}
    agent = {"containers": [{"name": "agent", "image": "agent:1"}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": agent}


def test_a_role_allows_what_it_names_and_nothing_else(kubernetes: Kubernetes, reader: KubeApi) -> None:
    kubernetes.admin.run_pod(_pod("seen"), running_status("127.0.0.1"))
    assert "seen" in [pod["metadata"]["name"] for pod in reader.get(PODS)["items"]]
    for path in ("/api/v1/namespaces/other/pods", "/api/v1/namespaces/default/secrets", f"{PODS}/seen"):
        with pytest.raises(RefusedError, match=r"reader.*cannot") as refused:
            reader.get(path)
        assert refused.value.status == 403


def test_a_pod_has_the_status_that_a_kubelet_would_report(kubernetes: Kubernetes) -> None:
    pod = kubernetes.admin.run_pod(_pod("ran"), running_status("127.8.0.1"))
    assert (pod["status"]["podIP"], pod["status"]["containerStatuses"][0]["ready"]) == ("127.8.0.1", True)
    pod = kubernetes.admin.set_pod_status("ran", {"phase": "Failed"})
    assert (pod["status"]["podIP"], pod["status"]["phase"]) == ("127.8.0.1", "Failed")


def test_a_watch_delivers_what_happened_since_the_list(kubernetes: Kubernetes, reader: KubeApi) -> None:
    version = reader.get(PODS)["metadata"]["resourceVersion"]
    kubernetes.admin.run_pod(_pod("watched"), running_status("127.0.0.1"))
    kubernetes.admin.terminate_pod("watched")
    kubernetes.admin.delete_pod("watched")
    with reader.engine(PODS, resourceVersion=version) as lines:
        created, ran, terminating, stopped, gone = (json.loads(next(lines)) for _ in range(5))
    assert [event["type"] for event in (created, ran, stopped, gone)] == ["ADDED", "MODIFIED", "MODIFIED", "DELETED"]
    assert ("podIP" in created["object"]["status"], ran["object"]["status"]["podIP"]) == (False, "127.0.0.1")
    assert terminating["object"]["metadata"]["deletionGracePeriodSeconds"] == 30


def test_a_token_is_worth_nothing_without_its_service_account(kubernetes: Kubernetes) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "leaver"}}
    kubernetes.admin.apply(account)
    token, unused = (kubernetes.admin.token("default", "leaver") for _ in range(2))
    assert kubernetes.client(token).get("/version")["gitVersion"] == "v1.37.2"
    kubernetes.admin.delete(account)  # a token that was used is remembered for some seconds
    with pytest.raises(RefusedError) as refused:
        kubernetes.client(unused).get("/version")
    assert refused.value.status == 401


def test_strict_validation_refuses_an_unknown_field(kubernetes: Kubernetes) -> None:
    with pytest.raises(RefusedError, match=r"spec\.surprise"):
        kubernetes.admin.apply(_pod("odd", surprise=True))


def test_a_definition_can_be_used_as_soon_as_it_is_applied(kubernetes: Kubernetes) -> None:
    definition = crds("prometheus-operator") / "monitoring.coreos.com_podmonitors.yaml"
    monitor = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {"name": "agents"},
        "spec": {"selector": {}, "podMetricsEndpoints": [{"port": "metrics", "honorLabels": True}]},
    }
    kubernetes.admin.apply(definition.read_text(), monitor)
    with pytest.raises(RefusedError, match="honourLabels"):
        kubernetes.admin.apply(yaml.safe_dump(monitor).replace("honorLabels", "honourLabels"))


def test_kubectl_sees_what_a_token_may_see(kubernetes: Kubernetes) -> None:
    kubernetes.admin.run_pod(_pod("listed"), running_status("127.0.0.1"))
    assert "listed" in kubectl(kubernetes, "get", "pods").stdout
    assert "Unauthorized" in kubectl(kubernetes, "get", "pods", token="nobody").stdout


@pytest.mark.parametrize("helm", ["helm4", "helm3"])
def test_helm_installs_into_the_server(kubernetes: Kubernetes, tmp_path: Path, helm: str) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("{apiVersion: v2, name: small, version: 1.0.0, kubeVersion: '>=1.28.0-0'}")
    data = "{seen: {{ .Capabilities.KubeVersion.Minor | quote }}}"
    named = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {helm}}}\ndata: {data}\n"
    (tmp_path / "templates" / "map.yaml").write_text(named)
    subprocess.run([tool(helm), "template", tmp_path], check=True, capture_output=True)
    command: list[str | Path] = [tool(helm), "install", helm, tmp_path, f"--kubeconfig={kubernetes.kubeconfig()}"]
    subprocess.run(command, check=True, capture_output=True)
    assert kubernetes.admin.get(f"/api/v1/namespaces/default/configmaps/{helm}")["data"] == {"seen": "37"}


def test_a_hung_server_accepts_and_says_nothing_until_it_goes_on(kubernetes: Kubernetes, reader: KubeApi) -> None:
    with kubernetes.hung(), pytest.raises(httpx.TimeoutException):
        reader.client.get(PODS, timeout=0.2)
    assert reader.get(PODS)["kind"] == "PodList"


def test_objects_and_tokens_outlive_a_killed_server_but_an_old_watch_does_not(
    kubernetes: Kubernetes, reader: KubeApi
) -> None:
    kubernetes.admin.run_pod(_pod("survivor"), running_status("127.0.0.1"))
    kubernetes.stop()
    with pytest.raises(httpx.ConnectError):
        reader.get(PODS)
    kubernetes.start()
    assert "survivor" in [pod["metadata"]["name"] for pod in reader.get(PODS)["items"]]
    with reader.engine(PODS, resourceVersion="1") as lines:
        event = json.loads(next(lines))
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)
