"""Rollouts in a real Kubernetes with its controllers; the kubelet's part is done by hand."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from probes.controls.evidence import AgentRef
from tests.discovery.pods.test_controllers import template
from tests.discovery.pods.test_target import CONFIG
from tests.rollouts.test_course import pod as pod_of
from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.kube import Kubernetes, run_kubernetes
from tests.servers.kube_api import unless_gone
from tests.servers.kube_controllers import Kubelet, run_controllers
from tests.servers.process import eventually
from watcher.kube.access import Access
from watcher.rollouts.seen.pod_events import PodEvents

NAMESPACE, AGENT = "rollouts", "example-agent"
SOON = 10.0
"""Seconds in which a rollout is seen."""


class Cluster:
    """One Deployment of an agent."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self.admin, self.kubernetes = kubernetes.admin, kubernetes
        self._kubelet = Kubelet(kubernetes.admin, "127.9")

    def config(self, text: str) -> None:
        """The agents' ConfigMap."""
        config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "search-config"}}
        self.admin.apply({**config_map, "data": {"config.yaml": text}}, namespace=NAMESPACE)

    def deploy(self, image: str, replicas: int = 2, restarted: str = "") -> None:
        """As `kubectl apply` does it."""
        of_pods = template(image)
        of_pods["metadata"]["annotations"] = {"restarted-at": restarted}
        meta = {"name": "search", "annotations": {"agentweave.io/engineer": "<b>Kim</b>"}}
        spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "search"}}, "template": of_pods}
        document = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}
        self.admin.apply(document, namespace=NAMESPACE)

    def act(self) -> int:
        """Be the kubelet once: run what waits, and tell which image that is and since when; how many pods run."""
        running = self._kubelet.act(NAMESPACE)
        for pod in self.pods():
            told = pod.get("status", {}).get("containerStatuses") or []
            if told and not any(each["imageID"] for each in told):
                images = {each["name"]: each["image"] for each in pod["spec"]["containers"]}
                for each in told:
                    each["state"] = {"running": {"startedAt": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}}
                    each["imageID"] = f"registry/agent@{digest(images[each['name']])}"
                with unless_gone():
                    self.admin.set_pod_status(pod["metadata"]["name"], {"containerStatuses": told}, namespace=NAMESPACE)
        return running

    def pods(self) -> list[Any]:
        """All that are there."""
        found: list[Any] = self.admin.get(f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]
        return found

    def settings(self, home: Path) -> dict[str, Any]:
        """Of a daemon; its windows are seconds."""
        kubernetes = {
            "kubeconfig": str(self.kubernetes.kubeconfig()),
            "allow_cidrs": ["127.9.0.0/16"],
            "namespaces": [NAMESPACE],
            "events": {"enabled": False},
        }
        sources = {name: {"interval": "1s", "timeout": "500ms"} for name in ("handshake", "agent_metrics", "opa")}
        windows = {"immediate": "20s", "good_for": "10s", "short": "10m", "long": "20m"}
        return {
            "state_dir": str(home / "state"),
            "discovery": {"kubernetes": kubernetes},
            "sources": sources,
            "checklist": {"kubernetes": {"network": False}},
            "rollouts": {"windows": windows},
        }


def digest(image: str) -> str:
    return f"sha256:{sha256(image.encode()).hexdigest()}"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with run_kubernetes() as kubernetes, run_controllers(kubernetes):
        kubernetes.admin.namespace(NAMESPACE)
        kubernetes.admin.apply({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}})
        found = Cluster(kubernetes)
        found.config(CONFIG)
        yield found


def shown(daemon: DaemonProcess) -> Mapping[str, str]:
    """Revision and phase of the newest rollout; nothing where there is none."""
    found = [dict(each) for each in daemon.page().all("rollout_info", agent=AGENT)]
    assert len(found) < 2, found
    return found[0] if found else {}


