"""When a daemon says that it may be relied on: after a discovery that succeeded and one round of looks."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.test_daemon_kubernetes import CONFIG_MAP, config, pod, pods
from tests.discovery.pods.test_cluster import ROLE, kubernetes, run_pod
from tests.discovery.pods.test_cluster import config as real_config
from tests.discovery.pods.test_cluster import pods as real_pods
from tests.discovery.pods.test_target import CONFIG
from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.kube import Kubernetes
from tests.servers.kube_lies import LyingKubernetes, run_lying_kubernetes
from tests.servers.process import eventually

__all__ = ["kubernetes"]

OK = (200, "ok")
ROUND = (503, "the first round of probes is not complete")


def none_yet(why: str, where: str = "all namespaces") -> tuple[int, str]:
    return 503, f"no discovery has succeeded yet ({where}: the API server {why})"


def ready(daemon: DaemonProcess) -> tuple[int, str]:
    answer = daemon.get("/readyz")
    return answer.status_code, answer.text.rstrip()


@pytest.fixture
def lies() -> Iterator[LyingKubernetes]:
    with run_lying_kubernetes() as server:
        server.objects[CONFIG_MAP] = {"data": {"config.yaml": CONFIG}}
        yield server


def remembered(lies: LyingKubernetes, directory: Path) -> None:
    """An earlier process found a pod, and ended."""
    lies.put(pod(1))
    with run_daemon(directory, config(lies, directory)) as daemon:
        assert pods(daemon) == {"pod-1"}
        assert daemon.end() == 0


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_without_a_first_discovery_nothing_is_ready_whatever_the_answer_is(
    lies: LyingKubernetes, tmp_path: Path, status: int
) -> None:
    lies.list_status = status
    with run_daemon(tmp_path, config(lies, tmp_path), wait_for="/livez") as daemon:
        eventually(lambda: ready(daemon) == none_yet(f"answers {status}"))
        daemon.logged(lambda line: line["msg"] == "watching")
        lies.list_status = 200  # there is no pod at all: that is a discovery too
        eventually(lambda: ready(daemon) == OK, within=60)


def test_a_server_that_is_not_there_is_no_discovery(lies: LyingKubernetes, tmp_path: Path) -> None:
    given = config(lies, tmp_path)
    kubeconfig = Path(given["discovery"]["kubernetes"]["kubeconfig"])
    kubeconfig.write_text(kubeconfig.read_text().replace(lies.url, "http://127.0.0.1:1"))
    with run_daemon(tmp_path, given, wait_for="/livez") as daemon:
        eventually(lambda: ready(daemon) == none_yet("cannot be asked"))


@pytest.mark.parametrize("status", [429, 500, 503])
def test_through_an_outage_what_an_earlier_process_found_stands_for_the_discovery(
    lies: LyingKubernetes, tmp_path: Path, status: int
) -> None:
    remembered(lies, tmp_path)
    lies.list_status = status
    with run_daemon(tmp_path, config(lies, tmp_path)) as daemon:
        assert pods(daemon) == {"pod-1"}
        assert ready(daemon) == OK
        assert daemon.page().verdict("AgentUnreachable", pod="pod-1") == "true ConnectionRefused"


@pytest.mark.parametrize("status", [401, 403, 404])
def test_who_may_not_ask_is_not_ready_with_what_an_earlier_process_found(
    lies: LyingKubernetes, tmp_path: Path, status: int
) -> None:
    remembered(lies, tmp_path)
    lies.list_status = status
    with run_daemon(tmp_path, config(lies, tmp_path), wait_for="/livez") as daemon:
        eventually(lambda: ready(daemon) == none_yet(f"answers {status}"))
        eventually(lambda: daemon.page().verdict("AgentUnreachable", pod="pod-1") == "true ConnectionRefused")
        assert ready(daemon) == none_yet(f"answers {status}")


def test_a_denial_ends_what_an_outage_excused_and_no_later_outage_excuses_it_again(
    lies: LyingKubernetes, tmp_path: Path
) -> None:
    remembered(lies, tmp_path)
    lies.list_status = 503
    with run_daemon(tmp_path, config(lies, tmp_path)) as daemon:
        assert ready(daemon) == OK
        lies.list_status = 403
        eventually(lambda: ready(daemon) == none_yet("answers 403"), within=60)
        lies.list_status = 503
        eventually(lambda: ready(daemon) == none_yet("answers 503"), within=60)
        lies.list_status = 200
        eventually(lambda: ready(daemon) == OK, within=60)


def test_a_real_api_server_without_the_right_keeps_a_watcher_from_being_ready_until_it_is_given(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    run_pod(kubernetes, 90)
    given = real_config(kubernetes, "agentweave", "other")
    role, group = "/apis/rbac.authorization.k8s.io/v1/namespaces/other", "rbac.authorization.k8s.io"
    with run_daemon(tmp_path, given, wait_for="/livez") as daemon:
        eventually(lambda: "pod-90" in real_pods(daemon), within=30)
        eventually(lambda: ready(daemon) == none_yet("answers 403", "other"))
        account = {"kind": "ServiceAccount", "name": "watcher", "namespace": "watching"}
        named = {"name": "watcher", "namespace": "other"}
        binding = {"roleRef": {"apiGroup": group, "kind": "Role", "name": "watcher"}, "subjects": [account]}
        kubernetes.admin.apply(
            {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": named, "rules": ROLE},
            {"apiVersion": f"{group}/v1", "kind": "RoleBinding", "metadata": named, **binding},
        )
        eventually(lambda: ready(daemon) == OK, within=60)
    kubernetes.admin.ask("DELETE", f"{role}/rolebindings/watcher")


def test_a_real_api_server_that_comes_back_without_the_right_takes_readiness_away(
    kubernetes: Kubernetes, tmp_path: Path
) -> None:
    run_pod(kubernetes, 91)
    given = real_config(kubernetes, "agentweave") | {"state_dir": str(tmp_path / "state")}
    with run_daemon(tmp_path, given) as daemon:
        eventually(lambda: "pod-91" in real_pods(daemon))
        assert daemon.end() == 0
    bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/agentweave/rolebindings"
    binding = kubernetes.admin.get(f"{bindings}/watcher")
    kubernetes.admin.ask("DELETE", f"{bindings}/watcher")
    kubernetes.stop()
    try:
        with run_daemon(tmp_path, given) as daemon:
            assert ready(daemon) == OK
            assert "pod-91" in real_pods(daemon)
            kubernetes.start()
            eventually(lambda: ready(daemon) == none_yet("answers 403", "agentweave"), within=60)
    finally:
        for name in ("resourceVersion", "uid", "creationTimestamp", "managedFields"):
            binding["metadata"].pop(name, None)
        kubernetes.admin.apply(binding)
