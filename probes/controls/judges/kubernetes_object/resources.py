"""Whether each container asks for and is bound to CPU, memory and disk, with the defaults that admission gives."""

import re
from collections.abc import Iterator, Mapping

from probes.controls.evidence import Container, Listing
from probes.controls.judges.kubernetes_object.case import (
    TemplateCase,
    bad,
    good,
    mapping,
    mappings,
    short,
    template_judge,
)
from probes.controls.judging import Statement

_NUMBER = re.compile(r"\+?([0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]{1,2})?")
_CONTROLS = {
    "deployment.resources.cpu-requests": ("requests", "cpu"),
    "deployment.resources.cpu-limits": ("limits", "cpu"),
    "deployment.resources.memory-requests": ("requests", "memory"),
    "deployment.resources.memory-limits": ("limits", "memory"),
    "deployment.resources.ephemeral-storage-limits": ("limits", "ephemeral-storage"),
}
_OF_PODS = ("cpu", "memory")
"""What Kubernetes takes for a pod as a whole."""


@template_judge(*_CONTROLS, pods=True)
def resources(case: TemplateCase) -> Iterator[Statement]:
    """Every container has the value, gets it by a LimitRange that is given, or the pod has it for all."""
    kind, resource = _CONTROLS[case.control.id]
    default = _defaults(case.listing("LimitRange"), resource)[kind]
    of_pod = mapping(case.template.spec.get("resources"))
    judged = [each for each in case.template.containers() if case.facts.container_roles.get(each.name) != "sidecar"]
    if resource in _OF_PODS and _is_set(of_pod, kind, resource, None):
        yield good(f"The pod has resources.{kind}.{resource} for all its containers.")
        return
    lacking = [each for each in judged if not _has(each, kind, resource, default)]
    for each in lacking:
        given = f"{each.role} container" if each.role != "main" else "container"
        yield bad(f"The {given} {short(each.name)} has no resources.{kind}.{resource} above 0.")
    if judged and not lacking:
        yield good(f"Every container has resources.{kind}.{resource}.")
    elif not judged:
        yield bad("The pod template has no container.")


def _has(container: Container, kind: str, resource: str, default: object) -> bool:
    return _is_set(mapping(container.body.get("resources")), kind, resource, default)


def _is_set(given: Mapping[str, object], kind: str, resource: str, default: object) -> bool:
    own = mapping(given.get(kind)).get(resource)
    if own is None and kind == "requests":
        own = mapping(given.get("limits")).get(resource)  # the API server takes the limit as the request
    return is_above_zero(default if own is None else own)


def is_above_zero(quantity: object) -> bool:
    """Whether this is a quantity of Kubernetes above 0."""
    if isinstance(quantity, bool) or not isinstance(quantity, (int, float, str)):
        return False
    found = _NUMBER.fullmatch(str(quantity).strip()[:80])
    return found is not None and float(found[1]) > 0


def _defaults(ranges: Listing, resource: str) -> Mapping[str, object]:
    """What admission sets: `default` is `max` where left out, `defaultRequest` is `default`, else `min`."""
    limits: object = None
    requests: object = None
    for each in ranges.objects:
        for item in mappings(mapping(each.body.get("spec")).get("limits")):
            if item.get("type") == "Container":
                own = {key: mapping(item.get(key)).get(resource) for key in ("default", "max", "defaultRequest", "min")}
                limit = own["max"] if own["default"] is None else own["default"]
                limits = limit if limits is None else limits
                least = own["min"] if limit is None else limit
                request = least if own["defaultRequest"] is None else own["defaultRequest"]
                requests = request if requests is None else requests
    return {"limits": limits, "requests": requests}
