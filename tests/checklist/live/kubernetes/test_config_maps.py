"""How often ConfigMaps are asked for that cannot be read, and what is told of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from probes.controls.evidence import AgentRef, Missing
from tests.checklist.live.kubernetes.cluster import until
from tests.servers.kube_lies import LyingKubernetes, run_lying_kubernetes
from watcher.checklist.live.kubernetes.configs.config_maps import ConfigMapReader
from watcher.kube.access import Access

EVERY = 300.0


def path(name: str, namespace: str = "prod") -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/{name}"


def config_map(name: str, namespace: str = "prod") -> dict[str, object]:
    return {"metadata": {"name": name, "namespace": namespace}, "data": {}}


class Reading:
    """A reader, beside a clock that a test sets."""

    def __init__(self, lies: LyingKubernetes, access: Access) -> None:
        self.lies, self.now = lies, 0.0
        self.of = ConfigMapReader(access, EVERY, lambda: self.now, float, lambda _: None)

    async def at(self, seconds: float, *names: str, asked: int, namespace: str = "prod", process: float = 0.0) -> None:
        """At this second these are wanted, each by an agent of its own whose newest process is of the second `process`;
        so many questions follow."""
        self.now = seconds
        self.lies.asked.clear()
        for name in names:
            self.of.want(AgentRef(namespace, name), {(namespace, name): frozenset()}, process)
        await until(lambda: len(self.lies.asked) >= asked, lambda: str(self.lies.asked))
        for _ in range(20):
            await asyncio.sleep(0.01)  # for those that would be too many
        assert len(self.lies.asked) == asked, self.lies.asked

    def reason(self, name: str, namespace: str = "prod") -> str:
        """Why one cannot be judged."""
        found = self.of.of((namespace, name))
        return str(found.reason) if isinstance(found, Missing) else ""


@pytest.fixture
def lies() -> Iterator[LyingKubernetes]:
    with run_lying_kubernetes() as kubernetes:
        yield kubernetes


def reading(lies: LyingKubernetes, directory: Path, script: Callable[[Reading], Awaitable[None]]) -> None:
    """Run a script beside a reader of this server."""

    async def run() -> None:
        access = Access(lies.kubeconfig(directory))
        beside = Reading(lies, access)
        task = asyncio.create_task(beside.of.read_for_ever())
        try:
            await script(beside)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await access.close()

    asyncio.run(run())


@pytest.mark.parametrize(("status", "reason"), [(403, "Forbidden"), (500, "Unreachable")])
def test_what_cannot_be_read_is_asked_for_less_and_less_and_at_last_as_often_as_what_can(
    lies: LyingKubernetes, tmp_path: Path, status: int, reason: str
) -> None:
    lies.refused[path("a")] = status

    async def script(beside: Reading) -> None:
        at = 0.0
        for wait in (0.0, 15.0, 30.0, 60.0, 120.0, 240.0, EVERY, EVERY):
            await beside.at(at + max(0.0, wait - 1), "a", asked=0 if wait else 1)
            if wait:
                await beside.at(at + wait, "a", asked=1)
            at += wait
            assert beside.reason("a") == reason

    reading(lies, tmp_path, script)


def test_a_right_that_is_given_back_is_seen_by_one_and_used_by_all_of_its_namespace(
    lies: LyingKubernetes, tmp_path: Path
) -> None:
    lies.refused |= {path(name): 403 for name in "abc"}
    lies.refused[path("d", "other")] = 403

    async def script(beside: Reading) -> None:
        await beside.at(0.0, "a", asked=1)
        await beside.at(10.0, "b", "c", asked=2)
        await beside.at(10.0, "d", asked=1, namespace="other")
        await beside.at(15.0, "a", asked=1)
        await beside.at(25.0, "a", asked=3)
        assert beside.of.denied
        for name in "abc":
            del lies.refused[path(name)]
            lies.objects[path(name)] = config_map(name)
        await beside.at(45.0, "a", asked=3)
        assert [beside.reason(name) for name in "abc"] == ["", "", ""]
        assert (beside.reason("d", "other"), beside.of.denied) == ("Forbidden", True)
        lies.refused.clear()
        await beside.at(55.0, "a", asked=1)
        assert (beside.reason("d", "other"), beside.of.denied) == ("SourceMissing", False)

    reading(lies, tmp_path, script)


def test_what_was_read_in_the_second_in_which_a_process_started_is_read_again(
    lies: LyingKubernetes, tmp_path: Path
) -> None:
    lies.objects[path("a")] = config_map("a")

    async def script(beside: Reading) -> None:
        await beside.at(10.5, "a", asked=1)
        await beside.at(11.0, "a", asked=0, process=10.0)
        await beside.at(25.5, "a", asked=1, process=10.0)
        await beside.at(60.0, "a", asked=0, process=10.0)

    reading(lies, tmp_path, script)
