"""Which of the objects run pods, and which of those are agents, by the rules of discovery?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probes.controls.evidence import PodTemplate
from watcher.checklist.manifests.objects import Manifest
from watcher.checklist.manifests.pod_templates import BrokenWorkloadError, FoundTemplate
from watcher.checklist.manifests.shapes import misfits
from watcher.discovery.pod.agent_config import AgentConfig, read_config
from watcher.discovery.pod.config_place import ConfigPlace
from watcher.discovery.pod.containers import agent_container, other_agents, said_of_other_agents
from watcher.discovery.pod.environment import LONGEST, Values
from watcher.discovery.pod.pod import Pod, read_pod
from watcher.discovery.pod.workload import agent_name
from watcher.kube.objects import MALFORMED_OBJECT
from watcher.text.key_path import key_path, kind_name

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
    others: str = ""  # that other containers of its pods are agents too, a sentence with its place


def read_workload(workload: Manifest, found: FoundTemplate, config_maps: ConfigMaps) -> AgentWorkload | None:
    """The agent that pods of this template run; None where they run none. BrokenWorkloadError where that is not told,
    or where Kubernetes would refuse the template of an agent."""
    try:
        return _read(workload, found, config_maps)
    except MALFORMED_OBJECT as error:
        raise BrokenWorkloadError(_misfit(workload, found)) from error


def _misfit(workload: Manifest, found: FoundTemplate) -> str:
    """Which of its fields is not as Kubernetes has it, with its place."""
    who, at = f"{workload.kind} {workload.name}", f"{workload.file}:{found.line}"
    place, why = next(misfits(found.body), ((), ""))
    if not why:
        return f"{at}: the pod template of {who} is not as Kubernetes has it"
    path = key_path((*filter(None, found.place.split(".")), *place))
    return f"{workload.read_from.ref_at(found.body, *place) or at}: {who}: {path}: {why}"


def _read(workload: Manifest, found: FoundTemplate, config_maps: ConfigMaps) -> AgentWorkload | None:
    meta, spec = found.body.get("metadata") or {}, found.body.get("spec") or {}
    own = {"uid": "", "namespace": workload.namespace, "name": workload.name}
    pod = read_pod({"metadata": {**meta, **own}, "spec": spec, "status": {}})
    place = _place(pod, workload.namespace, config_maps)
    if not pod.is_agent and place is None:
        return None
    if wrong := _wrong(spec):
        raise BrokenWorkloadError(f"{workload.file}:{found.line}: {workload.kind} {workload.name}: {wrong}")
    config, key, why = _config(place, workload.namespace, config_maps)
    said = read_config(_text(config, key)) if config is not None else AgentConfig()
    labels = {str(name): str(value) for name, value in (meta.get("labels") or {}).items()}
    container = agent_container(spec)
    return AgentWorkload(
        name=agent_name(pod, said),
        workload=workload,
        template=PodTemplate(meta, spec, str(container.get("name") or ""), workload.read_from),
        line=found.line,
        labels=labels,
        config=None if config is None else (config, key),
        why=why,
        others=_others(workload, found, container),
    )


def _others(workload: Manifest, found: FoundTemplate, container: Mapping[str, Any]) -> str:
    others = other_agents(container, found.body.get("spec") or {})
    place = workload.read_from.ref_at(others[0]) if others else ""
    told = said_of_other_agents(container, others, "judged")
    return told and f"{place or f'{workload.file}:{found.line}'}: {workload.kind} {workload.name}: {told}"


def _wrong(spec: Mapping[str, Any]) -> str:
    """What of its containers Kubernetes would refuse: one without a name would be judged by nobody."""
    named: dict[str, str] = {}
    for key in ("initContainers", "containers"):
        for number, each in enumerate(spec.get(key) or ()):
            name, place = each.get("name"), f"{key}[{number}]"
            if not isinstance(name, str) or not name:
                return f"{place}.name: expected a name, got {kind_name(name)}"
            if name in named:
                return f"{place}.name: the same name as that of {named[name]}"
            named[name] = place
    return ""


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
