"""Which pods is a policy about, by its labels? Where that is not told, it may be about any."""

from collections.abc import Mapping
from typing import Any

from watcher.kube.objects import Raw
from watcher.kube.selectors import Requirement, Selector, read_selector

NAMESPACE = "io.kubernetes.pod.namespace"
"""The label that Cilium gives a pod for its namespace."""

_ANY: Selector = ()
_PREFIXES = ("k8s:", "any:")
_OF_CILIUM = ("io.cilium.", "io.kubernetes.", "reserved:")


def of_policy(raw: Raw) -> Selector:
    """A NetworkPolicy; SelectorError where it has none that is understood."""
    return read_selector((raw.get("spec") or {}).get("podSelector"))


def of_cilium_policy(raw: Raw) -> Selector:
    """A policy of Cilium. What it says of labels that pods do not have by Kubernetes is passed over."""
    spec = raw.get("spec")
    if raw.get("specs") or not isinstance(spec, dict) or not isinstance(spec.get("endpointSelector"), dict):
        return _ANY
    found = (_plain(each) for each in read_selector(spec["endpointSelector"]))
    return tuple(each for each in found if each.key == NAMESPACE or not each.key.startswith(_OF_CILIUM))


def of_admin_policy(raw: Raw) -> Selector:
    """An AdminNetworkPolicy; the labels of namespaces are passed over."""
    subject = (raw.get("spec") or {}).get("subject") or {}
    pods: Mapping[str, Any] = subject.get("pods") or {}
    return read_selector(pods.get("podSelector")) if pods else _ANY


def _plain(requirement: Requirement) -> Requirement:
    prefix = next((each for each in _PREFIXES if requirement.key.startswith(each)), "")
    return Requirement(requirement.key.removeprefix(prefix), requirement.operator, requirement.values)
