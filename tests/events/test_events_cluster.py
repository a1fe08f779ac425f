"""Events in a real Kubernetes, written with exactly the rights that the chart gives, and shown by kubectl."""

import asyncio
import logging
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.chart.render import rendered
from tests.engine.toy import SMOKE
from tests.events.watching import Script, Watching, run_watching
from tests.servers.daemon import run_daemon
from tests.servers.kube import Kubernetes, kubectl, run_kubernetes
from tests.servers.kube_api import running_status
from tests.servers.process import eventually
from tests.servers.watched_fleet import SOURCES, run_fleet
from watcher.events.recorder import REFRESH
from watcher.kube.pod_ref import PodRef

ACCOUNT = ("watch", "w-agentweave-watcher")
AWAY, AGAIN = "cannot write Events", "writing Events again"
THICK = SMOKE.true("Thick smoke in all rooms.", "Black")
CLEAR = SMOKE.false()


@pytest.fixture(scope="module")
def kubernetes() -> Iterator[Kubernetes]:
    with run_kubernetes() as server:
        for namespace in ("watch", "prod"):
            server.admin.namespace(namespace)
        server.admin.apply(*(each for name, each in rendered().items() if "Role" in name or "ServiceAccount" in name))
        yield server


@pytest.fixture
def pod(kubernetes: Kubernetes, request: pytest.FixtureRequest) -> PodRef:
    """A pod of a test's own."""
    return run_pod(kubernetes, re.sub("[^a-z]+", "-", request.node.name)[5:60].strip("-"))


def run_pod(kubernetes: Kubernetes, name: str, namespace: str = "prod", **ports: int) -> PodRef:
    """A pod whose agent's container has these ports, at the address of loopback."""
    resources = {"limits": {"memory": "512Mi", "cpu": "2"}}
    agent: dict[str, Any] = {"name": "agent", "image": "agent:1", "resources": resources}
    agent["ports"] = [{"name": port, "containerPort": number} for port, number in ports.items()]
    annotations = {"agentweave.io/watch": "true"}
    labels = {"app.kubernetes.io/component": "agent"}
    made = kubernetes.admin.run_pod(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "annotations": annotations, "labels": labels},
            "spec": {"containers": [agent]},
        },
        running_status("127.0.0.1"),
        namespace=namespace,
    )
    return PodRef(namespace, name, made["metadata"]["uid"])


def token(kubernetes: Kubernetes) -> str:
    return kubernetes.admin.token(*ACCOUNT)


def telling(kubernetes: Kubernetes, script: Script, *pods: PodRef, kubeconfig: Path | None = None) -> None:
    run_watching(kubeconfig or kubernetes.kubeconfig(token(kubernetes)), script, *pods)


def events(kubernetes: Kubernetes, pod: PodRef) -> list[Mapping[str, Any]]:
    found = kubernetes.admin.get(f"/apis/events.k8s.io/v1/namespaces/{pod.namespace}/events")["items"]
    return [each for each in found if each["regarding"]["uid"] == pod.uid]


def counts(kubernetes: Kubernetes, pod: PodRef) -> list[int]:
    return [each.get("series", {}).get("count", 1) for each in events(kubernetes, pod)]


def described(kubernetes: Kubernetes, pod: PodRef) -> str:
    """The Events in what kubectl prints of a pod."""
    return kubectl(kubernetes, "describe", "pod", pod.name, f"--namespace={pod.namespace}").stdout.partition("Events:")[
        2
    ]


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("watcher.event")]


def test_kubectl_shows_what_is_wrong_and_that_it_is_over(kubernetes: Kubernetes, pod: PodRef) -> None:
    async def script(watching: Watching) -> None:
        await watching.tell(THICK)
        shows(r"Warning +Smoke +\d+s +agentweave-watcher +Thick smoke in all rooms\.$")
        watching.clock.now += 90
        await watching.tell(CLEAR)
        shows(r"Normal +Smoke .* agentweave-watcher +Resolved after 1m30s\. No smoke\.$")

    def shows(line: str) -> None:
        assert re.search(line, described(kubernetes, pod), re.MULTILINE), described(kubernetes, pod)

    telling(kubernetes, script, pod)
    assert [each["action"] for each in events(kubernetes, pod)] == ["Watching"] * 2


