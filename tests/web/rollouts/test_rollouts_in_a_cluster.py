"""A bad rollout in a real Kubernetes: the gate, the record, the Event, and the way back that really goes back."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.discovery.pods.test_target import CONFIG
from tests.rollouts.test_in_a_cluster import AGENT, NAMESPACE, Cluster, digest, shown, until
from tests.servers.daemon import run_daemon
from tests.servers.kube import kubectl, run_kubernetes
from tests.servers.kube_controllers import run_controllers
from tests.servers.process import eventually
from tests.servers.tools import tool
from tests.web.markup import Markup
from tests.web.serving.test_access import free_port
from watcher.cli import main

WHO = ("--namespace", NAMESPACE, "--agent", AGENT)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A real API server and its controllers."""
    with run_kubernetes() as kubernetes, run_controllers(kubernetes):
        kubernetes.admin.namespace(NAMESPACE)
        kubernetes.admin.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}})
        found = Cluster(kubernetes)
        found.config(CONFIG)
        yield found


def break_a_pod(cluster: Cluster, image: str) -> None:
    """Its agent was started anew three times and is not Ready."""
    [pod, *_] = [each for each in cluster.pods() if each["spec"]["containers"][0]["image"] == image]
    told = pod["status"]["containerStatuses"]
    told[0] |= {"restartCount": 3, "ready": False}
    status = {"containerStatuses": told, "conditions": [{"type": "Ready", "status": "False"}]}
    cluster.admin.set_pod_status(pod["metadata"]["name"], status, namespace=NAMESPACE)


def test_a_bad_rollout_is_told_everywhere_and_taken_back_by_the_command_that_is_shown(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").mkdir()
    health = free_port()
    settings = cluster.settings(tmp_path) | {"server": {"port": 0, "health_port": health}}
    del settings["discovery"]["kubernetes"]["events"]
    where = f"{NAMESPACE}/{AGENT}"
    cluster.deploy("agent:1")
    eventually(lambda: (cluster.act(), len(cluster.pods()) == 2)[1])
    cluster.act()
    with run_daemon(tmp_path, settings) as daemon:
        eventually(lambda: len(daemon.targets()) == 2)
        bad = f"?image={digest('agent:2')}"
        assert daemon.get(f"/gate/{where}{bad}").status_code == 425
        assert daemon.get(f"/api/v1/gate/{where}{bad}").json()["reason"] == "NotSeenYet"
        assert "No rollout was seen yet" in daemon.get("/rollouts").text

        cluster.deploy("agent:2")
        until(cluster, daemon, lambda found: found.get("phase") == "immediate")
        assert daemon.get(f"/gate/{where}{bad}").status_code == 425
        break_a_pod(cluster, "agent:2")
        eventually(lambda: shown(daemon)["phase"] == "failed")
        revision = shown(daemon)["revision"]
        for url in (daemon.url, f"http://127.0.0.1:{health}"):
            answer = httpx.post(f"{url}/gate/{where}{bad}", json={"phase": "Progressing"}, trust_env=False)
            assert answer.status_code == 409
            assert f"revision {revision}" in answer.text
            assert httpx.get(f"{url}/gate/{where}{bad}&signal=rollback", trust_env=False).status_code == 200
        assert daemon.page().value("rollout_failing", agent=AGENT) == 1
        assert main(["rollout", "--url", daemon.url, *WHO, "--image", digest("agent:2")]) == 1
        told = capsys.readouterr().out
        assert "**Engineer**: `<b>Kim</b>` (claimed)" in told
        assert "[ ] Success / [ ] Rolled back / [ ] In progress (failed: Pods running" in told
        seen = Markup(daemon.get(f"/rollouts/{where}").text)
        assert "<b>Kim</b> (claimed)" in seen.text
        described = eventually(lambda: _described(cluster))
        assert f"Revision {revision} failed. Pods running: " in described

        [command] = daemon.get(f"/api/v1/rollouts/{where}").json()["way_back"]["commands"]
        assert (
            command
            in Markup(daemon.get(f"/runbooks/AgentWeaveRolloutFailed?namespace={NAMESPACE}&agent={AGENT}").text).text
        )
        shell = f'kubectl() {{ {tool("kubectl")} --kubeconfig={cluster.kubernetes.kubeconfig()} "$@"; }}; {command}'
        ran = subprocess.run(["bash", "-euc", shell], capture_output=True, text=True, check=False)
        assert "rolled back" in ran.stdout, ran.stderr
        until(cluster, daemon, lambda found: found.get("phase") == "rolled_back")
        record = daemon.get(f"/api/v1/rollouts/{where}/{revision}.md").text
        assert "[ ] Success / [x] Rolled back / [ ] In progress" in record
        assert daemon.get(f"/gate/{where}{bad}").status_code == 409
        assert daemon.page().value("rollout_failing", agent=AGENT) is None
        assert daemon.end() == 0


def _described(cluster: Cluster) -> str:
    cluster.act()
    told = kubectl(cluster.kubernetes, "-n", NAMESPACE, "describe", "deployment", "search").stdout
    return told if "RolloutFailed" in told else ""
