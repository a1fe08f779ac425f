"""Is an agent gone of which no pod is watched, or does it only start anew?"""

from probes.controls.evidence import AgentRef, Missing
from watcher.checklist.live.kubernetes.objects.followed import Followed
from watcher.checklist.live.kubernetes.objects.workloads import FOLLOWED
from watcher.checklist.live.kubernetes.pods.live_pods import LivePods
from watcher.checklist.live.kubernetes.pods.pod_owners import Key
from watcher.checklist.live.provider import Presence


def presence_of(agent: AgentRef, pods: LivePods, followed: Followed) -> Presence:
    """Told by its pods of all states, else by the workloads that have made them."""
    if pods.has_any(agent):
        return Presence.PODS
    said = {workload_presence(key, followed) for key in pods.owners.keys_of(agent)}
    if Presence.WORKLOAD in said:
        return Presence.WORKLOAD
    return Presence.UNTOLD if Presence.UNTOLD in said or pods.missing(agent.namespace) else Presence.GONE


def workload_presence(key: Key, followed: Followed) -> Presence:
    """Whether what has made a pod is still there; a bare pod is its own workload."""
    kind, namespace, name = key
    if kind == "Pod":
        return Presence.GONE
    found = followed.of(kind, namespace) if kind in FOLLOWED else None
    if found is None or isinstance(found, Missing):
        return Presence.UNTOLD
    if found.named(namespace, name) is not None:
        return Presence.WORKLOAD
    return Presence.GONE if found.lacks is None else Presence.UNTOLD
