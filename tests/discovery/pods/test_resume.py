"""From where a watch goes on after it broke off: the newest version it was told, or a new list where that is gone."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.discovery.pods.test_discoverer import LIMITS, names, pod, until
from tests.servers.kube_lies import CUT, LyingKubernetes, run_lying_kubernetes
from watcher.config.kubernetes import KubernetesSettings
from watcher.discovery.pods.discoverer import Discoverer
from watcher.kube.list_watch import Patience
from watcher.kube.requests import MAX_LINE

# Silence lasts longer than any test: what is found is found because the server said so.
PATIENT = Patience(connect=5, page=20, idle=60, watch=(100, 100), backoff=(0.02, 0.1), short=0.0)
Script = Callable[[Discoverer], Coroutine[Any, Any, None]]


def followed(
    lies: LyingKubernetes, directory: Path, script: Script, patience: Patience = PATIENT
) -> list[tuple[float, float]]:
    """Run a script beside a watch; between which numbers chance was asked to choose (it chose the lower)."""
    asked: list[tuple[float, float]] = []

    def lowest(low: float, high: float) -> float:
        asked.append((low, high))
        return low

    settings = KubernetesSettings(kubeconfig=lies.kubeconfig(directory), spiffe_id_template="spiffe://td/x")

    async def run() -> None:
        engine = Discoverer(settings, LIMITS, None, time.time, lowest, patience)
        try:
            await engine.start(10)
            await until(lambda: lies.watches)
            await script(engine)
        finally:
            await engine.close()

    asyncio.run(run())
    return asked


def watched_from(lies: LyingKubernetes) -> list[str]:
    """The versions that watches were asked to go on from."""
    return [query["resourceVersion"] for _, query in lies.asked if "watch" in query]


def test_a_watch_goes_on_from_the_newest_event_or_bookmark_without_a_list(tmp_path: Path) -> None:
    with run_lying_kubernetes() as lies:
        lies.put(pod(1))

        async def script(engine: Discoverer) -> None:
            lies.put(pod(2))
            await until(lambda: "pod-2" in names(engine))
            lies.say_raw(CUT)
            await until(lambda: len(watched_from(lies)) == 2 and lies.watches)
            lies.say("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": "4711"}})
            lies.say_raw(CUT)
            await until(lambda: len(watched_from(lies)) == 3)

        followed(lies, tmp_path, script)
        assert watched_from(lies) == ["2", "3", "4711"]
        assert lies.lists() == 1
        asked = [query for _, query in lies.asked if "watch" in query]
        assert {query["allowWatchBookmarks"] for query in asked} == {"true"}
        assert {query["timeoutSeconds"] for query in asked} == {"100"}


def test_a_deleted_pod_is_gone_because_the_watch_says_so(tmp_path: Path) -> None:
    with run_lying_kubernetes() as lies:
        lies.put(pod(1))
        lies.put(pod(2))

        async def script(engine: Discoverer) -> None:
            lies.delete("u1")
            await until(lambda: names(engine) == {"pod-2"}, within=5)
            assert lies.lists() == 1

        followed(lies, tmp_path, script)


def test_after_410_everything_is_listed_anew_at_once(tmp_path: Path) -> None:
    with run_lying_kubernetes() as lies:
        lies.put(pod(1))

        async def script(engine: Discoverer) -> None:
            del lies.pods["u1"]
            lies.pods["u2"] = pod(2)
            lies.say("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"})
            await until(lambda: names(engine) == {"pod-2"}, within=5)

        followed(lies, tmp_path, script)


@pytest.mark.parametrize(
    ("line", "lists"),
    [(b'{"type":"ERROR","object":{"code":500,"message":"etcd"}}\n', 2), (b"x" * (MAX_LINE + 1), 1)],
    ids=["error", "endless line"],
)
def test_a_watch_that_says_what_cannot_be_used_is_given_up_at_once(tmp_path: Path, line: bytes, lists: int) -> None:
    with run_lying_kubernetes() as lies:
        lies.put(pod(1))

        async def script(_: Discoverer) -> None:
            lies.say_raw(line)
            await until(lambda: len(watched_from(lies)) == 2, within=5)

        followed(lies, tmp_path, script)
        assert lies.lists() == lists


def test_a_server_that_ends_every_watch_at_once_is_asked_less_and_less(tmp_path: Path) -> None:
    slower = Patience(connect=5, page=20, idle=60, watch=(100, 100), backoff=(0.1, 30), short=5.0)
    with run_lying_kubernetes() as lies:
        lies.put(pod(1))

        async def script(engine: Discoverer) -> None:
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                lies.say_raw(CUT)
                await asyncio.sleep(0.02)
            assert "closed at once" in engine.failure
            assert 2 <= len(watched_from(lies)) <= 6  # after 0.05, 0.1, 0.2, 0.4 and 0.8 s
            assert names(engine) == {"pod-1"}

        assert (0.5, 1.5) in followed(lies, tmp_path, script, slower)  # many watchers must not come back at once


def test_a_part_of_the_discovery_that_ends_is_raised_and_not_lived_with(tmp_path: Path) -> None:
    def uniform(low: float, high: float) -> float:
        raise ZeroDivisionError(low, high)

    async def run(lies: LyingKubernetes) -> None:
        settings = KubernetesSettings(kubeconfig=lies.kubeconfig(tmp_path), spiffe_id_template="spiffe://td/x")
        engine = Discoverer(settings, LIMITS, None, time.time, uniform)
        engine.raise_failure()
        await engine.start(5)
        try:
            await until(lambda: _is_broken(engine))
            assert engine.changed.is_set()
        finally:
            await engine.close()

    with run_lying_kubernetes() as lies:
        lies.put(pod(1))
        asyncio.run(run(lies))


def _is_broken(engine: Discoverer) -> bool:
    try:
        engine.raise_failure()
    except ZeroDivisionError:
        return True
    return False
