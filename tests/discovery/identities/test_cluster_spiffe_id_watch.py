"""The watch of ClusterSPIFFEID objects where the API server is not as it should be."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.discovery.pods.test_discoverer import QUICK, until
from tests.discovery.pods.test_target import LIMITS, pod
from tests.servers.kube_lies import LyingKubernetes, run_lying_kubernetes
from watcher.config.kubernetes import ClusterSpiffeIdSettings, KubernetesSettings
from watcher.discovery.identities.cache_file import FILE_NAME, CachedObjects, ClusterSpiffeIdCache
from watcher.discovery.identities.cluster_spiffe_id_watch import MOST_OBJECTS, ClusterSpiffeIdWatch
from watcher.discovery.identities.namespace_labels import NamespaceLabels
from watcher.discovery.pod.pod import read_pod
from watcher.discovery.pods.discoverer import Discoverer
from watcher.kube.access import Access
from watcher.kube.errors import RefusedError

IDS = ClusterSpiffeIdSettings(trust_domain="example.org")
ID = "spiffe://example.org/a"
POD = read_pod(pod(), frozenset())


@pytest.fixture
def lies() -> Iterator[LyingKubernetes]:
    with run_lying_kubernetes() as kubernetes:
        yield kubernetes


def raw(number: int, **spec: object) -> dict[str, Any]:
    return {"metadata": {"uid": f"u{number}", "name": f"c{number}"}, "spec": {"spiffeIDTemplate": ID, **spec}}


def ids(engine: ClusterSpiffeIdWatch) -> tuple[str, ...]:
    found = engine.declared(POD)
    return found.ids if found else ()


def watch_of(access: Access, directory: Path | None) -> ClusterSpiffeIdWatch:
    return ClusterSpiffeIdWatch(access, IDS, directory, time.time, lambda: None)


Script = Callable[[Access], Coroutine[Any, Any, None]]


def asking(lies: LyingKubernetes, directory: Path, script: Script) -> None:
    async def run() -> None:
        access = Access(lies.kubeconfig(directory))
        try:
            await script(access)
        finally:
            await access.close()

    asyncio.run(run())


def test_a_cluster_without_the_definition_is_told_as_such(lies: LyingKubernetes, tmp_path: Path) -> None:
    lies.pods["u1"] = pod(metadata__uid="u1")

    async def run() -> None:
        wanted = {"kubeconfig": lies.kubeconfig(tmp_path), "cluster_spiffe_ids": IDS.model_dump()}
        settings = KubernetesSettings.model_validate(wanted)
        engine = Discoverer(settings, LIMITS, None, time.time, lambda low, _: low, QUICK)
        try:
            await engine.start(10)
            [target] = engine.targets()
            assert target.spiffe_ids == ()
            assert "ClusterSPIFFEID objects could not be read yet" in target.problems
            assert "the CRD of SPIRE's controller manager is not installed" in engine.trouble
        finally:
            await engine.close()

    asyncio.run(run())


def test_the_operators_template_goes_before_and_then_the_objects_are_not_even_asked_for(
    lies: LyingKubernetes, tmp_path: Path
) -> None:
    lies.pods["u1"] = pod(metadata__uid="u1")

    async def run() -> None:
        wanted = {"kubeconfig": lies.kubeconfig(tmp_path), "cluster_spiffe_ids": IDS.model_dump()}
        settings = KubernetesSettings.model_validate({**wanted, "spiffe_id_template": "spiffe://corp.example/${pod}"})
        engine = Discoverer(settings, LIMITS, None, time.time, lambda low, _: low, QUICK)
        try:
            await engine.start(10)
            assert engine.targets()[0].spiffe_ids[0].startswith("spiffe://corp.example/")
            assert not engine.trouble
        finally:
            await engine.close()

    asyncio.run(run())
    assert not [path for path, _ in lies.asked if "clusterspiffeids" in path]


def test_what_was_kept_is_expected_until_the_api_server_tells_better(lies: LyingKubernetes, tmp_path: Path) -> None:
    async def script(access: Access) -> None:
        first = watch_of(access, tmp_path)
        first.put(raw(1))
        assert ids(first) == ()
        first.listed({"u1"})
        assert ids(first) == (ID,)
        await first.remember()
        second = watch_of(access, tmp_path)
        await second.restore()
        assert ids(second) == (ID,)
        second.failed("500: no", RefusedError(500, "no"))
        assert ids(second) == (ID,)
        second.listed(set())
        assert ids(second) == ()

    asking(lies, tmp_path, script)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b"{}", b'{"objects": [5], "namespaces": {}}', b'{"objects": [], "namespaces": {"a": 5}}',
     b"[" * 100_000, b'{"objects": [{"metadata": 5}], "namespaces": {}}'],
)  # fmt: skip
def test_a_memory_that_is_garbage_is_let_go(lies: LyingKubernetes, tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)

    async def script(access: Access) -> None:
        engine = watch_of(access, tmp_path)
        await engine.restore()
        assert ids(engine) == ()

    asking(lies, tmp_path, script)


def test_a_disk_that_does_not_take_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        asyncio.run(ClusterSpiffeIdCache(tmp_path / "file").write(CachedObjects([])))


TOO_MANY = ("there are over 1000 ClusterSPIFFEID objects: none is applied",)


def problems(engine: ClusterSpiffeIdWatch) -> tuple[str, ...]:
    found = engine.declared(POD)
    return found.problems if found else ()


def list_all(engine: ClusterSpiffeIdWatch, numbers: range) -> None:
    for number in numbers:
        engine.put(raw(number))
    engine.listed({f"u{number}" for number in numbers})


def test_too_many_objects_expect_nothing_also_of_the_next_process(lies: LyingKubernetes, tmp_path: Path) -> None:
    async def script(access: Access) -> None:
        engine = watch_of(access, tmp_path)
        list_all(engine, range(MOST_OBJECTS + 5))
        assert problems(engine) == TOO_MANY
        await engine.remember()
        assert len(json.loads((tmp_path / FILE_NAME).read_text())["objects"]) == MOST_OBJECTS + 1
        following = watch_of(access, tmp_path)
        await following.restore()
        assert problems(following) == TOO_MANY

    asking(lies, tmp_path, script)


def test_objects_that_are_few_enough_again_are_applied_at_once(lies: LyingKubernetes, tmp_path: Path) -> None:
    async def script(access: Access) -> None:
        changes: list[float] = []
        engine = ClusterSpiffeIdWatch(access, IDS, tmp_path, time.time, lambda: changes.append(time.time()))
        for most in (MOST_OBJECTS + 1, 2 * MOST_OBJECTS + 1):
            list_all(engine, range(most))
            assert problems(engine) == TOO_MANY
            changes.clear()
            for number in reversed(range(MOST_OBJECTS, most)):
                engine.remove(f"u{number}")
            assert ids(engine) == (ID,)
            assert len(changes) == most - MOST_OBJECTS, "whose pods had a problem is told"

    asking(lies, tmp_path, script)


def test_where_a_list_has_all_objects_anew_none_of_them_is_left_out(lies: LyingKubernetes, tmp_path: Path) -> None:
    async def script(access: Access) -> None:
        engine = watch_of(access, tmp_path)
        list_all(engine, range(600))
        list_all(engine, range(600, 1200))
        assert problems(engine) == ()
        await engine.remember()
        assert len(json.loads((tmp_path / FILE_NAME).read_text())["objects"]) == 600

    asking(lies, tmp_path, script)


def test_only_what_is_read_of_an_object_is_kept(lies: LyingKubernetes, tmp_path: Path) -> None:
    async def script(access: Access) -> None:
        engine = watch_of(access, tmp_path)
        engine.put(raw(1, dnsNameTemplates=["x" * 100_000], status={"much": "x" * 100_000}))
        engine.put(raw(2, podSelector={"matchLabels": {"a": "x" * 100_000}}))
        engine.listed({"u1", "u2"})
        await engine.remember()
        assert (tmp_path / FILE_NAME).stat().st_size < 1000

    asking(lies, tmp_path, script)


def test_labels_of_a_namespace_are_read_again_and_a_change_is_told(lies: LyingKubernetes, tmp_path: Path) -> None:
    path = "/api/v1/namespaces/prod"
    lies.objects[path] = {"metadata": {"labels": {"team": "search"}}}

    async def script(access: Access) -> None:
        changes: list[float] = []
        namespaces = NamespaceLabels(access, lambda: changes.append(time.time()), every=0.05)
        reading = asyncio.create_task(namespaces.refresh_for_ever())
        assert namespaces.of("prod") is None
        await until(lambda: not namespaces.busy)
        assert namespaces.of("prod") == {"team": "search"}
        await until(lambda: len(lies.asked) > 3)
        assert len(changes) == 1
        lies.objects[path] = {"metadata": {"labels": {"team": "billing"}}}
        await until(lambda: namespaces.of("prod") == {"team": "billing"})
        assert len(changes) == 2
        lies.objects[path] = {"metadata": {"labels": ["team"]}}
        await until(lambda: namespaces.why)
        assert namespaces.of("prod") == {"team": "billing"}
        del lies.objects[path]
        await until(lambda: namespaces.of("prod") not in ({"team": "billing"}, None))
        reading.cancel()
        await namespaces.close()

    asking(lies, tmp_path, script)
