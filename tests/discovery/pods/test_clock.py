"""The watch of Kubernetes where time goes wrong: a clock that jumps, a server that takes its time."""

import asyncio
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest

from tests.discovery.pods.test_discoverer import CONFIG_MAP, LIMITS, QUICK, names, pod, until
from tests.discovery.pods.test_target import CONFIG
from tests.servers.kube_lies import CUT, LyingKubernetes, run_lying_kubernetes
from watcher.config.kubernetes import KubernetesSettings
from watcher.discovery.pods.discoverer import Discoverer

DAY = 86400.0


class Clock:
    """A machine's two clocks: one that only time moves, and a date, which somebody sets."""

    def __init__(self) -> None:
        self.passed = self.ahead = 0.0

    def steady(self) -> float:
        return time.time() + self.passed

    def date_of(self, steady: float) -> float:
        return steady + self.ahead


@pytest.fixture
def lies() -> Iterator[LyingKubernetes]:
    with run_lying_kubernetes() as kubernetes:
        kubernetes.objects[CONFIG_MAP] = {"data": {"config.yaml": CONFIG}}
        yield kubernetes


def _watch(lies: LyingKubernetes, directory: Path, clock: Clock) -> Discoverer:
    settings = KubernetesSettings(kubeconfig=lies.kubeconfig(directory))
    return Discoverer(settings, LIMITS, None, clock.steady, lambda low, _: low, QUICK, date_of=clock.date_of)


@pytest.mark.parametrize("jump", [-DAY, DAY])
def test_a_clock_that_jumps_costs_no_target_and_hides_no_trouble(
    lies: LyingKubernetes, tmp_path: Path, jump: float
) -> None:
    lies.put(pod(1))
    clock = Clock()

    async def run() -> None:
        engine = _watch(lies, tmp_path, clock)
        await engine.start(10)
        before = engine.targets()
        await until(lambda: lies.watches)
        lies.list_status = lies.watch_status = 500
        lies.say_raw(CUT)
        await until(lambda: engine.failure)
        assert not engine.trouble  # it is silent since a moment only
        clock.ahead = jump
        assert not engine.trouble, "no time has passed"
        clock.passed = 11.0
        assert "500" in engine.trouble
        assert engine.targets() == before
        lies.list_status = lies.watch_status = 200
        await until(lambda: not engine.failure)
        lies.put(pod(2))
        await until(lambda: names(engine) == {"pod-1", "pod-2"})
        assert not engine.trouble
        await engine.close()

    asyncio.run(run())


def test_a_config_is_read_anew_though_the_clock_was_set_back(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.put(pod(1))
    clock = Clock()

    async def run() -> None:
        engine = _watch(lies, tmp_path, clock)
        await engine.start(10)
        await until(lambda: lies.watches)
        changed = deepcopy(lies.objects[CONFIG_MAP])
        changed["data"]["config.yaml"] = CONFIG.replace("max_connections: 100", "max_connections: 7")
        lies.objects[CONFIG_MAP] = changed
        clock.ahead, clock.passed = -DAY, 21.0
        lies.put(pod(2))
        await until(lambda: "pod-2" in names(engine))
        assert {target.key.pod: target.pool_capacity for target in engine.targets()} == {"pod-1": 100, "pod-2": 7}
        await engine.close()

    asyncio.run(run())


def test_a_slow_server_gives_its_targets_page_by_page_and_is_no_trouble(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.page_size, lies.delay = 1, 0.2
    for number in range(5):
        lies.put(pod(number))

    async def run() -> None:
        engine = _watch(lies, tmp_path, Clock())
        began = time.monotonic()
        await engine.start(0.7)
        assert time.monotonic() - began < 1.0
        assert not engine.is_known
        assert not engine.trouble
        assert names(engine) < {f"pod-{number}" for number in range(5)}
        await until(lambda: engine.is_known)
        assert names(engine) == {f"pod-{number}" for number in range(5)}
        assert lies.lists() == 1
        await engine.close()

    asyncio.run(run())
