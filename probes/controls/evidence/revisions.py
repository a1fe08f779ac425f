"""Which pods of an agent are of the newest revision: each of its workloads has revisions of its own."""

from collections.abc import Mapping

from probes.controls.evidence.gathered import Pod


def newest_revisions(pods: Mapping[str, Pod]) -> Mapping[str, float]:
    """By workload, when the newest revision of it began that is Ready anywhere: Unix seconds."""
    newest: dict[str, float] = {}
    for pod in pods.values():
        if pod.ready_since is not None and not pod.terminating:
            newest[pod.workload] = max(newest.get(pod.workload, pod.revision_at), pod.revision_at)
    return newest


def lasts(pod: Pod, newest: Mapping[str, float]) -> bool:
    """Whether it has a vote whenever it is Ready for a minute: it does not end, and no newer revision has replaced it.

    `newest`: as `newest_revisions` gives them.
    """
    return not pod.terminating and pod.revision_at >= newest.get(pod.workload, pod.revision_at)
