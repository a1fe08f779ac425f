"""Whether each container asks for and is bound to CPU, memory and disk, with the defaults that admission gives."""

import re
from collections.abc import Iterator, Mapping

from probes.controls.catalogue.control import Control, UnknownReason
from probes.controls.evidence import Container, Listing
from probes.controls.judges.kubernetes_object.case import (
    TemplateCase,
    bad,
    good,
    mapping,
    mappings,
    short,
    template_judge,
    unclear,
)
from probes.controls.judging import Statement

_NUMBER = re.compile(r"\+?([0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})([KMGTPE]i|[numkMGTPE]|[eE][-+]?[0-9]{1,2})?")
_SCALES = {
    "": 1.0,
    **{letter: 10.0**power for letter, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)},
    **{f"{letter}i": 1024.0 ** (number + 1) for number, letter in enumerate("KMGTPE")},
}
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
    ranges = case.listing("LimitRange")
    unread = None if ranges.lacks is None or ranges.lacks.reason is UnknownReason.SOURCE_MISSING else ranges.lacks
    default = _defaults(ranges, resource)[kind]
    of_pod = mapping(case.template.spec.get("resources"))
    judged = [each for each in case.template.containers() if case.facts.container_roles.get(each.name) != "sidecar"]
    if resource in _OF_PODS and _is_set(of_pod, kind, resource, None):
        yield good(f"The pod has resources.{kind}.{resource} for all its containers.")
        return
    wrong = [(each, why) for each in judged if (why := _wrong(each, kind, resource, default))]
    for each, why in wrong:
        if unread is not None and _value(mapping(each.body.get("resources")), kind, resource, None) is None:
            told = f"Whether the container {short(each.name)} gets resources.{kind}.{resource} by a LimitRange"
            yield unclear(_known(case.control, unread.reason), f"{told} is not known.")
            continue
        given = f"{each.role} container" if each.role != "main" else "container"
        yield bad(f"The {given} {short(each.name)} {why}.", each.at("resources", kind, resource))
    if judged and not wrong:
        yield good(f"Every container has resources.{kind}.{resource}.")
    elif not judged:
        yield bad("The pod template has no container.")


def _known(control: Control, reason: UnknownReason) -> UnknownReason:
    return reason if reason in control.unknown_reasons else UnknownReason.UNREACHABLE


def _wrong(container: Container, kind: str, resource: str, default: object) -> str:
    """What is wrong with the value of a container, the end of a sentence; empty where nothing is."""
    given = mapping(container.body.get("resources"))
    value, path = _value(given, kind, resource, default), f"resources.{kind}.{resource}"
    amount = amount_of(value)
    if value is not None and amount is None:
        hint = ", such as 512Mi" if resource != "cpu" else ", such as 500m"
        return f"has a {path} that is no quantity of Kubernetes{hint}"
    if not amount:
        return f"has no {path} above 0"
    if resource != "cpu" and amount < 1:
        return f"has a {path} below one byte: m is a thousandth, Mi a mebibyte"
    least = amount_of(mapping(given.get("requests")).get(resource)) if kind == "limits" else None
    return f"has a {path} below its request, which Kubernetes refuses" if least and amount < least else ""


def _is_set(given: Mapping[str, object], kind: str, resource: str, default: object) -> bool:
    return is_above_zero(_value(given, kind, resource, default))


def _value(given: Mapping[str, object], kind: str, resource: str, default: object) -> object:
    own = mapping(given.get(kind)).get(resource)
    if own is None and kind == "requests":
        own = mapping(given.get("limits")).get(resource)  # the API server takes the limit as the request
    return default if own is None else own


def is_above_zero(quantity: object) -> bool:
    """Whether this is a quantity of Kubernetes above 0."""
    return bool(amount_of(quantity))


def amount_of(quantity: object) -> float | None:
    """The number of a quantity of Kubernetes that is not below 0; None where it is none."""
    if isinstance(quantity, bool) or not isinstance(quantity, (int, float, str)):
        return None
    found = _NUMBER.fullmatch(str(quantity).strip()[:80])
    if found is None:
        return None
    end = found[2] or ""
    scale = _SCALES[end] if end in _SCALES else 10.0 ** int(end[1:])
    return float(found[1]) * scale


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
