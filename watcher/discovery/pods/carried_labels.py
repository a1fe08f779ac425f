"""Which labels do the alerts on a pod's agent carry: its own, or else those of its namespace?"""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple

from watcher.discovery.identities.namespace_labels import NamespaceLabels
from watcher.discovery.pod.labels import LONGEST_VALUE
from watcher.discovery.pod.pod import Pod
from watcher.kube.access import Access
from watcher.text.alert_labels import alert_label

_NAMESPACES_EVERY = 60.0


class Carried(NamedTuple):
    """Names of labels of alerts with their values, and why some may be missing; empty: for no reason."""

    labels: tuple[tuple[str, str], ...] = ()
    problem: str = ""


_NOTHING = Carried()


class CarriedLabels:
    """Reads namespaces only where pods lack a label that the config names."""

    def __init__(self, keys: Sequence[str], access: Access, on_change: Callable[[], None]) -> None:
        """`on_change`: labels of a namespace are others."""
        self._keys = tuple(keys)
        self._namespaces = NamespaceLabels(access, on_change, _NAMESPACES_EVERY)

    def of(self, pod: Pod) -> Carried | None:
        """Those of this pod; None while the labels of its namespace are read for the first time."""
        if not self._keys:
            return _NOTHING
        found = {key: pod.labels[key] for key in self._keys if pod.labels.get(key)}
        if len(found) == len(self._keys):
            return Carried(self._named(found))
        beside = self._namespaces.of(pod.namespace)
        if beside is None:
            return None
        if isinstance(beside, str):
            return Carried(self._named(found), f"labels of namespace {pod.namespace} cannot be read: {beside}")
        return Carried(self._named({key: beside[key] for key in self._keys if beside.get(key)} | found))

    def _named(self, found: dict[str, str]) -> tuple[tuple[str, str], ...]:
        return tuple((alert_label(key), found[key][:LONGEST_VALUE]) for key in self._keys if key in found)

    @property
    def busy(self) -> bool:
        """Whether a pod waits for labels of its namespace."""
        return self._namespaces.busy

    def jobs(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What runs for ever."""
        return [self._namespaces.refresh_for_ever()] if self._keys else []

    async def close(self) -> None:
        """Read no more."""
        await self._namespaces.close()
