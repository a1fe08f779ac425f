"""What is remembered of how pods ended: the time that they had, and that which their template gives them."""

from typing import Any

import pytest

from probes.controls.evidence import AgentRef
from tests.discovery.pods.test_target import pod
from watcher.checklist.live.kubernetes.pods.pod_memory import PodMemory
from watcher.discovery.pod.kept.pod import keep_pod, seconds
from watcher.discovery.pod.pod import read_pod
from watcher.discovery.pods.scope import SeenPod

SEARCH = AgentRef("prod", "search")
KILLED = {"exitCode": 137, "startedAt": "2026-11-18T08:00:00Z", "finishedAt": "2026-11-18T09:00:01Z"}


@pytest.mark.parametrize(("given", "grace"), [(60, 60.0), (None, 30.0)])
def test_an_end_is_remembered_with_the_time_that_the_template_gives_and_not_who_deletes(
    given: int | None, grace: float
) -> None:
    raw: Any = pod(metadata__deletionTimestamp="2026-11-18T09:00:01Z", metadata__deletionGracePeriodSeconds=1)
    raw["spec"].pop("terminationGracePeriodSeconds", None)
    if given is not None:
        raw["spec"]["terminationGracePeriodSeconds"] = given
    raw["status"]["containerStatuses"][0]["state"] = {"terminated": KILLED}
    memory = PodMemory()
    memory.note(SEARCH, SeenPod(read_pod(raw), kept=keep_pod(raw)), None)
    [end] = memory.ends(SEARCH)
    assert (end.asked_at, end.ended.code, end.grace) == (seconds("2026-11-18T09:00:00Z"), 137, grace)
