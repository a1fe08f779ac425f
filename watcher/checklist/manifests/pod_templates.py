"""Where do objects keep the templates of the pods that they make?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from probes.contract.key_names import told_key
from watcher.checklist.manifests.objects import Manifest
from watcher.text.key_path import kind_name

_USUAL = ("spec", "template")
_KNATIVE = "serving.knative.dev"
_PLACES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): (),
    ("", "PodTemplate"): ("template",),
    ("", "ReplicationController"): _USUAL,
    **{("apps", kind): _USUAL for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")},
    ("batch", "Job"): _USUAL,
    ("batch", "CronJob"): ("spec", "jobTemplate", *_USUAL),
    ("argoproj.io", "Rollout"): _USUAL,
    (_KNATIVE, "Service"): _USUAL,
    (_KNATIVE, "Configuration"): _USUAL,
    ("keda.sh", "ScaledJob"): ("spec", "jobTargetRef", "template"),
}
"""Of kinds that always have one: it must stand there."""

_ELSEWHERE = "workloadRef"
"""With it an Argo Rollout has no template: it runs that of a Deployment."""


class BrokenWorkloadError(Exception):
    """A workload whose pod template is not as Kubernetes documents it; a sentence."""


@dataclass(frozen=True, slots=True)
class FoundTemplate:
    """What has a pod's `metadata` and `spec`."""

    body: Mapping[str, Any]
    line: int
    place: str  # `spec.template`; of a pod, and of what has the spec itself, empty
    makes_pods: bool  # False: an unknown kind has it at a place that is no template by its name


def pod_templates(workload: Manifest) -> Iterator[FoundTemplate]:
    """The pod templates of an object, also of kinds that are not known; BrokenWorkloadError where one must be there."""
    known = _PLACES.get((workload.group, workload.kind))
    if known is None:
        yield from _searched(workload, workload.body, (), set())
    elif not (known == _USUAL and isinstance(_below(workload.body, ("spec", _ELSEWHERE)), Mapping)):
        yield _at(workload, known)


def _at(workload: Manifest, place: tuple[str, ...]) -> FoundTemplate:
    body = _below(workload.body, place)
    containers = _below(body, ("spec", "containers"))
    if isinstance(body, Mapping) and isinstance(containers, list) and containers:
        return FoundTemplate(
            _named(body) if workload.group == _KNATIVE else body,
            workload.line_of(*place),
            _path(place),
            makes_pods=True,
        )
    full = (*place, "spec", "containers")
    got = "an empty one" if containers == [] else kind_name(containers)
    hint = "" if body is not None else "; of a patch, give what `kustomize build` prints"
    raise BrokenWorkloadError(
        f"{workload.file}:{workload.line_of(*full)}: {workload.kind} {workload.name}: {_path(full)}: "
        f"expected a list of containers, got {got}{hint}"
    )


def _below(value: object, place: tuple[str, ...]) -> object:
    for key in place:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _named(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """Knative names the containers that have no name."""
    containers = template["spec"]["containers"]
    named = [
        {"name": "user-container" if len(containers) == 1 else f"user-container-{number}", **each}
        if isinstance(each, Mapping)
        else each
        for number, each in enumerate(containers)
    ]
    return {**template, "spec": {**template["spec"], "containers": named}}


def _searched(
    workload: Manifest, value: object, place: tuple[str | int, ...], seen: set[int]
) -> Iterator[FoundTemplate]:
    """Each value once, however many aliases lead to it."""
    if not isinstance(value, dict | list) or id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict) and isinstance(_below(value, ("spec", "containers")), list):
        named = str(place[-1]) if place else ""
        yield FoundTemplate(value, workload.line_of(*place), _path(place), named.lower().endswith("template"))
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from _searched(workload, inner, (*place, key), seen)


def _path(place: tuple[str | int, ...]) -> str:
    return ".".join(str(part) if isinstance(part, int) else told_key(part) for part in place)
