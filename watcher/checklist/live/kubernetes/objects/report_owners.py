"""Which objects make the pods of an agent, so that what is written of it goes with them."""

from collections.abc import Sequence

from probes.controls.evidence import AgentRef, KubeObject, Missing
from watcher.checklist.live.kubernetes.objects.followed import Followed
from watcher.checklist.live.kubernetes.objects.workloads import FOLLOWED
from watcher.checklist.live.kubernetes.pods.pod_owners import PodOwners
from watcher.checklist.live.report_objects.report_object import Owner

_MOST = 10
_VERSIONS = {"Rollout": "argoproj.io/v1alpha1"}


def owners_of(agent: AgentRef, owners: PodOwners, idle: KubeObject | None, followed: Followed) -> Sequence[Owner]:
    """Its workloads, and its bare pods; `idle`: its workload where it has no pod. Without a uid it is none."""
    keys = {*owners.keys_of(agent), *([(idle.kind, idle.namespace, idle.name)] if idle is not None else ())}
    found = list[Owner]()
    for kind, namespace, name in sorted(keys):
        if kind == "Pod":
            found += [Owner("v1", kind, name, uid) for uid in owners.pods_of((kind, namespace, name))]
            continue
        listed = followed.of(kind, namespace) if kind in FOLLOWED else None
        if listed is not None and not isinstance(listed, Missing) and (uid := listed.uid_of(namespace, name)):
            found.append(Owner(_VERSIONS.get(kind, "apps/v1"), kind, name, uid))
    return found[:_MOST]
