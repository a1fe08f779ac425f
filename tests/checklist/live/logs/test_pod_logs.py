"""Of which pod lines are read: one that is Ready, of the newest revision; the API server is not asked in vain."""

import asyncio
from typing import Any

import pytest

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentRef, Missing
from tests.discovery.pods.test_target import POD
from watcher.checklist.live.logs.pod_logs import PodLogs, newest_ready
from watcher.discovery.pod.kept.pod import keep_pod
from watcher.discovery.pod.pod import read_pod
from watcher.discovery.pods.scope import SeenPod
from watcher.kube.access import Access

AGENT = AgentRef("agentweave", "example-agent")
NOT_READY = {"conditions": [{"type": "Ready", "status": "False"}]}


def seen(name: str, revision: str = "r1", made: str = "2026-11-18T08:00:00Z", **more: Any) -> SeenPod:
    """A Ready pod of this revision that was made then; `status` and `deletionTimestamp` may be given."""
    status = more.pop("status", {})
    labels = POD["metadata"]["labels"] | {"pod-template-hash": revision}
    meta = POD["metadata"] | {"name": name, "uid": name, "labels": labels, "creationTimestamp": made} | more
    raw = POD | {"metadata": meta, "status": POD["status"] | status}
    return SeenPod(read_pod(raw), kept=keep_pod(raw))


def names(*pods: SeenPod) -> list[str]:
    return [each.pod.name for each in newest_ready({each.pod.name: each for each in pods})]


def test_only_pods_of_the_newest_revision_that_are_ready_and_do_not_end_are_read() -> None:
    old, later = seen("old"), "2026-11-20T08:00:00Z"
    ending = seen("ending", "r2", later, deletionTimestamp="2026-11-21T08:00:00Z")
    assert names(old, seen("b", "r2", later), seen("a", "r2", later), ending) == ["a", "b"]
    assert names(old, seen("new", "r2", later, status=NOT_READY)) == ["old"]
    assert names(seen("new", status=NOT_READY)) == []


@pytest.mark.parametrize(
    ("pods", "reason"),
    [
        ({}, UnknownReason.SOURCE_MISSING),
        ({"listed": None}, UnknownReason.SOURCE_MISSING),
        ({"a": seen("a", status=NOT_READY)}, UnknownReason.NO_DATA),
    ],
)
def test_without_a_pod_that_is_ready_nobody_is_asked(pods: dict[str, SeenPod | None], reason: UnknownReason) -> None:
    found = asyncio.run(PodLogs(Access(None, environment={}), 200).sample(AGENT, pods))
    assert isinstance(found, Missing)
    assert found.reason is reason


def test_without_a_way_to_the_api_server_it_is_unreachable() -> None:
    found = asyncio.run(PodLogs(Access(None, environment={}), 200).sample(AGENT, {"a": seen("a")}))
    assert isinstance(found, Missing)
    assert found.reason is UnknownReason.UNREACHABLE
