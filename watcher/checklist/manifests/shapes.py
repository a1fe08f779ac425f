"""Which field of a pod template is of another kind than Kubernetes has it? Of those that tell who the agent is."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from watcher.text.key_path import Location, kind_name

Shape: TypeAlias = "type | Sequence[Shape] | Mapping[str, Shape]"
"""What stands there: a text or a number, a list whose items are of the first, or a mapping with some of these keys."""

_NEEDED = {"containerPort", "mountPath", "key", "path"}
"""Keys that must be there."""

_NAME: Mapping[str, Shape] = {"name": str}
_ITEMS: Shape = [{"key": str, "path": str}]
_SOURCES: Mapping[str, Shape] = {
    "configMap": {**_NAME, "items": _ITEMS},
    "secret": {"name": str, "secretName": str, "items": _ITEMS},
    "downwardAPI": {},
    "serviceAccountToken": {},
}
_PROBE: Shape = {"httpGet": {}}
_CONTAINER: Mapping[str, Shape] = {
    "name": str,
    "image": str,
    "command": [str],
    "args": [str],
    "env": [{"name": str, "value": str, "valueFrom": {"configMapKeyRef": {"name": str, "key": str}}}],
    "envFrom": [{"prefix": str, "configMapRef": _NAME, "secretRef": _NAME}],
    "ports": [{"name": str, "containerPort": int, "protocol": str}],
    "volumeMounts": [{"name": str, "mountPath": str, "subPath": str, "subPathExpr": str}],
    "resources": {"limits": {}, "requests": {}},
    "livenessProbe": _PROBE,
    "readinessProbe": _PROBE,
}
POD_TEMPLATE: Shape = {
    "metadata": {"labels": {}, "annotations": {}},
    "spec": {
        "containers": [_CONTAINER],
        "initContainers": [_CONTAINER],
        "volumes": [{**_SOURCES, "name": str, "projected": {"sources": [_SOURCES]}}],
        "resources": {"limits": {}, "requests": {}},
    },
}


def misfits(value: object, shape: Shape = POD_TEMPLATE, place: Location = ()) -> Iterator[tuple[Location, str]]:
    """The places of all such fields, and a part of a sentence that tells what was expected; null is left out."""
    if value is None:
        return
    if isinstance(shape, type):
        if not isinstance(value, shape) or (shape is int and isinstance(value, bool)):
            wanted = "a text" if shape is str else "a whole number"
            yield place, f"expected {wanted}, got {kind_name(value)}"
    elif isinstance(shape, Mapping):
        yield from _of_mapping(value, shape, place)
    elif not isinstance(value, list):
        yield place, f"expected a list, got {kind_name(value)}"
    else:
        for number, each in enumerate(value):
            yield from misfits({} if each is None else each, shape[0], (*place, number))


def _of_mapping(value: object, shape: Mapping[str, Shape], place: Location) -> Iterator[tuple[Location, str]]:
    if not isinstance(value, dict):
        yield place, f"expected a mapping, got {kind_name(value)}"
        return
    for key, inner in shape.items():
        if key in _NEEDED and value.get(key) is None and isinstance(inner, type):
            yield (*place, key), "expected it, and it is not there"
        else:
            yield from misfits(value.get(key), inner, (*place, key))
