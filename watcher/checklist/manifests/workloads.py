"""Which of the objects run pods, and which of those are agents, by the rules of discovery?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probes.controls.evidence import PodTemplate
from watcher.checklist.manifests.objects import Manifest
from watcher.discovery.pod.agent_config import AgentConfig, read_config
from watcher.discovery.pod.config_place import ConfigPlace
from watcher.discovery.pod.containers import agent_container
from watcher.discovery.pod.environment import LONGEST, Values
from watcher.discovery.pod.pod import Pod, read_pod
from watcher.discovery.pod.workload import agent_name
from watcher.kube.objects import MALFORMED_OBJECT

ConfigMaps = Mapping[tuple[str, str], Manifest]


@dataclass(frozen=True, slots=True)
class AgentWorkload:
    """An agent as the manifests have it."""

    name: str  # as the daemon would name it
    workload: Manifest
    template: PodTemplate
    line: int  # of the pod template
    labels: Mapping[str, str]  # of its pods
    config: tuple[Manifest, str] | None  # the ConfigMap and key that have its config
    why: str = ""  # why its config is not known, a part of a sentence


class BrokenWorkloadError(Exception):
    """A workload whose pod template is not as Kubernetes documents it; a sentence."""


def pod_template(workload: Manifest) -> tuple[Mapping[str, Any], int] | None:
    """The pod template of whatever makes pods, also of kinds that are not known here, and its line; else None."""
    if workload.kind == "Pod":
        return workload.body, workload.line or 1
    for place in (("spec", "template"), ("spec", "jobTemplate", "spec", "template")):
        found: object = workload.body
        for key in place:
            found = found.get(key) if isinstance(found, Mapping) else None
        spec = found.get("spec") if isinstance(found, Mapping) else None
        if isinstance(found, Mapping) and isinstance(spec, Mapping) and "containers" in spec:
            return found, workload.line_of(*place)
    return None


def read_workload(workload: Manifest, config_maps: ConfigMaps) -> AgentWorkload | None:
    """The agent that this object runs; None where it runs none. BrokenWorkloadError where that cannot be told."""
    found = pod_template(workload)
    if found is None:
        return None
    template, line = found
    try:
        return _read(workload, template, line, config_maps)
    except MALFORMED_OBJECT as error:
        raise BrokenWorkloadError(
            f"{workload.file}:{line}: the pod template of {workload.kind} {workload.name} is not as Kubernetes has it"
        ) from error


def _read(workload: Manifest, template: Mapping[str, Any], line: int, config_maps: ConfigMaps) -> AgentWorkload | None:
    meta, spec = template.get("metadata") or {}, template.get("spec") or {}
    own = {"uid": "", "namespace": workload.namespace, "name": workload.name}
    pod = read_pod({"metadata": {**meta, **own}, "spec": spec, "status": {}})
    place = _place(pod, workload.namespace, config_maps)
    if not pod.is_agent and place is None:
        return None
    config, key, why = _config(place, workload.namespace, config_maps)
    said = read_config(_text(config, key)) if config is not None else AgentConfig()
    labels = {str(name): str(value) for name, value in (meta.get("labels") or {}).items()}
    return AgentWorkload(
        name=agent_name(pod, said),
        workload=workload,
        template=PodTemplate(meta, spec, str(agent_container(spec).get("name") or "")),
        line=line,
        labels=labels,
        config=None if config is None else (config, key),
        why=why,
    )


def _place(pod: Pod, namespace: str, config_maps: ConfigMaps) -> ConfigPlace | None:
    if pod.question is None:
        return pod.place
    contents: dict[str, Values | str] = {}
    for name in pod.question.environment.config_maps:
        given = config_maps.get((namespace, name))
        optional = name in pod.question.environment.optional
        contents[name] = _values(given) if given else {} if optional else _absent(name)
    return pod.question.answer(contents)


def _values(config_map: Manifest) -> Values:
    data = config_map.body.get("data")
    pairs = data.items() if isinstance(data, Mapping) else ()
    return {str(key): value for key, value in pairs if isinstance(value, str) and len(value) <= LONGEST}


def _absent(name: str) -> str:
    return f"its ConfigMap {name} is not among what was given"


def _config(place: ConfigPlace | None, namespace: str, config_maps: ConfigMaps) -> tuple[Manifest | None, str, str]:
    """The ConfigMap that has the config, its key, and why there is none: the last source of a volume lies on top."""
    if place is None:
        return None, "", "it does not say where its config is"
    absent = ""
    for ref in reversed(place.refs):
        given = config_maps.get((namespace, ref.config_map))
        if given is None:
            return None, "", _absent(ref.config_map)
        if _has(given, ref.key):
            return given, ref.key, ""
        absent = absent or f"its ConfigMap {ref.config_map} has no text under {ref.key[:100]}"
    return None, "", place.why or absent


def _has(config_map: Manifest, key: str) -> bool:
    data = config_map.body.get("data")
    return isinstance(data, Mapping) and isinstance(data.get(key), str)


def _text(config_map: Manifest, key: str) -> str:
    data = config_map.body["data"]
    return str(data[key]) if isinstance(data, Mapping) else ""


def config_text(agent: AgentWorkload) -> str:
    """The text of its config; empty where it is not known."""
    return "" if agent.config is None else _text(*agent.config)
