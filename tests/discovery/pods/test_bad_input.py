"""What people and clusters do to pods, annotations and ConfigMaps, in a real API server."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from probes.contract import Target
from tests.discovery.pods.test_discoverer import QUICK, until
from tests.discovery.pods.test_target import CONFIG, LIMITS, POD
from tests.servers.daemon import run_daemon
from tests.servers.kube import Kubernetes, run_kubernetes
from tests.servers.process import eventually
from watcher.config.kubernetes import KubernetesSettings
from watcher.discovery.pod.agent_config import MAX_BYTES
from watcher.discovery.pods.discoverer import Discoverer

NUMBERS = count()
HOSTILE = {
    "agentweave.io/watch-metrics-path": "http://127.8.9.9:{port}/stolen",
    "agentweave.io/watch-port": "8443@127.8.9.9",
    "agentweave.io/watch-opa-port": "<script>alert(1)</script>",
    "agentweave.io/watch-spiffe-id": "spiffe://evil.example/agent",
    "agentweave.io/watch-pool-capacity": "-1",
    "prometheus.io/scheme": "javascript",
    "prometheus.io/path": "//127.8.9.9:{port}/stolen",
    "prometheus.io/port": "0x1F90",
}
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.fixture(scope="module")
def server() -> Iterator[Kubernetes]:
    with run_kubernetes() as kubernetes:
        yield kubernetes


@pytest.fixture
def place(server: Kubernetes) -> "Place":
    """A namespace for one test alone."""
    found = Place(server, f"bad-{next(NUMBERS)}")
    server.admin.namespace(found.namespace)
    return found


Script = Callable[[Discoverer], Coroutine[Any, Any, None]]


class Place:
    """A namespace, and what a test puts there."""

    def __init__(self, kubernetes: Kubernetes, namespace: str) -> None:
        self.admin, self.namespace = kubernetes.admin, namespace
        self.kubeconfig = str(kubernetes.kubeconfig())

    def config_map(self, name: str, data: Mapping[str, str]) -> None:
        metadata = {"name": name, "namespace": self.namespace}
        self.admin.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)})

    def run(self, name: str, *ips: str, annotations: Mapping[str, str] | None = None, **spec: object) -> None:
        """The example pod at these addresses; its config is in the ConfigMap of its name."""
        raw = deepcopy(POD)
        del raw["spec"]["nodeName"]
        raw["spec"]["volumes"][0]["configMap"]["name"] = name
        raw["spec"]["volumes"] += [{"name": each, "emptyDir": {}} for each in ("spire-agent-socket", "tmp")]
        raw["spec"] |= spec
        metadata = {"name": name, "labels": raw["metadata"]["labels"], "annotations": dict(annotations or {})}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": raw["spec"]}
        for each, container in zip(raw["status"]["containerStatuses"], raw["spec"]["containers"], strict=True):
            each |= {"ready": True, "image": container["image"], "imageID": "x"}
        status = {**raw["status"], "podIP": ips[0], "podIPs": [{"ip": ip} for ip in ips]}
        self.admin.run_pod(pod, status, namespace=self.namespace)

    def settings(self) -> dict[str, object]:
        return {"kubeconfig": self.kubeconfig, "namespaces": [self.namespace], "allow_cidrs": ["127.8.0.0/16"]}

    def watching(self, script: Script, now: Callable[[], float] = time.time) -> None:
        """Run a script beside a watch of this namespace."""

        async def run() -> None:
            wanted = KubernetesSettings.model_validate(self.settings())
            engine = Discoverer(wanted, LIMITS, None, now, lambda low, _: low, QUICK)
            try:
                await engine.start(20)
                await script(engine)
            finally:
                await engine.close()

        asyncio.run(run())


def targets(engine: Discoverer) -> dict[str, Target]:
    """By the name of the pod."""
    return {target.key.pod: target for target in engine.targets()}


def test_a_config_map_of_any_content_costs_its_own_pod_the_config_and_no_other_anything(place: Place) -> None:
    contents: dict[str, tuple[Mapping[str, str], str]] = {
        "list": ({"config.yaml": "- a\n- b\n"}, "expected a mapping"),
        "no-yaml": ({"config.yaml": "agent: [\n\t}{"}, "config.yaml cannot be read"),
        "bomb": ({"config.yaml": BOMB}, "config.yaml cannot be read"),
        "huge": ({"config.yaml": "a: " + "x" * 1_000_000}, f"over {MAX_BYTES >> 10} KiB"),
        "other-key": ({"settings.yaml": CONFIG}, "has no text under config.yaml"),
        "script": ({"config.yaml": "agent: {name: '<script>/x'}"}, "agent.name: expected a name"),
    }
    for number, (name, (data, _)) in enumerate(contents.items()):
        place.config_map(name, data)
        place.run(name, f"10.1.0.{number + 1}")
    place.config_map("good", {"config.yaml": CONFIG})
    place.run("good", "10.1.1.1")
    place.run("missing", "10.1.1.2")

    async def script(engine: Discoverer) -> None:
        found = targets(engine)
        assert sorted(found) == sorted([*contents, "good", "missing"])
        assert found["good"].pool_capacity == 100
        for name, (_, why) in contents.items():
            assert why in " ".join(found[name].problems), name
            assert found[name].pool_capacity is None
            assert sum(map(len, found[name].problems)) < 1000
        assert "its ConfigMap missing cannot be read: 404" in " ".join(found["missing"].problems)

    place.watching(script)


class _Stolen(BaseHTTPRequestHandler):
    paths: list[str]

    def do_GET(self) -> None:
        self.paths.append(self.path)
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def other() -> Iterator[ThreadingHTTPServer]:
    """A web server at an address that is no pod's."""
    _Stolen.paths = []
    server = ThreadingHTTPServer(("127.8.9.9", 0), _Stolen)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_hostile_annotations_lead_nowhere_and_are_shown_as_text(
    place: Place, other: ThreadingHTTPServer, tmp_path: Path
) -> None:
    hostile = {name: value.format(port=other.server_port) for name, value in HOSTILE.items()}
    size = sum(len(name) + len(value) for name, value in hostile.items())
    hostile["agentweave.io/watch-x"] = "<script>" + "x" * (262_144 - size - len("agentweave.io/watch-x") - 8)
    place.config_map("pod", {"config.yaml": CONFIG})
    place.run("pod", "127.8.3.1", annotations=hostile)
    sources = {name: {"interval": "1s", "timeout": "500ms"} for name in ("handshake", "agent_metrics", "opa")}
    with run_daemon(tmp_path, {"discovery": {"kubernetes": place.settings()}, "sources": sources}) as daemon:
        [target] = daemon.targets()
        assert target["address"] == "127.8.3.1:8443"
        for name in hostile:
            assert name in str(target["problems"]) or name.startswith("prometheus.io/path"), name
        assert len(str(target["problems"])) < 3000
        eventually(lambda: (daemon.page().value("looks_total", source="agent_metrics", result="error") or 0) > 2)
        for path in ("/", f"/agents/{place.namespace}/pod"):
            shown = daemon.get(path, Accept="text/html")
            assert shown.is_success
            assert "<script>alert" not in shown.text
        assert "&lt;script&gt;alert" in shown.text
        assert daemon.get("/api/v1/targets").headers["content-type"] == "application/json"
        assert not daemon.page().contradictions
    assert _Stolen.paths == []