def test_what_comes_again_and_what_goes_on_is_counted_in_one_event(kubernetes: Kubernetes, pod: PodRef) -> None:
    async def script(watching: Watching) -> None:
        for _ in range(2):
            await watching.tell(THICK)
            watching.clock.now += 10
            await watching.tell(CLEAR)
            watching.clock.now += 10
        assert counts(kubernetes, pod) == [2, 2]
        await watching.tell(THICK)
        watching.clock.now += REFRESH - 1
        await watching.tell(THICK)
        assert sorted(counts(kubernetes, pod)) == [2, 3]
        watching.clock.now += 1
        await watching.tell(THICK)
        assert sorted(counts(kubernetes, pod)) == [2, 4]

    async def after_a_restart(watching: Watching) -> None:
        await watching.tell(THICK)
        assert sorted(counts(kubernetes, pod)) == [2, 5]

    telling(kubernetes, script, pod)
    telling(kubernetes, after_a_restart, pod)
    assert "(x5 over" in described(kubernetes, pod)


def test_an_event_whose_hour_is_over_is_made_again(kubernetes: Kubernetes, pod: PodRef) -> None:
    async def script(watching: Watching) -> None:
        await watching.tell(THICK)
        [made] = events(kubernetes, pod)
        kubernetes.admin.ask("DELETE", f"/apis/events.k8s.io/v1/namespaces/prod/events/{made['metadata']['name']}")
        watching.clock.now += REFRESH
        await watching.tell(THICK)
        [again] = events(kubernetes, pod)
        assert again["metadata"]["name"] == made["metadata"]["name"]
        assert again["eventTime"] == made["eventTime"]
        assert watching.count("failed") == 0

    telling(kubernetes, script, pod)


def test_long_names_and_hostile_sentences_are_taken(kubernetes: Kubernetes) -> None:
    pod = run_pod(kubernetes, ".".join(["a" * 49] * 5) + "-bc")
    assert len(pod.name) == 252
    hostile = "It \"burns\"\n\t\x1b[31m\x00 in \u202e'all' rooms 😀 " * 100

    async def script(watching: Watching) -> None:
        await watching.tell(SMOKE.true(hostile, "Black", "kitchen\n\x00😀" * 50))
        assert watching.count("written") == 1

    telling(kubernetes, script, pod)
    [made] = events(kubernetes, pod)
    assert made["note"].startswith("It \"burns\"\\n\\t\\x1b[31m\\x00 in \\u202e'all' rooms 😀 It")
    assert 1020 < len(made["note"].encode()) <= 1024
    assert 'It "burns"\\n' in described(kubernetes, pod)


