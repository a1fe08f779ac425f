"""Which TCP ports does a pod declare, and which of them does a kubelet ask over plain HTTP?"""

from collections.abc import Iterator
from functools import lru_cache

from probes.contract.target import DeclaredPort
from watcher.discovery.pod.containers import lasting_containers, named_ports
from watcher.kube.objects import Raw

MOST = 64
"""That are kept of one pod: more than are tried of it in one round, so that of those left out it is told."""

_LONGEST = 63  # characters of a container's name, by Kubernetes
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def declared_ports(spec: Raw) -> tuple[DeclaredPort, ...]:
    """Each number once, in the order of the pod; equal ones are the same object."""
    found: dict[int, DeclaredPort] = {}
    for container in lasting_containers(spec):
        for port in _of(container):
            if port.number in found or len(found) < MOST:
                before = found.setdefault(port.number, port)
                found[port.number] = before._replace(probed=before.probed or port.probed)
    return _shared(tuple(found.values()))


def _of(container: Raw) -> Iterator[DeclaredPort]:
    probed = set(_probed(container))
    for each in container.get("ports") or ():
        number = _number(each.get("containerPort"))
        if number and each.get("protocol", "TCP") == "TCP":
            yield DeclaredPort(number, str(container.get("name") or "")[:_LONGEST], number in probed)


def _probed(container: Raw) -> Iterator[int]:
    """By number, or by the name of a port of the same container; of another host it is no port of the pod."""
    for key in _PROBES:
        asked = (container.get(key) or {}).get("httpGet") or {}
        if asked.get("host") or str(asked.get("scheme") or "HTTP").upper() != "HTTP":
            continue
        number = _number(asked.get("port")) or named_ports(container).get(str(asked.get("port")))
        if number:
            yield number


def _number(given: object) -> int | None:
    text = str(given)
    return int(text) if text.isdecimal() and len(text) < 6 and 0 < int(text) < 65536 else None


@lru_cache(maxsize=1024)  # of a template, for all its pods
def _shared(ports: tuple[DeclaredPort, ...]) -> tuple[DeclaredPort, ...]:
    return ports
