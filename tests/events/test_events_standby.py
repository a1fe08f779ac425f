"""Events of two real daemons with a Lease in a real Kubernetes: what a leader saw that alone lost its lease."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.chart.render import rendered
from tests.events.test_events_cluster import events, run_pod, token
from tests.servers.daemon import DaemonProcess, run_daemon
from tests.servers.kube import Kubernetes, run_kubernetes
from tests.servers.process import eventually
from tests.servers.tcp_proxy import Proxy, run_proxy
from tests.servers.watched_fleet import SOURCES, WatchedFleet, run_fleet
from watcher.kube.pod_ref import PodRef

LEASE = {"lease": "w-agentweave-watcher", "namespace": "watch"}
LEASES = "/apis/coordination.k8s.io/v1/namespaces/watch/leases"
FULL = 490 * 2**20
SOME_TICKS = 10.0
"""Looks at the agent's page, 0.4 s apart; what is to be written is written once a second."""


@pytest.fixture(scope="module")
def kubernetes() -> Iterator[Kubernetes]:
    with run_kubernetes() as server:
        for namespace in ("watch", "prod"):
            server.admin.namespace(namespace)
        documents = rendered({"replicas": 2})
        server.admin.apply(*(each for name, each in documents.items() if "Role" in name or "ServiceAccount" in name))
        yield server


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[WatchedFleet]:
    with run_fleet(tmp_path, "planner", with_opa=False) as found:
        yield found


@pytest.fixture
def pod(kubernetes: Kubernetes, fleet: WatchedFleet) -> Iterator[PodRef]:
    agent = fleet.agents["planner"]
    found = run_pod(
        kubernetes, "planner-0", https=agent.port, metrics=urlsplit(str(agent.target()["metrics"])).port or 0
    )
    yield found
    kubernetes.admin.delete_pod(found.name, namespace=found.namespace)
    for lease in kubernetes.admin.get(LEASES)["items"]:
        kubernetes.admin.ask("DELETE", f"{LEASES}/{lease['metadata']['name']}")


@contextmanager
def watching(kubernetes: Kubernetes, fleet: WatchedFleet, *urls: str) -> Iterator[list[DaemonProcess]]:
    """Daemons of which the first leads; each reaches its lease by its URL, and all else directly."""
    account = token(kubernetes)
    found: Mapping[str, Any] = {
        "kubeconfig": str(kubernetes.kubeconfig(account)),
        "allow_cidrs": ["127.0.0.0/8"],
        "namespaces": ["prod"],
    }
    with ExitStack() as stack:
        daemons: list[DaemonProcess] = []
        for number, url in enumerate(urls):
            home = fleet.home / f"daemon-{number}"
            home.mkdir()
            standby = {**LEASE, "kubeconfig": str(kubernetes.kubeconfig(account, url))}
            config = fleet.config(sources=SOURCES, discovery={"kubernetes": found}, standby=standby)
            daemons.append(stack.enter_context(run_daemon(home, config)))
            eventually(lambda: leads(daemons[0]))
        yield daemons


@contextmanager
def cut_from_lease(
    kubernetes: Kubernetes, fleet: WatchedFleet, *urls: str
) -> Iterator[tuple[Proxy, list[DaemonProcess]]]:
    """A leader whose way to its lease can be cut, and others that reach theirs by these URLs."""
    with ExitStack() as stack:
        proxy = stack.enter_context(run_proxy(urlsplit(kubernetes.url).port or 0))
        yield proxy, stack.enter_context(watching(kubernetes, fleet, f"https://127.0.0.1:{proxy.port}", *urls))


def leads(daemon: DaemonProcess) -> bool:
    return daemon.page().value("active", shard="0") == 1


def unconfirmed(daemon: DaemonProcess) -> bool:
    return daemon.page().value("impaired", reason="LeaseUnconfirmed") == 1


def written(daemon: DaemonProcess) -> float | None:
    return daemon.page().value("events_total", result="written")


def told(kubernetes: Kubernetes, pod: PodRef) -> list[int]:
    """How often each Event about its memory was told: on a busy machine a look may take too long, which is told too."""
    found = [each for each in events(kubernetes, pod) if each["reason"] == "MemoryHigh"]
    return [each.get("series", {}).get("count", 1) for each in found]


def look_on(daemon: DaemonProcess) -> None:
    """Until it would have written what it wants to write."""

    def looks() -> float:
        return daemon.page().value("looks_total", source="agent_metrics", result="ok") or 0

    before = looks()
    eventually(lambda: looks() >= before + SOME_TICKS)


def test_what_a_leader_sees_while_its_lease_is_unconfirmed_is_written_once_it_is_confirmed(
    kubernetes: Kubernetes, fleet: WatchedFleet, pod: PodRef
) -> None:
    with cut_from_lease(kubernetes, fleet) as (proxy, [leader]):
        leader.says("MemoryHigh", "false", pod=pod.name)
        proxy.cut()
        eventually(lambda: unconfirmed(leader))
        before = written(leader)
        fleet.agents["planner"].memory.set(FULL)
        leader.says("MemoryHigh", "true", pod=pod.name)
        look_on(leader)
        assert (leads(leader), written(leader), told(kubernetes, pod)) == (True, before, [])
        proxy.mend()
        eventually(lambda: told(kubernetes, pod) == [1])
        assert not unconfirmed(leader)
        eventually(lambda: (written(leader) or 0) > (before or 0))


def test_of_two_that_lead_only_the_one_with_the_lease_writes_and_the_other_never_does_later(
    kubernetes: Kubernetes, fleet: WatchedFleet, pod: PodRef
) -> None:
    with cut_from_lease(kubernetes, fleet, "") as (proxy, [leader, other]):
        proxy.cut()
        eventually(lambda: unconfirmed(leader) and leads(other))
        before = written(leader)
        fleet.agents["planner"].memory.set(FULL)
        for daemon in (leader, other):
            daemon.says("MemoryHigh", "true", pod=pod.name)
        eventually(lambda: told(kubernetes, pod) == [1])
        look_on(leader)
        assert leads(leader)
        proxy.mend()
        eventually(lambda: not leads(leader))
        look_on(leader)
        assert (written(leader), told(kubernetes, pod)) == (before, [1])
