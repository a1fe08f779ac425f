"""The objects around one agent: its workload, the template of its pods, and what concerns them in its namespace."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import (
    AgentObjects,
    AgentRef,
    KubeObject,
    Listing,
    Missing,
    OtherWorkload,
    PodTemplate,
    Routed,
    Seen,
)
from probes.controls.evidence.gathered import NOT_GIVEN
from watcher.checklist.live.kubernetes.configs.config_maps import GONE, ConfigMapReader, Name
from watcher.checklist.live.kubernetes.configs.kept_config_map import KeptConfigMap
from watcher.checklist.live.kubernetes.objects.collection import Collection
from watcher.checklist.live.kubernetes.objects.followed import Followed
from watcher.checklist.live.kubernetes.objects.kinds import Group, Kind
from watcher.checklist.live.kubernetes.objects.policy_selectors import NAMESPACE
from watcher.checklist.live.kubernetes.objects.workloads import FOLLOWED, Workload, owner_of
from watcher.discovery.pods.scope import SeenPod

MOST_LABELS = 50
"""Of one agent, sets of labels of its pods that policies tell apart."""

MOST_WORKLOADS = 5
"""Of one agent, workloads that are judged beside the one with the newest pod."""

_ONCE, _ENDED = ("Pod", "Job"), ("Succeeded", "Failed")
_TOO_MANY = Missing(UnknownReason.UNPARSEABLE, f"Its pods are of more than {MOST_WORKLOADS + 1} workloads.")
_NO_POD = Missing(UnknownReason.SOURCE_MISSING, "It has neither a pod nor a workload that is known.")
_EXCESS = Missing(UnknownReason.UNPARSEABLE, "Its pods have more labels than are read.")


@dataclass(frozen=True, slots=True)
class Subject:
    """An agent by its newest pod, or by its workload where it has none."""

    ref: AgentRef
    newest: SeenPod | None
    workload: Seen[KubeObject] | Missing
    template: Seen[PodTemplate] | Missing
    labels: Sequence[Mapping[str, str]] | Missing  # of its pods, those that differ each once
    at: float  # Unix seconds at which the API server told of the pod, or of the workload
    nodes: frozenset[str] = frozenset()  # that its pods run on
    others: tuple[OtherWorkload, ...] = ()  # that have pods of the agent too


def subject_of(
    ref: AgentRef, pods: Sequence[SeenPod], workload: KubeObject | None, followed: Followed, at: float
) -> Subject:
    """The agent; `workload`: what it is told by where it has no pods; `at`: Unix seconds, when pods were told of."""
    newest = newest_of(pods)
    if newest is not None and newest.kept is not None:
        kept = newest.kept
        ref_of_pod = f"pod/{ref.namespace}/{newest.pod.name}"
        template = Seen(kept.template.read(), at, ref_of_pod)
        nodes = frozenset(each.kept.run.node for each in pods if each.kept is not None)
        workload_of_newest, others = _workload_of(newest, followed, at), _others(pods, newest, followed, at)
        return Subject(ref, newest, workload_of_newest, template, _labels(pods), at, nodes, others)
    if workload is None:
        return Subject(ref, None, _NO_POD, _NO_POD, _NO_POD, at)
    told = _told_of(workload, followed)
    if isinstance(told, Missing):
        return Subject(ref, None, told, told, told, at)
    kept_workload = Workload(workload)
    labels_of_pods = _EXCESS if kept_workload.pod_labels is None else [kept_workload.pod_labels]
    template = Seen(kept_workload.template(), told.observed_at, workload.ref)
    return Subject(ref, None, told, template, labels_of_pods, told.observed_at)


def newest_of(pods: Iterable[SeenPod]) -> SeenPod | None:
    """The pod that was made last of those that do not end; where all do, of all."""
    kept = [each for each in pods if each.kept is not None]
    lasting = [each for each in kept if each.kept is not None and each.kept.run.ends_since is None]
    return max(lasting or kept, key=lambda each: (each.pod.created_at, each.pod.name), default=None)


def _others(pods: Iterable[SeenPod], newest: SeenPod, followed: Followed, at: float) -> tuple[OtherWorkload, ...]:
    """Of each other workload that has pods which do not end, the template of its newest one."""
    of_owners: dict[tuple[str, str] | None, tuple[str, str]] = {}
    by_maker: dict[tuple[str, str], list[SeenPod]] = {}
    for each in pods:
        if each.kept is not None and each.kept.run.ends_since is None and each.kept.run.phase not in _ENDED:
            maker = of_owners.get(each.pod.owner) or of_owners.setdefault(each.pod.owner, _maker(each))
            by_maker.setdefault(maker, []).append(each)
    by_maker.pop(_maker(newest), None)
    found = [_other(newest_of(every), followed, at) for every in list(by_maker.values())[:MOST_WORKLOADS]]
    if len(by_maker) > MOST_WORKLOADS:
        found.append(OtherWorkload(_TOO_MANY, _TOO_MANY))
    return tuple(found)


def _maker(seen: SeenPod) -> tuple[str, str]:
    """Kind and name of what makes its like; pods that nothing makes anew, and those of Jobs, are all alike."""
    kind, name = owner_of(seen.pod)
    return (kind, "") if kind in _ONCE else (kind, name)


def _other(newest: SeenPod | None, followed: Followed, at: float) -> OtherWorkload:
    if newest is None or newest.kept is None:
        return OtherWorkload(_NO_POD, _NO_POD)
    template = Seen(newest.kept.template.read(), at, f"pod/{newest.pod.namespace}/{newest.pod.name}")
    return OtherWorkload(_workload_of(newest, followed, at), template)


def _labels(pods: Iterable[SeenPod]) -> Sequence[Mapping[str, str]] | Missing:
    """Of those that do not end; where all do, of all."""
    kept = [each.kept for each in pods if each.kept is not None]
    read = [each.labels for each in kept if each.run.ends_since is None] or [each.labels for each in kept]
    if any(each.excess for each in read):
        return _EXCESS
    found = {tuple(sorted(each.labels.items())): each.labels for each in read}
    return list(found.values())


def _told_of(workload: KubeObject, followed: Followed) -> Seen[KubeObject] | Missing:
    """A workload that is known, as long as the API server tells of its kind."""
    found = followed.of(workload.kind, workload.namespace)
    if isinstance(found, Missing):
        return found
    lacks = found.lacks
    if lacks is not None and lacks.reason is not UnknownReason.UNPARSEABLE:
        return lacks
    return Seen(workload, found.told_at(followed.date_of), workload.ref)


def _workload_of(seen: SeenPod, followed: Followed, at: float) -> Seen[KubeObject] | Missing:
    kind, name = owner_of(seen.pod)
    namespace = seen.pod.namespace
    if kind == "Pod":
        return Seen(KubeObject("Pod", namespace, name, {}, f"pod/{namespace}/{name}"), at, "")
    if kind not in FOLLOWED:
        return Missing(UnknownReason.SOURCE_MISSING, f"{kind} {name} is of a kind that is not read."[:200])
    found = followed.of(kind, namespace)
    if isinstance(found, Missing):
        return found
    made = found.named(namespace, name)
    if made is None:
        return found.lacks_in(namespace) or Missing(
            UnknownReason.SOURCE_MISSING, f"{kind} {name} is not there, or has no template of its own."[:200]
        )
    return _told_of(made, followed)


def objects_of(
    subject: Subject,
    followed: Followed,
    reader: ConfigMapReader,
    names: Iterable[Name],
    routed: Seen[tuple[Routed, ...]] | Missing = NOT_GIVEN,
) -> AgentObjects:
    """Source `kubernetes_object`; `names`: the ConfigMaps that its pods use; `routed`: what is known of their ends."""
    judged = (kind for kind in followed.kinds if kind.judged and kind.group is not Group.REPORTS)
    around = (kind for kind in judged if kind.name not in FOLLOWED)
    listings = {kind.name: _listing(kind, subject, followed) for kind in around}
    listings["ConfigMap"] = _config_maps(reader, list(names), subject.at)
    return AgentObjects(subject.workload, subject.template, listings, routed, subject.others)


def _listing(kind: Kind, subject: Subject, followed: Followed) -> Seen[Listing] | Missing:
    found = followed.of(kind.name, subject.ref.namespace)
    if isinstance(found, Missing):
        return found
    lacks = found.lacks_in(subject.ref.namespace)
    if lacks is not None and lacks.reason is not UnknownReason.UNPARSEABLE:
        return lacks
    if kind.of_nodes:
        on_them = tuple(each for each in found.all() if each.body["node"] in subject.nodes)
        return Seen(Listing(on_them, lacks), found.told_at(followed.date_of), kind.plural)
    objects = found.of(subject.ref.namespace) if kind.selector is None else _about(found, subject)
    if isinstance(objects, Missing):
        return objects
    return Seen(Listing(objects, lacks), found.told_at(followed.date_of), kind.plural)


def _about(found: Collection, subject: Subject) -> tuple[KubeObject, ...] | Missing:
    """Those that are about its pods; where some pod has none, none."""
    namespace = subject.ref.namespace
    if isinstance(subject.labels, Missing):
        return subject.labels
    keys = found.selector_keys(namespace)  # pods of a StatefulSet differ in labels that hardly any policy names
    differing = {frozenset(each for each in labels.items() if each[0] in keys) for labels in subject.labels}
    if len(differing) > MOST_LABELS:
        return _EXCESS
    each_has = [found.of(namespace, {**dict(labels), NAMESPACE: namespace}) for labels in differing]
    least = min(each_has, key=len, default=())
    if not least or all(each == least for each in each_has):
        return least
    told = f"Not all of its pods are selected by the same {found.kind.name} objects, which is not judged."
    return Missing(UnknownReason.SOURCE_MISSING, told)


def _config_maps(reader: ConfigMapReader, names: list[Name], at: float) -> Seen[Listing] | Missing:
    """Those that can be read; one that is not there has nothing, and one that cannot be read is what lacks."""
    found = [reader.of(name) for name in names]
    read = [each for each in found if isinstance(each, KeptConfigMap)]
    lacks = next((each for each in found if isinstance(each, Missing) and each is not GONE), None)
    objects = tuple(each.object() for each in read)
    return Seen(Listing(objects, lacks), min((each.read_at for each in read), default=at), "")
