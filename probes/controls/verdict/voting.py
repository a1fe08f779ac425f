"""Which pods of an agent have a vote: settled ones, so that a rollout or a start is no verdict on the agent."""

from collections.abc import Iterable, Mapping

from probes.controls.evidence import Pod
from probes.controls.evidence.revisions import newest_revisions

SETTLED_AFTER = 60.0
"""Seconds that a pod must have been Ready."""


def voters(pods: Mapping[str, Pod], now: float) -> frozenset[str]:
    """Pods that are Ready for a minute, of the newest revision of their workload that is Ready anywhere, and do not
    terminate. Two workloads of one agent, such as a primary and a canary, both have votes."""
    if not pods:
        return frozenset()
    newest = newest_revisions(pods)
    ready = (pod for pod in pods.values() if pod.ready_since is not None and not pod.terminating)
    return frozenset(pod.name for pod in ready if pod.revision_at == newest[pod.workload] and _settles_at(pod) <= now)


def next_voter_at(pods: Iterable[Pod]) -> float | None:
    """Unix seconds when the next pod that is Ready will be settled; None where none is."""
    return min((_settles_at(pod) for pod in pods if pod.ready_since is not None and not pod.terminating), default=None)


def _settles_at(pod: Pod) -> float:
    return (pod.ready_since or 0.0) + SETTLED_AFTER
