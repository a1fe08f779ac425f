"""The watch of Kubernetes against an API server that misbehaves as a real one cannot be made to."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from probes import load_probes
from tests.discovery.pods.test_target import CONFIG, POD
from tests.servers.kube_lies import CUT, LyingKubernetes, run_lying_kubernetes
from watcher.config.kubernetes import KubernetesSettings
from watcher.discovery.pods.discoverer import Discoverer
from watcher.kube.list_watch import Patience
from watcher.kube.requests import MAX_LINE

LIMITS = {probe.name: probe.limits() for probe in load_probes()}
QUICK = Patience(connect=5, page=20, idle=1.0, watch=(20, 30), backoff=(0.02, 0.1), short=0.0)
CONFIG_MAP = "/api/v1/namespaces/agentweave/configmaps/agentweave-example-config"
SERVICE = "/api/v1/namespaces/agentweave/services/agentweave-example"


def pod(number: int, **status: object) -> dict[str, Any]:
    raw = deepcopy(POD)
    raw["metadata"] |= {"uid": f"u{number}", "name": f"pod-{number}"}
    raw["status"] |= {"podIP": f"10.1.{number // 250}.{number % 250 + 1}", **status}
    return raw


@pytest.fixture
def lies() -> Iterator[LyingKubernetes]:
    with run_lying_kubernetes() as kubernetes:
        kubernetes.objects[CONFIG_MAP] = {"data": {"config.yaml": CONFIG}}
        yield kubernetes


def watching(
    lies: LyingKubernetes,
    directory: Path,
    script: Callable[[Discoverer], Coroutine[Any, Any, None]],
    patience: Patience = QUICK,
    **settings: object,
) -> None:
    """Run a script beside a watch of this server."""

    async def run() -> None:
        wanted = KubernetesSettings.model_validate({"kubeconfig": lies.kubeconfig(directory), **settings})
        engine = Discoverer(wanted, LIMITS, directory, time.time, lambda low, _: low, patience)
        try:
            await engine.start(10)
            await script(engine)
            await engine.remember()
        finally:
            await engine.close()

    asyncio.run(run())


async def until(ask: Callable[[], object], within: float = 10) -> None:
    """Wait until this is true."""
    end = time.monotonic() + within
    while not ask():
        assert time.monotonic() < end, "still not"
        await asyncio.sleep(0.01)


def names(engine: Discoverer) -> set[str]:
    return {target.key.pod for target in engine.targets()}


def test_pods_are_listed_in_pages_then_followed(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.page_size = 2
    for number in range(5):
        lies.put(pod(number))

    async def script(engine: Discoverer) -> None:
        assert names(engine) == {f"pod-{number}" for number in range(5)}
        assert {target.key.agent for target in engine.targets()} == {"example-agent"}
        await until(lambda: lies.watches)
        lies.put(pod(7))
        await until(lambda: "pod-7" in names(engine))
        lies.put(pod(7, podIP="10.9.9.9"))
        await until(lambda: "10.9.9.9:8443" in {target.address for target in engine.targets()})
        lies.delete("u7")
        await until(lambda: "pod-7" not in names(engine))
        assert engine.states()["target"] == 5
        assert not engine.trouble

    watching(lies, tmp_path, script)
    assert all(query["limit"] == "100" for path, query in lies.asked if path.endswith("/pods") and "watch" not in query)
    assert sum(path == CONFIG_MAP for path, _ in lies.asked) == 1


def test_a_service_s_annotation_says_who_is_expected(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.objects[SERVICE] = {"metadata": {"annotations": {"spiffe.io/service-id": "spiffe://hvs.solutions/agent/x"}}}
    lies.put(pod(1))

    async def script(engine: Discoverer) -> None:
        assert engine.targets()[0].spiffe_ids == ("spiffe://hvs.solutions/agent/x",)

    watching(lies, tmp_path, script)


def test_after_gone_everything_is_listed_anew_and_nothing_is_lost_or_kept(
    lies: LyingKubernetes, tmp_path: Path
) -> None:
    lies.put(pod(1))
    lies.put(pod(2))

    async def script(engine: Discoverer) -> None:
        await until(lambda: lies.watches)
        del lies.pods["u1"]  # nobody says so
        lies.pods["u3"] = pod(3)
        lies.say("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"})
        await until(lambda: names(engine) == {"pod-2", "pod-3"})

    watching(lies, tmp_path, script)


def test_a_page_that_is_gone_starts_the_list_again(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.page_size, lies.gone_pages = 1, 2
    for number in range(3):
        lies.put(pod(number))

    async def script(engine: Discoverer) -> None:
        await until(lambda: len(names(engine)) == 3 and not engine.failure)
        assert lies.lists() == 3

    watching(lies, tmp_path, script)


@pytest.mark.parametrize(
    "line",
    [CUT, b"garbage\n", b'{"type": "ADDED"}\n', b"[]\n", b'{"type":"ERROR","object":{"code":500,"message":"etcd"}}\n',
     b"[" * 100_000 + b"\n", b"x" * (MAX_LINE + 1)],
)  # fmt: skip
def test_a_watch_that_breaks_off_goes_on_and_the_targets_stay(
    lies: LyingKubernetes, tmp_path: Path, line: bytes
) -> None:
    lies.put(pod(1))

    async def script(engine: Discoverer) -> None:
        await until(lambda: lies.watches)
        lies.say_raw(line)
        await asyncio.sleep(0.1)
        assert names(engine) == {"pod-1"}
        await until(lambda: lies.watches)
        lies.put(pod(2))
        await until(lambda: "pod-2" in names(engine))

    watching(lies, tmp_path, script)


def test_one_odd_object_does_not_hide_the_others(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.pods["odd"] = {"metadata": {"uid": "odd", "resourceVersion": "1"}, "spec": "no"}
    lies.put(pod(1))

    async def script(engine: Discoverer) -> None:
        assert names(engine) == {"pod-1"}

    watching(lies, tmp_path, script)


def test_a_watch_that_hangs_is_given_up_and_listed_anew(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.put(pod(1))

    async def script(engine: Discoverer) -> None:
        await until(lambda: lies.watches)
        lies.pods["u2"] = pod(2)  # a version from the future: the server knows, and says nothing
        await until(lambda: "pod-2" in names(engine))

    watching(lies, tmp_path, script)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_a_server_that_refuses_is_trouble_and_asked_again(lies: LyingKubernetes, tmp_path: Path, status: int) -> None:
    lies.list_status = status
    lies.put(pod(1))

    async def script(engine: Discoverer) -> None:
        assert str(status) in engine.trouble
        assert "all namespaces" in engine.trouble
        assert engine.scopes[0].last_success is None
        lies.list_status = 200
        await until(lambda: names(engine) == {"pod-1"})
        assert not engine.trouble

    watching(lies, tmp_path, script)


def test_retry_after_is_kept(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.list_status, lies.headers["Retry-After"] = 429, "2"

    async def script(_: Discoverer) -> None:
        before = lies.lists()
        await asyncio.sleep(1.0)
        assert lies.lists() == before == 1

    watching(lies, tmp_path, script)


def test_a_token_is_read_again_after_a_401(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.list_status = 401

    async def script(engine: Discoverer) -> None:
        (tmp_path / "token").write_text("second\n")
        await until(lambda: "Bearer second" in lies.tokens)
        lies.list_status = 200
        await until(lambda: not engine.failure)

    watching(lies, tmp_path, script)


def test_each_namespace_is_followed_by_itself(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.put(pod(1))

    async def script(engine: Discoverer) -> None:
        assert [scope.name for scope in engine.scopes] == ["agentweave", "other"]
        assert all(scope.last_success for scope in engine.scopes)

    watching(lies, tmp_path, script, namespaces=["agentweave", "other"])
    asked = {path for path, query in lies.asked if "watch" not in query and path.endswith("/pods")}
    assert asked == {"/api/v1/namespaces/agentweave/pods", "/api/v1/namespaces/other/pods"}


def test_what_was_found_is_there_after_a_restart_without_the_server(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.put(pod(1))
    found = []

    async def first(engine: Discoverer) -> None:
        found.extend(engine.targets())

    async def second(engine: Discoverer) -> None:
        assert engine.targets() == found
        assert "500" in engine.trouble
        lies.list_status = 200
        del lies.pods["u1"]
        await until(lambda: not engine.targets())

    watching(lies, tmp_path, first)
    lies.list_status = 500
    watching(lies, tmp_path, second)
    assert found


def test_no_query_of_a_probe_is_written_to_disk(lies: LyingKubernetes, tmp_path: Path) -> None:
    raw = pod(1)
    raw["spec"]["containers"][0] |= {
        "livenessProbe": {"httpGet": {"path": "/healthz?token=hunter2", "port": 8443}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8443}},
    }
    lies.put(raw)
    asked = list[list[str]]()

    async def first(engine: Discoverer) -> None:
        asked.append([each.path for target in engine.targets() for each in target.kubelet_probes])

    async def second(engine: Discoverer) -> None:
        asked.append([each.path for target in engine.targets() for each in target.kubelet_probes])
        lies.list_status = 200
        await until(lambda: [len(target.kubelet_probes) for target in engine.targets()] == [2])

    watching(lies, tmp_path, first)
    assert b"hunter2" not in (tmp_path / "discovery.json").read_bytes()
    lies.list_status = 500
    watching(lies, tmp_path, second)
    assert asked == [["/healthz?token=hunter2", "/ready"], ["/ready"]]


def test_a_memory_that_is_garbage_is_let_go(lies: LyingKubernetes, tmp_path: Path) -> None:
    (tmp_path / "discovery.json").write_bytes(b'\xff\x00\n{"pod": 5}\n[]')
    lies.put(pod(1))

    async def script(engine: Discoverer) -> None:
        assert names(engine) == {"pod-1"}

    watching(lies, tmp_path, script)


def _no_pod_readable(lines: list[bytes]) -> list[bytes]:
    return [lines[0], *(b'{"pod": 5}' for _ in lines[1:])]


def _all_pods_gone(lines: list[bytes]) -> list[bytes]:
    return lines[:1]


def _without_its_first_line(lines: list[bytes]) -> list[bytes]:
    return lines[1:]


def _empty(_: list[bytes]) -> list[bytes]:
    return []


@pytest.mark.parametrize(
    ("change", "stands"),
    [(list, True), (_all_pods_gone, True), (_no_pod_readable, False), (_without_its_first_line, False),
     (_empty, False)],
)  # fmt: skip
def test_a_cache_stands_for_the_fleet_only_where_what_it_says_can_be_read(
    lies: LyingKubernetes, tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], stands: bool
) -> None:
    lies.put(pod(1))

    async def first(engine: Discoverer) -> None:
        assert not engine.unready

    async def second(engine: Discoverer) -> None:
        assert engine.unready == ("" if stands else "all namespaces: the API server answers 429")

    watching(lies, tmp_path, first)
    lies.list_status, cache = 429, tmp_path / "discovery.json"
    cache.write_bytes(b"\n".join(change(cache.read_bytes().splitlines())))
    watching(lies, tmp_path, second)


@pytest.mark.parametrize(
    ("before", "now", "unready"),
    [
        ({"namespaces": ["agentweave"]}, {"namespaces": ["agentweave"]}, ""),
        ({"namespaces": ["agentweave"]}, {"namespaces": ["agentweave", "new"]}, "new: the API server answers 500"),
        ({"namespaces": ["agentweave"]}, {}, "all namespaces: the API server answers 500"),
        ({}, {"namespaces": ["agentweave"]}, ""),
        ({}, {"selector": "another=one"}, "all namespaces: the API server answers 500"),
    ],
)
def test_a_cache_stands_only_for_the_pods_that_it_was_made_of(
    lies: LyingKubernetes, tmp_path: Path, before: dict[str, object], now: dict[str, object], unready: str
) -> None:
    lies.put(pod(1))

    async def first(engine: Discoverer) -> None:
        assert not engine.unready

    async def second(engine: Discoverer) -> None:
        assert engine.unready == unready

    watching(lies, tmp_path, first, QUICK, **before)
    lies.list_status = 500
    watching(lies, tmp_path, second, QUICK, **now)
    lies.list_status = 200
    watching(lies, tmp_path, first, QUICK, **now)


def test_a_part_of_the_fleet_that_stood_by_the_cache_still_does_after_the_next_restart(
    lies: LyingKubernetes, tmp_path: Path
) -> None:
    lies.put(pod(1))
    both = {"namespaces": ["agentweave", "other"]}

    async def second(engine: Discoverer) -> None:
        assert not engine.unready
        assert engine.scopes[1].last_success is None

    async def nothing(_: Discoverer) -> None:
        pass

    watching(lies, tmp_path, nothing, QUICK, **both)
    lies.refused["/api/v1/namespaces/other/pods"] = 500
    watching(lies, tmp_path, second, QUICK, **both)
    watching(lies, tmp_path, second, QUICK, **both)


def test_no_access_is_trouble_and_not_the_end(tmp_path: Path) -> None:
    lies = LyingKubernetes()
    path = tmp_path / "nothing"

    async def run() -> None:
        engine = Discoverer(KubernetesSettings(kubeconfig=path), LIMITS, None, time.time, lambda low, _: low, QUICK)
        await engine.start(10)
        assert str(path) in engine.trouble
        path.write_text(json.dumps({"clusters": 5}))
        await asyncio.sleep(0.2)
        assert engine.trouble
        await engine.close()

    asyncio.run(run())
    assert not lies.asked


def test_500_pods_replaced_in_a_rolling_deploy_are_right_afterwards(lies: LyingKubernetes, tmp_path: Path) -> None:
    for number in range(500):
        lies.put(pod(number))

    async def script(engine: Discoverer) -> None:
        await until(lambda: lies.watches)
        for number in range(500):
            lies.put(pod(1000 + number))
            lies.delete(f"u{number}")
            if number == 250:
                lies.say_raw(CUT)
                await until(lambda: lies.watches)
                lies.say("ERROR", {"code": 410, "message": "gone"})  # what was said meanwhile was heard by nobody
                await asyncio.sleep(0.3)
        await until(lambda: names(engine) == {f"pod-{1000 + number}" for number in range(500)})

    watching(lies, tmp_path, script)
