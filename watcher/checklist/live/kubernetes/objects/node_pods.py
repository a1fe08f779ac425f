"""What is kept of pods of the platform that each node has: API servers, and agents of SPIRE."""

from collections.abc import Mapping
from typing import Any

from watcher.discovery.pod.kept.pod import seconds
from watcher.kube.objects import Raw

_LONGEST = 253
_MIRROR = "kubernetes.io/config.mirror"
"""The annotation of a static pod's object."""

_IMAGE = "spire-agent"
_OF_CILIUM = "cilium-spire"
"""The namespace of a SPIRE that Cilium brings along for itself: workloads have no identity of it."""


def control_plane_pod(raw: Raw) -> dict[str, Any] | None:
    """The names of the flags that it was started with, and none of their values; None of a pod that no node runs by
    itself: anybody who may make pods can give one the labels of an API server."""
    meta = raw["metadata"]
    if not _is_owned(meta, "Node") or _MIRROR not in (meta.get("annotations") or {}):
        return None
    words = (
        str(word) for container in _containers(raw) for key in ("command", "args") for word in container.get(key) or ()
    )
    return {"flags": sorted({word.partition("=")[0][:_LONGEST] for word in words if word.startswith("--")})}


def spire_agent_pod(raw: Raw) -> dict[str, Any] | None:
    """Its node, whether it is Ready and since when, Unix seconds; None of a pod that is none: it is of a DaemonSet, has
    the image of SPIRE's agent, and a directory of the node, where its socket is."""
    spec, meta = raw.get("spec") or {}, raw["metadata"]
    on_node = any(each.get("hostPath") for each in spec.get("volumes") or ())
    if not on_node or not _is_owned(meta, "DaemonSet") or meta.get("namespace") == _OF_CILIUM:
        return None
    if not any(map(_is_spire_agent, _containers(raw))):
        return None
    conditions = (raw.get("status") or {}).get("conditions") or ()
    ready: Mapping[str, Any] = next((each for each in conditions if each.get("type") == "Ready"), {})
    return {
        "node": str(spec.get("nodeName") or "")[:_LONGEST],
        "ready": ready.get("status") == "True",
        "since": seconds(ready.get("lastTransitionTime")),
    }


def _is_owned(meta: Raw, kind: str) -> bool:
    return any(each.get("kind") == kind for each in meta.get("ownerReferences") or ())


def _containers(raw: Raw) -> Any:
    return (raw.get("spec") or {}).get("containers") or ()


def _is_spire_agent(container: Mapping[str, Any]) -> bool:
    """By its image, such as `ghcr.io/spiffe/spire-agent:1.9.0`."""
    image = str(container.get("image") or "").partition("@")[0].rpartition("/")[2]
    return image.partition(":")[0] == _IMAGE
