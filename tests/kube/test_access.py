"""As whom the API server is asked: a pod's own service account, a token that is replaced or worth nothing any more."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.discovery.pods.test_cluster import GROUP, PROMPT, ROLE, config, kubernetes, pods, run_pod
from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.kube import Kubernetes
from tests.servers.process import eventually
from watcher.kube.access import Access
from watcher.kube.errors import AccessError, RefusedError
from watcher.kube.requests import get_object

__all__ = ["kubernetes"]  # the fixture

CONFIG_MAP = "/api/v1/namespaces/agentweave/configmaps/agentweave-example-config"
LEAVER = {"name": "leaver", "namespace": "watching"}


@pytest.fixture
def account(kubernetes: Kubernetes, tmp_path: Path) -> Path:
    """A directory as a kubelet mounts it."""
    (tmp_path / "token").write_text(kubernetes.admin.token("watching", "watcher"))
    (tmp_path / "ca.crt").write_bytes(kubernetes.ca.read_bytes())
    return tmp_path


def environment(kubernetes: Kubernetes) -> dict[str, str]:
    at = urlsplit(kubernetes.url)
    return {"KUBERNETES_SERVICE_HOST": str(at.hostname), "KUBERNETES_SERVICE_PORT": str(at.port)}


async def _config_map(access: Access) -> str:
    found = await get_object(access, CONFIG_MAP, 10, 2**20)
    return str(found["metadata"]["name"])


def test_a_pod_asks_by_its_own_service_account(kubernetes: Kubernetes, account: Path) -> None:
    async def ask() -> None:
        access = Access(None, account, environment(kubernetes))
        assert await _config_map(access) == "agentweave-example-config"
        assert "127.0.0.1" in access.addresses()
        await access.close()

    asyncio.run(ask())


def test_the_api_server_says_what_time_it_is(kubernetes: Kubernetes, account: Path) -> None:
    async def ask() -> tuple[float, float]:
        access = Access(None, account, environment(kubernetes))
        assert access.heard is None
        await _config_map(access)
        await access.close()
        assert access.heard is not None
        return access.heard

    date, seconds_ago = asyncio.run(ask())
    assert date == pytest.approx(time.time(), abs=30)
    assert 0 <= seconds_ago < 30


def test_a_token_that_is_refused_is_read_again(kubernetes: Kubernetes, account: Path) -> None:
    good = (account / "token").read_text()

    async def ask() -> None:
        access = Access(None, account, environment(kubernetes))
        (account / "token").write_text("expired")
        with pytest.raises(RefusedError, match="401"):
            await _config_map(access)
        (account / "token").write_text(good)
        await access.renew()
        assert await _config_map(access)
        await access.close()

    asyncio.run(ask())


@pytest.mark.parametrize("lacking", ["token", "ca.crt", "environment"])
def test_without_a_service_account_it_is_said_what_was_tried(
    kubernetes: Kubernetes, account: Path, lacking: str
) -> None:
    (account / lacking).unlink(missing_ok=True)
    known = {} if lacking == "environment" else environment(kubernetes)
    with pytest.raises(AccessError, match=r"the service account of this pod .* is not set"):
        asyncio.run(_config_map(Access(None, account, known)))


def test_a_daemon_that_is_in_no_cluster_and_has_no_kubeconfig_is_impaired_and_lives(tmp_path: Path) -> None:
    with run_daemon(tmp_path, {"discovery": {"kubernetes": {}}}, wait_for="/livez") as daemon:
        eventually(lambda: daemon.page().value("impaired", reason="DiscoveryStale") == 1)
        daemon.logged(lambda line: "the service account of this pod" in str(line.get("why")))
        assert daemon.end() == 0


@pytest.fixture
def leaver(kubernetes: Kubernetes) -> Iterator[dict[str, Any]]:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": LEAVER}
    role = {"apiVersion": f"{GROUP}/v1", "kind": "Role", "metadata": {"name": "leaver", "namespace": "agentweave"}}
    binding = {
        **role,
        "kind": "RoleBinding",
        "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": "leaver"},
        "subjects": [{"kind": "ServiceAccount", **LEAVER}],
    }
    kubernetes.admin.apply(account, {**role, "rules": ROLE}, binding)
    yield account
    kubernetes.admin.delete(account)


def _by_token_file(kubernetes: Kubernetes, directory: Path) -> dict[str, Any]:
    """A config whose kubeconfig names a file with the token."""
    found = config(kubernetes, "agentweave")
    place = found["discovery"]["kubernetes"]
    document = json.loads(Path(place["kubeconfig"]).read_text())
    document["users"][0]["user"] = {"tokenFile": str(directory / "token")}
    (directory / "kubeconfig").write_text(json.dumps(document))
    place["kubeconfig"] = str(directory / "kubeconfig")
    return found


def _impaired(daemon: DaemonProcess) -> float | None:
    return daemon.page().value("impaired", reason="DiscoveryStale")


def test_a_deleted_service_account_costs_no_target_and_a_new_one_is_taken(
    kubernetes: Kubernetes, leaver: dict[str, Any], tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(kubernetes.admin.token("watching", "leaver"))
    run_pod(kubernetes, 5)
    with run_daemon(tmp_path, _by_token_file(kubernetes, tmp_path)) as daemon:
        kubernetes.admin.delete(leaver)
        run_pod(kubernetes, 6)
        eventually(lambda: pods(daemon) == {"pod-5", "pod-6"}, within=PROMPT)  # an open watch is not cut
        kubernetes.stop()
        kubernetes.start()
        eventually(lambda: any("401" in str(line.get("why")) for line in daemon.log()), within=60)
        eventually(lambda: _impaired(daemon) == 1, within=30)
        assert pods(daemon) == {"pod-5", "pod-6"}
        kubernetes.admin.apply(leaver)
        token.write_text(kubernetes.admin.token("watching", "leaver"))
        eventually(lambda: _impaired(daemon) == 0, within=60)
        for number in (5, 6):
            kubernetes.admin.delete_pod(f"pod-{number}", namespace="agentweave")
        eventually(lambda: not pods(daemon), within=PROMPT)
