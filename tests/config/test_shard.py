"""Several watchers share a fleet by the names of its pods."""

import asyncio
import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import load_probes
from tests.discovery.pods.test_target import CONFIG, POD
from tests.servers.daemon import COMMAND, DaemonProcess, run_daemon, write_config
from tests.servers.kube_lies import LyingKubernetes, run_lying_kubernetes
from tests.servers.process import eventually
from watcher.config.file import ConfigError
from watcher.config.kubernetes import KubernetesSettings
from watcher.config.replicas import MOST_SHARDS, Shard
from watcher.config.settings import load_settings
from watcher.discovery.pods.discoverer import Discoverer

NAMES = st.text(st.characters(codec="ascii", categories=["Ll", "Nd"]), min_size=1, max_size=40)
COUNTS = st.integers(1, MOST_SHARDS)
FLEET = [("prod", f"search-7d9c4f6b8-{number:05d}") for number in range(3000)]
CONFIG_MAP = "/api/v1/namespaces/agentweave/configmaps/agentweave-example-config"


def owner(count: int, namespace: str, pod: str) -> int:
    owners = [index for index in range(count) if Shard(index=index, count=count).owns(namespace, pod)]
    assert len(owners) == 1, owners
    return owners[0]


@given(namespace=NAMES, pod=NAMES, count=COUNTS)
def test_every_pod_is_exactly_one_shards(namespace: str, pod: str, count: int) -> None:
    assert 0 <= owner(count, namespace, pod) < count


@given(namespace=NAMES, pod=NAMES, count=st.integers(1, MOST_SHARDS - 1))
def test_one_shard_more_takes_pods_and_moves_no_others(namespace: str, pod: str, count: int) -> None:
    assert owner(count + 1, namespace, pod) in (owner(count, namespace, pod), count)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9])
def test_one_shard_more_takes_its_share(count: int) -> None:
    moved = sum(owner(count, *each) != owner(count + 1, *each) for each in FLEET)
    assert moved / len(FLEET) == pytest.approx(1 / (count + 1), rel=0.15)


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_shards_are_alike_although_names_differ_in_a_digit(count: int) -> None:
    # Five standard deviations of a fair draw: a name in ten million fleets has a shard further off.
    share = len(FLEET) / count
    bound = 5 * (share * (1 - 1 / count)) ** 0.5
    sizes = Counter(owner(count, *each) for each in FLEET)
    assert sizes.keys() == set(range(count))
    assert max(abs(size - share) for size in sizes.values()) < bound, sizes


def test_the_owner_of_a_pod_is_the_same_in_every_release() -> None:
    assert [owner(5, "prod", f"search-{number}") for number in range(8)] == [2, 2, 4, 4, 3, 4, 0, 1]


def mistakes(directory: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    file = directory / "watcher.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_settings(file, environ or {})
    return [mistake.removeprefix(f"{file}:") for mistake in caught.value.mistakes]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("shard:\n  index: 2\n  count: 2", "2: shard.index: index 2 is none of 2, expected less than count"),
        ("shard:\n  index: 1", "2: shard.index: index 1 is none of 1, expected less than count"),
        ("shard:\n  index: -1\n  count: 2", "2: shard.index: expected greater than or equal to 0, got -1"),
        ("shard:\n  count: 0", "2: shard.count: expected greater than or equal to 1, got 0"),
        ("shard:\n  count: 101", "2: shard.count: expected less than or equal to 100, got 101"),
        ("shard:\n  count: '2'", "2: shard.count: expected a whole number, got '2'"),
        ("shard: {cuont: 2}", "1: shard.cuont: unknown key, did you mean count?"),
        (
            "shard: {count: 3}\nstandby: {lease: watcher, namespace: watch}",
            "2: standby: expected shard.count 1 with it, got 3: one lease is for one shard",
        ),
        ("standby: {lease: watcher}", "1: standby.namespace: missing, but required"),
        ("standby: {lease: Watcher, namespace: w}", "1: standby.lease: expected the name of a Lease, got 'Watcher'"),
        ("standby: {lease: w, namespace: a/b}", "1: standby.namespace: expected the name of a namespace, got 'a/b'"),
        (
            "installation: {namespace: w, workload: pod/w, selector: a=b}",
            "1: installation.workload: expected deployment/NAME or statefulset/NAME, got 'pod/w'",
        ),
        (
            "installation: {namespace: w, workload: deployment/w, selector: 'a=b;id'}",
            "1: installation.selector: expected labels such as app.kubernetes.io/instance=watcher, got 'a=b;id'",
        ),
        (
            "installation: {namespace: w, workload: deployment/w, selector: a=b, pod: $(id)}",
            "1: installation.pod: expected the name of a pod, got '$(id)'",
        ),
    ],
)
def test_a_mistake_in_the_sections_is_named(tmp_path: Path, text: str, mistake: str) -> None:
    assert mistakes(tmp_path, text) == [mistake]


def test_the_environment_says_which_shard_a_pod_is(tmp_path: Path) -> None:
    file = tmp_path / "watcher.yaml"
    file.write_text("shard: {count: 3}")
    variable = "AGENTWEAVE_WATCHER_SHARD__INDEX"
    assert load_settings(file, {variable: "2"}).shard == Shard(index=2, count=3)
    [mistake] = mistakes(tmp_path, "shard: {count: 3}", {variable: "3"})
    assert mistake == f"{variable}: shard.index: index 3 is none of 3, expected less than count"


