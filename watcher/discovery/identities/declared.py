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
        self.watch: ClusterSpiffeIdWatch | None = None  # None: nobody asked for it
        if settings.cluster_spiffe_ids is not None and settings.spiffe_id_template is None:
            self.watch = ClusterSpiffeIdWatch(access, settings.cluster_spiffe_ids, state_dir, now, on_change)
            self._follower = ListWatch(access, PATH, "", self.watch, patience, uniform)

    def named(self) -> frozenset[str] | None:
        """Annotations of pods that are wanted beside all their labels; None: neither is."""
        return self.watch.named if self.watch is not None else None

    def of(self, pod: Pod) -> Declared | None:
        """What they say of a pod; None while it is not known yet, and then `on_change` is called."""
        return self.watch.declared(pod) if self.watch is not None else _NONE

    @property
    def contacts(self) -> Sequence[Reachability]:
        """Who knows how the API server answers."""
        return [self.watch] if self.watch is not None else []

    @property
    def busy(self) -> bool:
        """Whether a pod waits for something that is being read."""
        return self.watch is not None and self.watch.namespaces.busy

    async def restore(self) -> None:
        """Begin with what the last process knew."""
        if self.watch is not None:
            await self.watch.restore()

    def jobs(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What runs for ever."""
        if self.watch is None:
            return []
        return [self._follower.follow(), self.watch.namespaces.refresh_for_ever()]

    async def first(self) -> None:
        """Wait until the objects were listed once or could not be, but not for long."""
        if self.watch is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.watch.tried.wait(), FIRST)

    async def remember(self) -> None:
        """Keep what is known for the next process; OSError where the disk does not take it."""
        if self.watch is not None:
            await self.watch.remember()

    async def close(self) -> None:
        """Read no more."""
        if self.watch is not None:
            await self.watch.namespaces.close()