def test_addresses_that_are_no_pods_are_refused_and_counted(place: Place) -> None:
    for name, ip in {"metadata": "169.254.169.254", "loopback": "127.0.0.1", "none": "0.0.0.0", "six": "::1"}.items():
        place.run(name, ip)

    async def script(engine: Discoverer) -> None:
        assert engine.targets() == []
        assert engine.states()["refused"] == 4
        assert sum(engine.states().values()) == 4

    place.watching(script)


@pytest.mark.parametrize("end", ["terminating", "failed"])
def test_of_two_pods_with_one_address_the_one_that_ended_is_no_target(place: Place, end: str) -> None:
    place.run("old", "10.1.2.3")

    async def script(engine: Discoverer) -> None:
        place.run("new", "10.1.2.3")
        await until(lambda: sorted(targets(engine)) == ["new", "old"])
        assert {target.address for target in engine.targets()} == {"10.1.2.3:8443"}
        if end == "terminating":
            place.admin.terminate_pod("old", namespace=place.namespace)
        else:
            place.admin.set_pod_status("old", {"phase": "Failed"}, namespace=place.namespace)
        await until(lambda: sorted(targets(engine)) == ["new"])
        place.admin.delete_pod("old", namespace=place.namespace)
        await until(lambda: sum(engine.states().values()) == 1)
        assert sorted(targets(engine)) == ["new"]

    place.watching(script)


def test_pods_in_the_hosts_network_are_told_apart_by_their_ports(place: Place) -> None:
    for name, port in (("one", 8443), ("two", 9443)):
        containers = deepcopy(POD["spec"]["containers"])
        containers[0]["ports"][0]["containerPort"] = port
        containers[0]["ports"][1]["containerPort"] = port + 1
        del containers[1]["ports"]
        place.run(name, "10.1.2.3", hostNetwork=True, containers=containers)

    async def script(engine: Discoverer) -> None:
        found = {name: (target.address, target.metrics) for name, target in targets(engine).items()}
        assert found == {
            "one": ("10.1.2.3:8443", "http://10.1.2.3:8444/metrics"),
            "two": ("10.1.2.3:9443", "http://10.1.2.3:9444/metrics"),
        }

    place.watching(script)


def test_of_two_addresses_the_pods_first_is_looked_at_whatever_its_family(place: Place) -> None:
    place.run("six", "fd00::7")
    place.run("six-four", "fd00::8", "10.1.2.4")
    place.run("four-six", "10.1.2.5", "fd00::9")

    async def script(engine: Discoverer) -> None:
        found = {name: (target.address, target.metrics, target.opa) for name, target in targets(engine).items()}
        for name, host in (("six", "[fd00::7]"), ("six-four", "[fd00::8]"), ("four-six", "10.1.2.5")):
            assert found[name] == (f"{host}:8443", f"http://{host}:9090/metrics", f"http://{host}:8181")

    place.watching(script)


@pytest.mark.parametrize("jump", [86_400.0, -86_400.0])
def test_a_clock_that_jumps_costs_no_target_and_keeps_no_old_config(place: Place, jump: float) -> None:
    place.config_map("pod", {"config.yaml": CONFIG})
    place.run("pod", "10.1.2.3")
    ahead = [0.0]

    async def script(engine: Discoverer) -> None:
        assert targets(engine)["pod"].pool_capacity == 100
        ahead[0] = jump
        assert not engine.trouble
        place.config_map("pod", {"config.yaml": CONFIG.replace("100", "7")})
        status = {"containerStatuses": [{**each, "restartCount": 1} for each in statuses(place)]}
        place.admin.set_pod_status("pod", status, namespace=place.namespace)
        await until(lambda: targets(engine)["pod"].pool_capacity == 7)
        assert not engine.trouble

    place.watching(script, lambda: time.time() + ahead[0])


def statuses(place: Place) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = place.admin.get(f"/api/v1/namespaces/{place.namespace}/pods/pod")["status"][
        "containerStatuses"
    ]
    return found
