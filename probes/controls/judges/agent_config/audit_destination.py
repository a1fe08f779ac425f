"""Where audit records are kept: the config names a file, and the pod template what lies under it."""

import posixpath
from collections.abc import Iterator, Mapping

from probes.controls.catalogue.control import Control
from probes.controls.evidence import AgentConfigFile, AgentObjects, EvidenceSet, LivePod, Missing, PodTemplate
from probes.controls.judges.agent_config.case import ConfigCase
from probes.controls.judges.effective_keys import CONFIG
from probes.controls.judges.kubernetes_object.case import OBJECT, POD, mappings, short
from probes.controls.judging import Facts, Says, Statement, judge

_ENABLED, _DESTINATION = "authorization.audit.enabled", "authorization.audit.destination"
_STREAMS = ("/dev/", "/proc/")
"""Such as /dev/stdout, which the node collects."""


@judge("security.authz.audit-logs-secured", of=[CONFIG, OBJECT])
def audit_logs_secured(control: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
    """The destination is no file that is lost with the pod."""
    objects, case = evidence.of(OBJECT, AgentObjects), _config_case(control, evidence, facts)
    template = objects if isinstance(objects, Missing) else objects.value.template
    if case is not None and not isinstance(template, Missing) and (why := _lost(case, template.value)):
        yield case.bad(_DESTINATION, why)


@judge("security.authz.audit-logs-secured", of=[POD])
def audit_logs_of_pods(control: Control, evidence: EvidenceSet, facts: Facts) -> Iterator[Statement]:
    """The same by the volumes that each pod has."""
    case = _config_case(control, evidence, facts)
    for pod, found in evidence.of_pods(POD, LivePod) if case is not None else ():
        if not isinstance(found, Missing) and case is not None and (why := _lost(case, found.value.template)):
            yield Statement(POD, Says.BAD, why, pod=pod.name)


def _config_case(control: Control, evidence: EvidenceSet, facts: Facts) -> ConfigCase | None:
    config = evidence.of(CONFIG, AgentConfigFile)
    if isinstance(config, Missing) or config.value.broken:
        return None
    return ConfigCase(control, config, facts, facts.sdk.of(config.value.sdk_version))


def _lost(case: ConfigCase, template: PodTemplate) -> str:
    """How audit records are lost, a sentence; empty where nothing says so."""
    path = "" if case.flag(_ENABLED) is False else _file(case.declared(_DESTINATION))
    where = _lost_with_the_pod(template, path) if path else ""
    return f"{_DESTINATION} is a file {where}, which is lost with the pod." if where else ""


def _file(destination: object) -> str:
    """The path of a destination that is a file; empty where it is none, or not known in full."""
    text = destination.removeprefix("file://") if isinstance(destination, str) else ""
    path = posixpath.normpath("/" + text.lstrip("/"))
    return path if text.startswith("/") and "$" not in text and not path.startswith(_STREAMS) else ""


def _lost_with_the_pod(template: PodTemplate, path: str) -> str:
    """Where the file is, a part of a sentence; empty where it stays, or another container can send it on."""
    containers = tuple(template.containers())
    agent = next((each for each in containers if each.agent), None)
    if agent is None:
        return ""
    over = [each for each in mappings(agent.body.get("volumeMounts")) if _is_below(path, each.get("mountPath"))]
    if not over:
        return "on the container's own file system"
    name = max(over, key=lambda each: len(str(each["mountPath"]))).get("name")
    mounted_by = [each.name for each in containers if name in _mounted(each.body)]
    empty = any(each.get("name") == name and "emptyDir" in each for each in mappings(template.spec.get("volumes")))
    return f"on the emptyDir {short(name)}" if empty and mounted_by == [agent.name] else ""


def _is_below(path: str, mount: object) -> bool:
    return isinstance(mount, str) and f"{path}/".startswith(f"{mount.rstrip('/')}/")


def _mounted(container: Mapping[str, object]) -> tuple[object, ...]:
    return tuple(each.get("name") for each in mappings(container.get("volumeMounts")))
