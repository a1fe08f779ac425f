"""What the vote of a pod depends on, by what Kubernetes says of it."""

from collections.abc import Mapping

from probes.controls.evidence.live_pod import PodRun
from watcher.checklist.live.provider import PodFacts
from watcher.discovery.pod.pod import Pod
from watcher.discovery.pod.workload import workload

_ENDED = ("Succeeded", "Failed")


def pod_facts(pod: Pod, run: PodRun, first: Mapping[str, float]) -> PodFacts:
    """`first`: Unix seconds of the first pod, by revision."""
    kind = pod.owner[0] if pod.owner is not None else "Pod"
    began = first.get(run.revision, run.created_at)
    ends = run.ends_since is not None or run.phase in _ENDED  # one that was evicted may stay listed for days
    return PodFacts(run.revision, began, ends, run.ready_since, f"{kind} {workload(pod)}")