def until(cluster: Cluster, daemon: DaemonProcess, holds: Callable[[Mapping[str, str]], bool]) -> Mapping[str, str]:
    """What is shown once this holds, while the kubelet does its part."""

    def look() -> Mapping[str, str] | None:
        cluster.act()
        found = shown(daemon)
        return found if holds(found) else None

    try:
        return eventually(look, within=60) or {}
    except AssertionError as error:
        raise AssertionError(f"{shown(daemon)}\n{daemon.tail()}") from error


def test_rollouts_are_seen_followed_over_a_restart_taken_back_and_judged(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    cluster.deploy("agent:1")
    eventually(lambda: cluster.act() == 2)
    cluster.act()
    with run_daemon(tmp_path, cluster.settings(tmp_path)) as daemon:
        eventually(lambda: len(daemon.targets()) == 2)
        assert shown(daemon) == {}, "what ran before anybody looked is no rollout"

        cluster.deploy("agent:2")
        eventually(lambda: any(each["spec"]["containers"][0]["image"] == "agent:2" for each in cluster.pods()))
        began = time.monotonic()
        eventually(lambda: shown(daemon).get("phase") == "progressing")  # nobody has run its pod yet
        assert time.monotonic() - began < SOON
        first = until(cluster, daemon, lambda found: found.get("phase") == "immediate")
        assert daemon.page().value("rollout_verdict", agent=AGENT, until="short") == 0.5
        cluster.deploy("agent:2", replicas=3)
        eventually(lambda: cluster.act() == len(daemon.targets()) == 3)
        until(cluster, daemon, lambda found: found.get("phase") == "short_term")
        assert shown(daemon)["revision"] == first["revision"], "more pods are no rollout"
        assert daemon.end() == 0

    with run_daemon(tmp_path, cluster.settings(tmp_path)) as daemon:
        assert dict(shown(daemon)) == {**first, "phase": "short_term"}
        undecided = "no metrics could be read, and neither could those of the revision before"
        assert daemon.page().value("rollout_verdict", agent=AGENT, until="immediate") == 0.5, undecided
        cluster.deploy("agent:1", replicas=3)
        until(cluster, daemon, lambda found: found.get("phase") == "rolled_back")
        assert shown(daemon)["revision"] == first["revision"]

        cluster.config(CONFIG + "\n# another text")
        cluster.deploy("agent:1", replicas=3, restarted="again")
        of_config = until(cluster, daemon, lambda found: found["revision"] != first["revision"])
        until(cluster, daemon, lambda found: found["phase"] in ("immediate", "short_term"))

        cluster.deploy("agent:3", replicas=3)
        before = {first["revision"], of_config["revision"]}
        third = until(cluster, daemon, lambda found: found["revision"] not in before)
        of_third = (each for each in cluster.pods() if each["spec"]["containers"][0]["image"] == "agent:3")
        [pod, *_] = [each for each in of_third if "containerStatuses" in each["status"]]
        told = pod["status"]["containerStatuses"]
        told[0] |= {"restartCount": 3, "ready": False}
        unready = [{"type": "Ready", "status": "False"}]
        status = {"containerStatuses": told, "conditions": unready}
        cluster.admin.set_pod_status(pod["metadata"]["name"], status, namespace=NAMESPACE)
        eventually(lambda: shown(daemon)["phase"] == "failed")
        assert shown(daemon)["revision"] == third["revision"]
        assert daemon.page().value("rollout_verdict", agent=AGENT, until="immediate") == 0
        assert daemon.end() == 0


def deploy_unstarted(cluster: Cluster) -> Any:
    """A new agent, for the first time: no kubelet can fetch its image. Gives its pod."""
    of_pods = template("index:1")
    of_pods["metadata"]["labels"] |= {"app": "index", "app.kubernetes.io/name": "index"}
    of_pods["spec"]["volumes"][0]["configMap"]["name"] = "index-config"
    data = {"config.yaml": CONFIG.replace("example-agent", "index")}
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "index-config"}, "data": data}
    cluster.admin.apply(config_map, namespace=NAMESPACE)
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "index"}}, "template": of_pods}
    document = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "index"}}
    document["spec"] = spec | {"progressDeadlineSeconds": 12}
    cluster.admin.apply(document, namespace=NAMESPACE)
    [pod] = eventually(lambda: [each for each in cluster.pods() if each["metadata"]["name"].startswith("index-")])
    names = [each["name"] for each in pod["spec"]["containers"]]
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "not found"}}
    told = [
        {"name": name, "image": "", "imageID": "", "ready": False, "restartCount": 0, "state": waiting}
        for name in names
    ]
    cluster.admin.set_pod_status(pod["metadata"]["name"], {"containerStatuses": told}, namespace=NAMESPACE)
    return pod


