"""What do ClusterSPIFFEID objects say of the pods, where they are to be read at all?"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from watcher.config.kubernetes import KubernetesSettings
from watcher.discovery.identities.cluster_spiffe_id_watch import PATH, ClusterSpiffeIdWatch
from watcher.discovery.identities.cluster_spiffe_ids import Declared
from watcher.discovery.pod.pod import Pod
from watcher.kube.access import Access
from watcher.kube.list_watch import ListWatch, Patience
from watcher.kube.reachability import Reachability

FIRST = 5.0
"""Seconds that the first targets wait for the objects: a start without them is better than none."""

_NONE = Declared()


class DeclaredIds:
    """A watch of them, or nothing: where the config does not ask for it, or its own template goes before."""

    def __init__(
        self,
        settings: KubernetesSettings,
        access: Access,
        state_dir: Path | None,
        now: Callable[[], float],
        uniform: Callable[[float, float], float],
        patience: Patience,
        on_change: Callable[[], None],
    ) -> None:
        self._watch: ClusterSpiffeIdWatch | None = None
        if settings.cluster_spiffe_ids is not None and settings.spiffe_id_template is None:
            self._watch = ClusterSpiffeIdWatch(access, settings.cluster_spiffe_ids, state_dir, now, on_change)
            self._follower = ListWatch(access, PATH, "", self._watch, patience, uniform)

    def named(self) -> frozenset[str] | None:
        """Annotations of pods that are wanted beside all their labels; None: neither is."""
        return self._watch.named if self._watch is not None else None

    def of(self, pod: Pod) -> Declared | None:
        """What they say of a pod; None while it is not known yet, and then `on_change` is called."""
        return self._watch.declared(pod) if self._watch is not None else _NONE

    @property
    def contacts(self) -> Sequence[Reachability]:
        """Who knows how the API server answers."""
        return [self._watch] if self._watch is not None else []

    @property
    def busy(self) -> bool:
        """Whether a pod waits for something that is being read."""
        return self._watch is not None and self._watch.namespaces.busy

    async def restore(self) -> None:
        """Begin with what the last process knew."""
        if self._watch is not None:
            await self._watch.restore()

    def jobs(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What runs for ever."""
        if self._watch is None:
            return []
        return [self._follower.follow(), self._watch.namespaces.refresh_for_ever()]

    async def first(self) -> None:
        """Wait until the objects were listed once or could not be, but not for long."""
        if self._watch is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._watch.tried.wait(), FIRST)

    async def remember(self) -> None:
        """Keep what is known for the next process; OSError where the disk does not take it."""
        if self._watch is not None:
            await self._watch.remember()

    async def close(self) -> None:
        """Read no more."""
        if self._watch is not None:
            await self._watch.namespaces.close()
