"""What is kept of a Deployment and its like, and which one has made a pod."""

from typing import Any

from pydantic_core import from_json

from probes.controls.evidence import KubeObject, PodTemplate
from watcher.checklist.live.kubernetes.configs.config_maps import Name
from watcher.checklist.live.kubernetes.objects.kinds import meta_of
from watcher.discovery.pod.agent_config import AgentConfig
from watcher.discovery.pod.kept.template import keep_template
from watcher.discovery.pod.labels import read_labels
from watcher.discovery.pod.pod import Pod, read_pod
from watcher.discovery.pod.workload import agent_name, workload_object
from watcher.kube.objects import Raw

_KINDS = {
    "deployment": "Deployment",
    "rollouts.argoproj.io": "Rollout",
    "statefulset": "StatefulSet",
    "daemonset": "DaemonSet",
}
FOLLOWED = tuple(_KINDS.values())
"""Kinds of workloads that are followed."""

_OWN = "agentweave-watcher"
"""The key of what is kept beside the object itself; no object of Kubernetes has it."""

_NO_ANNOTATIONS: frozenset[str] = frozenset()


def reduce_workload(raw: Raw) -> dict[str, Any] | None:
    """What is kept of one; None where its pods are no agents. One of MALFORMED_OBJECT where it is none."""
    meta, spec = raw["metadata"], raw.get("spec") or {}
    template = spec.get("template")
    if not template:  # such as a Rollout with workloadRef: the Deployment is followed
        return None
    pod = _pod_of(meta, template)
    if not pod.is_agent and pod.question is None:
        return None
    kept = keep_template(template.get("metadata") or {}, template.get("spec") or {})
    labels = read_labels(template.get("metadata") or {}, _NO_ANNOTATIONS)
    own = {
        "template": kept.packed.decode(),
        "container": kept.agent_container,
        "labels": dict(read_labels(meta, _NO_ANNOTATIONS).labels),
        "of_pods": None if labels.excess else dict(labels.labels),
        "agent": agent_name(pod, AgentConfig()),
        "configs": [list(each) for each in pod.place.refs] if pod.place is not None else [],
        "certain": pod.is_agent,
    }
    of_spec = {key: spec[key] for key in ("replicas", "revisionHistoryLimit") if key in spec}
    return {"metadata": meta_of(raw), "spec": of_spec, _OWN: own}


class Workload:
    """What was kept of one, typed."""

    def __init__(self, kept: KubeObject) -> None:
        """Of an object whose body `reduce_workload` has made."""
        own: Any = kept.body[_OWN]
        self.object = kept
        self.labels: dict[str, str] = own["labels"]  # of the workload itself
        self.pod_labels: dict[str, str] | None = own["of_pods"]  # None: there are too many to know
        self.agent: str = own["agent"]  # what its agent is called where its config does not say it
        self.is_agent: bool = own["certain"]  # for certain; else ConfigMaps of its pods' variables tell
        self.configs: list[tuple[Name, str]] = [((kept.namespace, name), key) for name, key in own["configs"]]
        self._template, self._container = own["template"], own["container"]

    def template(self) -> PodTemplate:
        """The template of its pods, made anew."""
        metadata, spec = from_json(self._template)
        return PodTemplate(metadata, spec, self._container)


def owner_of(pod: Pod) -> tuple[str, str]:
    """Kind and name of what made a pod; of a bare pod, itself."""
    plural, _, name = workload_object(pod).partition("/")
    if not plural:
        return pod.owner or ("Pod", pod.name)
    kind = _KINDS.get(plural)
    return (kind, name) if kind is not None else (pod.owner or ("Pod", pod.name))[0:2]


def _pod_of(meta: Raw, template: Raw) -> Pod:
    own = {"uid": "", "namespace": meta["namespace"], "name": meta["name"]}
    return read_pod({"metadata": {**(template.get("metadata") or {}), **own}, "spec": template.get("spec") or {}})