def pod(number: int, **status: object) -> dict[str, Any]:
    """Nobody listens at its address: a look is refused at once."""
    raw = deepcopy(POD)
    raw["metadata"] |= {"uid": f"u{number}", "name": f"pod-{number}"}
    raw["status"] |= {"podIP": f"127.8.0.{number}", **status}
    return raw


@pytest.fixture
def lies() -> Iterator[LyingKubernetes]:
    with run_lying_kubernetes() as kubernetes:
        kubernetes.objects[CONFIG_MAP] = {"data": {"config.yaml": CONFIG}}
        yield kubernetes


def config(lies: LyingKubernetes, directory: Path, index: int, count: int) -> dict[str, Any]:
    found = {"kubeconfig": str(lies.kubeconfig(directory)), "allow_cidrs": ["127.8.0.0/16"]}
    static = [{"namespace": "prod", "agent": f"listed-{i}", "address": f"127.8.1.{i + 1}:8443"} for i in range(6)]
    return {
        "shard": {"index": index, "count": count},
        "state_dir": str(directory / "state"),
        "discovery": {"kubernetes": found, "static": static},
        "sources": {name: {"interval": "1s", "timeout": "500ms"} for name in ("handshake", "agent_metrics", "opa")},
    }


def run_shards(stack: ExitStack, lies: LyingKubernetes, home: Path, count: int) -> list[DaemonProcess]:
    daemons = []
    for index in range(count):
        directory = home / f"{index}-of-{count}"
        directory.mkdir(exist_ok=True)
        daemons.append(stack.enter_context(run_daemon(directory, config(lies, directory, index, count))))
    return daemons


def names(daemon: DaemonProcess) -> set[str]:
    return {dict(labels)["pod"] for labels in daemon.page().all("target_info")}


def test_shards_have_all_targets_between_them_and_none_twice(lies: LyingKubernetes, tmp_path: Path) -> None:
    for number in range(1, 13):
        lies.put(pod(number))
    lies.put(pod(13, podIP="", containerStatuses=[], phase="Pending"))
    everything = {f"pod-{number}" for number in range(1, 13)} | {f"listed-{number}" for number in range(6)}
    with ExitStack() as stack:
        shards = run_shards(stack, lies, tmp_path, 2)
        found = [names(daemon) for daemon in shards]
        assert found[0] | found[1] == everything
        assert not found[0] & found[1]
        assert all(found)
        pages = [daemon.page() for daemon in shards]
        for index, page in enumerate(pages):
            assert page.value("shards") == 2
            assert page.all("active") == {frozenset({("shard", str(index))}): 1}
            assert not page.contradictions
        for state, count in (("target", 12), ("pending", 1)):
            assert sum(page.value("discovery_pods", state=state) or 0 for page in pages) == count
        lies.put(pod(14))
        eventually(lambda: sum("pod-14" in names(daemon) for daemon in shards) == 1, within=5)
        lies.delete("u14")
        eventually(lambda: not any("pod-14" in names(daemon) for daemon in shards), within=5)


def test_a_shard_without_targets_becomes_ready(tmp_path: Path) -> None:
    static = [{"namespace": "prod", "agent": "search", "address": "127.0.0.1:9"}]
    index = 1 - owner(2, "prod", "search")
    shard = {"shard": {"index": index, "count": 2}, "discovery": {"static": static}}
    with run_daemon(tmp_path, shard) as daemon:  # which waits for /readyz
        assert daemon.page().value("targets") == 0
        write_config(tmp_path, shard | {"shard": {"index": 0, "count": 1}})
        daemon.reload()
        said = daemon.logged(lambda line: line["msg"] == "config section changed, restart required")
        assert [line["section"] for line in said] == ["shard"]
        assert daemon.page().value("targets") == 0
        assert daemon.page().value("shards") == 2


def test_a_check_looks_at_all_targets_whatever_the_shard(lies: LyingKubernetes, tmp_path: Path) -> None:
    for number in range(1, 5):
        lies.put(pod(number))
    path = write_config(tmp_path, config(lies, tmp_path, 1, 50))
    command = [*COMMAND, "check", "--config", str(path), "--output", "json"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert len(json.loads(told.stdout)["targets"]) == 10, told.stderr


def test_of_a_pod_of_another_shard_nothing_is_read_and_nothing_is_kept(lies: LyingKubernetes, tmp_path: Path) -> None:
    for number in range(1, 21):
        lies.put(pod(number))
    limits = {probe.name: probe.limits() for probe in load_probes()}
    settings = KubernetesSettings(kubeconfig=lies.kubeconfig(tmp_path), allow_cidrs=("127.8.0.0/16",))
    mine = {f"pod-{number}" for number in range(1, 21) if owner(3, "agentweave", f"pod-{number}") == 2}
    assert 0 < len(mine) < 20

    async def found(shard: Shard) -> tuple[set[str], int]:
        engine = Discoverer(settings, limits, tmp_path, time.time, lambda low, _: low, shard=shard)
        try:
            await engine.start(10)
            await engine.remember()
            return {target.key.pod for target in engine.targets()}, sum(engine.states().values())
        finally:
            await engine.close()

    assert asyncio.run(found(Shard(index=2, count=3))) == (mine, len(mine))
    assert len(asyncio.run(found(Shard()))[0]) == 20
    lies.list_status = 503  # only what was kept is known now: all pods, of which another shard takes its own
    assert asyncio.run(found(Shard(index=2, count=3))) == (mine, len(mine))