def warn(cluster: Cluster, pod: Any, name: str, reason: str, message: str, **more: object) -> None:
    """An Event of a kubelet."""
    meta = pod["metadata"]
    of = {"apiVersion": "v1", "kind": "Pod", "namespace": NAMESPACE, "name": meta["name"], "uid": meta["uid"]}
    event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": name}, "involvedObject": of, "reason": reason}
    told = {"message": message, "type": "Warning", "lastTimestamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    cluster.admin.apply(event | told | more, namespace=NAMESPACE)


def test_the_first_deployment_of_an_agent_whose_pods_never_start_fails_and_shows_why(
    cluster: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "state").mkdir()
    cluster.deploy("agent:1")
    eventually(lambda: cluster.act() == 2)
    cluster.act()
    settings = cluster.settings(tmp_path)
    settings["rollouts"]["pod_events"] = True
    where = f"/api/v1/rollouts/{NAMESPACE}/index"
    with run_daemon(tmp_path, settings) as daemon:
        eventually(lambda: len(daemon.targets()) == 2)
        made = deploy_unstarted(cluster)
        warn(cluster, made, "a", "BackOff", "Back-off pulling image <b>index:1</b>\n" + "x" * 400, count=7)
        warn(cluster, made, "b", "AgentUnreachable", "told by ourselves", reportingComponent="agentweave-watcher")
        warn(cluster, {"metadata": {"name": "other", "uid": "other"}}, "c", "Unhealthy", "of another pod")
        eventually(lambda: daemon.get(where).status_code == 200, within=30)
        began = daemon.get(where).json()
        assert began["is_first"]

        def failed() -> Any:
            found = daemon.get(where).json()
            return found if found["phase"] == "failed" else None

        found = eventually(failed, within=30)
        [line] = [each for each in found["lines"] if each["line"] == "Pods running"]
        assert (line["state"], line["reason"]) == ("fail", "Stuck")
        assert line["message"] == "The Deployment makes no progress: ProgressDeadlineExceeded."
        [event] = line["evidence"]
        assert event.startswith(
            f"{made['metadata']['name']}: BackOff (7 times): Back-off pulling image <b>index:1</b>\\nxxx"
        )
        assert len(event) <= 200
        assert "<b>index:1</b>" not in daemon.get(f"/rollouts/{NAMESPACE}/index").text
        assert daemon.get(f"/gate/{NAMESPACE}/index?since=10m&until=immediate").status_code == 409
        assert daemon.end() == 0


def test_where_events_may_not_be_listed_it_is_said_so_and_nothing_is_kept_of_who_is_ready(cluster: Cluster) -> None:
    times = iter(range(100, 1000, 60))

    async def ask() -> tuple[tuple[str, ...], tuple[str, ...]]:
        access = Access(cluster.kubernetes.kubeconfig("nobody"))
        events, agent = PodEvents(access, lambda: float(next(times))), AgentRef(NAMESPACE, AGENT)
        events.want(agent, [pod_of("a", ready=False)])
        while "be listed" not in " ".join(events.of(agent)):  # of a server that is slow it is asked again
            await events.tick()
        told = events.of(agent)
        events.want(agent, ())
        await access.close()
        return told, events.of(agent)

    assert asyncio.run(ask()) == (("Events of its pods may not be listed.",), ())