def test_a_namespace_that_is_gone_or_going_is_given_up_without_a_word(
    kubernetes: Kubernetes, pod: PodRef, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    kubernetes.admin.namespace("going")
    going = run_pod(kubernetes, "a" * 240, namespace="going")
    kubernetes.admin.ask("DELETE", "/api/v1/namespaces/going")  # there is no controller that would end it

    async def script(watching: Watching) -> None:
        await watching.tell(THICK)
        assert (watching.count("written"), watching.count("dropped"), watching.count("failed")) == (1, 2, 0)
        assert len(watching.queue) == 0

    telling(kubernetes, script, going, PodRef("gone", "search-0", "u1"), pod)
    assert counts(kubernetes, pod) == [1]
    assert said(caplog) == []


def test_a_missing_right_is_said_once_asked_for_ever_less_often_and_holds_up_nobody_else(
    kubernetes: Kubernetes, pod: PodRef, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    admin, group = kubernetes.admin, "rbac.authorization.k8s.io"
    admin.namespace("closed")
    closed = [run_pod(kubernetes, f"search-{number}", namespace="closed") for number in range(3)]
    admin.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "some", "namespace": "watch"}})
    [rules] = [each["rules"] for name, each in rendered().items() if name.startswith("ClusterRole/watch-w-")]

    def admit(namespace: str) -> None:
        metadata = {"name": "some", "namespace": namespace}
        role = {"apiGroup": group, "kind": "Role", "name": "some"}
        subjects = [{"kind": "ServiceAccount", "name": "some", "namespace": "watch"}]
        admin.apply(
            {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": rules},
            {
                "apiVersion": f"{group}/v1",
                "kind": "RoleBinding",
                "metadata": metadata,
                "roleRef": role,
                "subjects": subjects,
            },
        )

    def may(namespace: str) -> bool:
        command = ("auth", "can-i", "create", "events.events.k8s.io", f"--namespace={namespace}")
        return kubectl(kubernetes, *command, token=some).stdout.strip() == "yes"

    some = admin.token("watch", "some")
    admit("prod")
    eventually(lambda: may("prod"))

    async def script(watching: Watching) -> None:
        await watching.tell(THICK)
        assert counts(kubernetes, pod) == [1]
        assert (watching.count("failed"), len(watching.queue)) == (1, 3)
        for _ in range(600):
            watching.clock.now += 1
            await watching.events.tick()
        assert watching.count("failed") == 10  # at first, then after 1, 2, 4 ... 256 s
        admit("closed")
        eventually(lambda: may("closed"))
        watching.clock.now += 300
        await watching.events.tick()
        assert [counts(kubernetes, each) for each in closed] == [[1]] * 3
        assert (watching.count("written"), watching.count("dropped")) == (4, 0)

    telling(kubernetes, script, *closed, pod, kubeconfig=kubernetes.kubeconfig(some))
    assert said(caplog) == [AWAY, AGAIN]


def test_an_api_server_that_is_killed_costs_no_event_and_two_lines(
    kubernetes: Kubernetes, pod: PodRef, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    other = run_pod(kubernetes, "survivor")

    async def script(watching: Watching) -> None:
        await watching.tell(THICK, of=other)
        kubernetes.stop()
        await watching.tell(THICK, of=pod)
        await watching.tell(CLEAR, of=other)
        for _ in range(100):
            watching.clock.now += 1
            await watching.events.tick()
        assert 5 < watching.count("failed") < 10
        kubernetes.start()
        watching.clock.now += 30
        await watching.events.tick()
        assert (counts(kubernetes, pod), counts(kubernetes, other)) == ([1], [1, 1])
        assert watching.count("dropped") == 0

    telling(kubernetes, script, pod, other)
    assert said(caplog) == [AWAY, AGAIN]


def test_an_api_server_that_hangs_delays_no_look(kubernetes: Kubernetes, pod: PodRef) -> None:
    async def script(watching: Watching) -> None:
        await watching.look(THICK)
        with kubernetes.hung():
            writing = asyncio.create_task(watching.events.tick())
            await asyncio.sleep(0.1)
            async with asyncio.timeout(1):
                await watching.tell(CLEAR)
            assert not writing.done()
            writing.cancel()  # as the end of the daemon does
            async with asyncio.timeout(1):
                await asyncio.gather(writing, return_exceptions=True)

    telling(kubernetes, script, pod)


def test_a_fault_of_a_real_agent_is_told_and_its_end_too(kubernetes: Kubernetes, tmp_path: Path) -> None:
    with run_fleet(tmp_path, "planner", with_opa=False) as fleet:
        agent = fleet.agents["planner"]
        metrics_port = urlsplit(str(agent.target()["metrics"])).port or 0
        pod = run_pod(kubernetes, "planner-7c9f5d8b6-x2x7p", https=agent.port, metrics=metrics_port)
        found = {
            "kubeconfig": str(kubernetes.kubeconfig(token(kubernetes))),
            "allow_cidrs": ["127.0.0.0/8"],
            "namespaces": ["prod"],
        }
        config = fleet.config(sources=SOURCES, discovery={"kubernetes": found})
        with run_daemon(tmp_path, config) as daemon:
            daemon.says("MemoryHigh", "false", pod=pod.name)
            agent.memory.set(490 * 2**20)
            daemon.says("MemoryHigh", "true", pod=pod.name)
            eventually(lambda: "MemoryHigh" in described(kubernetes, pod))
            agent.memory.set(100 * 2**20)
            eventually(lambda: "Normal" in described(kubernetes, pod))
            shown = described(kubernetes, pod)
            assert re.search(r"Warning +MemoryHigh .* One process of the agent holds 490\.0 MiB, 96% of the", shown)
            assert re.search(r"Normal +MemoryHigh .* Resolved after \d+m?s\. ", shown)
            assert daemon.page().value("events_total", result="written") == len(events(kubernetes, pod))
            with kubernetes.hung():
                agent.memory.set(490 * 2**20)
                daemon.says("MemoryHigh", "true", pod=pod.name)
                began = time.monotonic()
                assert daemon.end() == 0
                assert time.monotonic() - began < 3


def test_events_that_are_switched_off_are_not_written(kubernetes: Kubernetes, tmp_path: Path) -> None:
    pod = run_pod(kubernetes, "nobody-listens", https=1, metrics=1)
    found = {
        "kubeconfig": str(kubernetes.kubeconfig(token(kubernetes))),
        "allow_cidrs": ["127.0.0.0/8"],
        "events": {"enabled": False},
    }
    with run_daemon(tmp_path, {"sources": SOURCES, "discovery": {"kubernetes": found}}) as daemon:
        daemon.says("AgentUnreachable", "true ConnectionRefused", pod=pod.name)
        assert daemon.page().value("events_total", result="written") is None
    assert events(kubernetes, pod) == []
