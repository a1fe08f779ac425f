"""Which ClusterSPIFFEID objects are there now? Listed and watched as pods are; the last good ones are kept."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from watcher.config.kubernetes import ClusterSpiffeIdSettings
from watcher.discovery.identities.cache_file import CachedObjects, ClusterSpiffeIdCache
from watcher.discovery.identities.cluster_spiffe_ids import (
    ClusterSpiffeId,
    Declared,
    about_pod,
    declare,
    named_annotations,
    needs_namespace_labels,
    read_cluster_spiffe_id,
    reduced,
)
from watcher.discovery.identities.go_template import TemplateError
from watcher.discovery.identities.namespace_labels import NamespaceLabels
from watcher.discovery.pod.pod import Pod
from watcher.kube.access import Access
from watcher.kube.objects import MALFORMED_OBJECT, Raw
from watcher.kube.reachability import Reachability

PATH = "/apis/spire.spiffe.io/v1alpha1/clusterspiffeids"
MOST_OBJECTS = 1000
_HELD = 2 * MOST_OBJECTS  # a list that has all of them anew comes before it is known which are gone
_NAMESPACES_EVERY = 60.0
_UNKNOWN = Declared(problems=("ClusterSPIFFEID objects could not be read yet",))
_TOO_MANY = Declared(problems=(f"there are over {MOST_OBJECTS} ClusterSPIFFEID objects: none is applied",))
_NO_DEFINITION = "404: the API server has no such objects: the CRD of SPIRE's controller manager is not installed"


class ClusterSpiffeIdWatch(Reachability):
    """Notified of what is there; calls `on_change` when IDs of pods may be others."""

    def __init__(
        self,
        access: Access,
        settings: ClusterSpiffeIdSettings,
        state_dir: Path | None,
        now: Callable[[], float],
        on_change: Callable[[], None],
    ) -> None:
        super().__init__("ClusterSPIFFEID objects", {"objects": "ClusterSPIFFEID"}, now)
        self._settings, self._on_change = settings, on_change
        self._memory = ClusterSpiffeIdCache(state_dir)
        self._raws: dict[str, Mapping[str, Any]] = {}  # by uid
        self._objects: dict[str, ClusterSpiffeId] = {}  # by uid
        self._is_known = False
        self._refused: set[str] = set()  # uids of those that there was no room for
        self._by_labels: set[str] = set()  # uids of those that select by labels of namespaces
        self.namespaces = NamespaceLabels(access, on_change, _NAMESPACES_EVERY)
        self.changes = 0  # goes up whenever the objects are others
        self.named: frozenset[str] = frozenset()  # annotations of pods that templates name or named

    def put(self, raw: Raw) -> None:
        """An object is new or changed; one that is being deleted counts no more."""
        uid = str(raw["metadata"]["uid"])
        if raw["metadata"].get("deletionTimestamp"):
            self.remove(uid)
            return
        if uid not in self._objects and len(self._objects) >= _HELD:
            self._refused.add(uid)
            self._on_change()
            return
        self._refused.discard(uid)
        small = reduced(raw)
        if self._raws.get(uid) != small:
            self._raws[uid], self._objects[uid] = small, (new := read_cluster_spiffe_id(small))
            self.named |= named_annotations((new,))
            (self._by_labels.add if needs_namespace_labels((new,)) else self._by_labels.discard)(uid)
            self._changed()

    def remove(self, uid: str) -> None:
        """An object is gone."""
        if uid in self._refused:
            self._refused.remove(uid)
            self._on_change()
        if self._objects.pop(uid, None) is not None:
            del self._raws[uid]
            self._by_labels.discard(uid)
            self._changed()

    def listed(self, uids: set[str]) -> None:
        """What is not among these is gone."""
        for uid in (self._objects.keys() | self._refused) - uids:
            self.remove(uid)
        if not self._is_known:
            self._is_known = True
            self._changed()
        self.tried.set()

    def failed(self, why: str, error: Exception) -> None:
        """The API server did not answer; what was found stays."""
        super().failed(_NO_DEFINITION if why.startswith("404") else why, error)

    def declared(self, pod: Pod) -> Declared | None:
        """What the objects say of a pod; None while the labels of its namespace are read for the first time."""
        if not self._is_known:
            return _UNKNOWN
        if self._too_many:
            return _TOO_MANY
        labels = self.namespaces.of(pod.namespace) if self._by_labels else {}
        return None if labels is None else declare(self._objects.values(), pod, labels, self._settings)

    def about(self, pod: Pod) -> Sequence[ClusterSpiffeId]:
        """Those that select a pod; TemplateError with a sentence where that cannot be told."""
        if pod.described is None or pod.described.excess:
            raise TemplateError("its labels are not known in full")
        labels = self.namespaces.of(pod.namespace) if self._by_labels else {}
        known = f"labels of namespace {pod.namespace} are not read yet" if labels is None else labels
        return about_pod(self._objects.values(), pod, known, self._settings.class_name)

    @property
    def _too_many(self) -> bool:
        return bool(self._refused) or len(self._objects) > MOST_OBJECTS

    @property
    def is_known(self) -> bool:
        """Whether all of them were listed, and there are not too many to apply."""
        return self._is_known and not self._too_many

    @property
    def failure(self) -> str:
        """Why objects or namespaces cannot be read right now."""
        return super().failure or self._of_namespaces

    @property
    def trouble(self) -> str:
        """The same, but only where it lasts, or it never answered."""
        return super().trouble or self._of_namespaces

    async def restore(self) -> None:
        """Begin with what the last process knew."""
        kept = await asyncio.to_thread(self._memory.read)
        for raw in kept.objects or ():
            try:
                self.put(raw)
            except MALFORMED_OBJECT:
                continue  # the API server will tell of it
        self.namespaces.known.update(kept.namespaces)
        self._is_known = kept.objects is not None

    async def remember(self) -> None:
        """Keep what is known for the next process; OSError where the disk does not take it."""
        if self._is_known and not self._refused:
            namespaces = {name: labels for name, labels in self.namespaces.known.items() if not isinstance(labels, str)}
            # One more than are applied, so that the next process knows that they are too many.
            some = list(self._raws.values())[: MOST_OBJECTS + 1]
            await self._memory.write(CachedObjects(some, namespaces))

    @property
    def _of_namespaces(self) -> str:
        return self.namespaces.why if self._by_labels else ""

    def _changed(self) -> None:
        self.changes += 1
        self._on_change()
