"""Which targets are there in all, by the config and by Kubernetes; exactly these are watched."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from probes.contract import Target, TargetKey
from watcher.config.settings import Settings
from watcher.discovery.pods.discoverer import Discoverer
from watcher.discovery.pods.reconciler import GATHER
from watcher.discovery.pods.scope import SeenPod, not_watched
from watcher.engine.engine import Engine
from watcher.engine.restored import Kept
from watcher.kube.access import Access
from watcher.kube.pod_ref import PodRef
from watcher.metrics.families import DISCOVERED, DISCOVERED_IN, PODS, PODS_NOT_WATCHED
from watcher.metrics.own import OwnMetrics
from watcher.runtime.clock import Clock
from watcher.runtime.cooperative import TimeSlice

if TYPE_CHECKING:  # a check by hand schedules nothing, and starts faster without what does
    from watcher.scheduling.poll_loops import PollLoops

_REST, _LONGEST_REST = 20, 1.0
"""Times as long as the last replacement took, and seconds."""

FIRST = 20.0
"""Seconds that a start waits for the first list of a cluster."""


class TargetSet:
    """Brings both together and tells how the discovery is."""

    def __init__(self, settings: Settings, own_metrics: OwnMetrics, clock: Clock) -> None:
        self._settings, self._own_metrics, self._clock = settings, own_metrics, clock
        self._kubernetes: Discoverer | None = None
        self._replaced_at = 0.0
        self.unwritable = ""  # why what was found cannot be kept
        if settings.kubernetes is not None:
            self._kubernetes = Discoverer(
                settings.kubernetes,
                settings.probes,
                settings.state_dir,
                clock.steady,
                random.uniform,
                shard=settings.shard,
                date_of=clock.date_of,
            )

    async def start(self) -> None:
        """Discover for the first time, if only what was kept of the last process."""
        if self._kubernetes is not None:
            await self._kubernetes.start(FIRST)

    async def targets(self) -> list[Target]:
        """All targets of this shard as of now. Of duplicates the listed one counts: somebody wrote it down."""
        found, listed = self._kubernetes.targets() if self._kubernetes is not None else [], self._settings.targets
        owns, time_slice, every = self._settings.shard.owns, TimeSlice(), dict[TargetKey, Target]()
        for target in found:
            every[target.key] = target
            await time_slice.checkpoint()
        for target in listed:
            if owns(target.key.namespace, target.key.pod):
                every[target.key] = target
            await time_slice.checkpoint()
        return list(every.values())

    def pod_of(self, key: TargetKey) -> PodRef | None:
        """Which pod of the cluster a target is; None for one that is only listed."""
        return self._kubernetes.pod_of(key) if self._kubernetes is not None else None

    @property
    def access(self) -> Access | None:
        """How the API server is asked; None where nothing is found there."""
        return self._kubernetes.access if self._kubernetes is not None else None

    @property
    def discoverer(self) -> Discoverer | None:
        """What finds agents in Kubernetes; None where nothing does."""
        return self._kubernetes

    def replaced(self) -> None:
        """The targets are watched as of now."""
        self._replaced_at = self._clock.steady()
        self.show()

    @property
    def may_change(self) -> bool:
        """Whether anything can be found beside what the config lists."""
        return self._kubernetes is not None

    async def wait_for_change(self) -> bool:
        """Wait until other targets may be found; gives whether all of the cluster was listed by then.

        Raises what ended a part of the discovery, if something did. Only where `may_change`.
        """
        if self._kubernetes is None:
            raise LookupError("nothing is found that could change")
        await self._kubernetes.changed.wait()
        self._kubernetes.changed.clear()
        self._kubernetes.raise_failure()
        return self._kubernetes.is_known

    def adopt(self, settings: Settings) -> None:
        """List and judge by these settings from now on."""
        self._settings = settings
        if self._kubernetes is not None:
            self._kubernetes.adopt(settings.probes)

    @property
    def unready(self) -> str:
        """Why these are no targets to be ready with; empty after a first discovery that succeeded."""
        return self._kubernetes.unready if self._kubernetes is not None else ""

    @property
    def is_known(self) -> bool:
        """Whether all of the cluster was listed, and all that was found is judged."""
        return self._kubernetes is None or self._kubernetes.is_known

    @property
    def denied(self) -> bool:
        """Whether the API server said once that we may not ask."""
        return self._kubernetes is not None and self._kubernetes.denied

    @property
    def trouble(self) -> str:
        """Why some of the targets may be out of date."""
        return self._kubernetes.trouble if self._kubernetes is not None else ""

    @property
    def failure(self) -> str:
        """What fails right now, be it for a moment."""
        return self._kubernetes.failure if self._kubernetes is not None else ""

    def show(self) -> None:
        """Export when the fleet was last known, and what its pods are; nothing before the targets are watched."""
        if not self._replaced_at:
            return
        if self._kubernetes is None:
            self._own_metrics.set_moment(DISCOVERED, self._replaced_at)
            return
        for scope in self._kubernetes.scopes:
            if scope.last_success is not None and scope.name:
                self._own_metrics.set_moment(DISCOVERED_IN, scope.last_success, scope.name)
            elif scope.last_success is not None:
                self._own_metrics.set_moment(DISCOVERED, scope.last_success)
        for state, count in self._kubernetes.states().items():
            self._own_metrics.set(PODS, count, state)
        self._own_metrics.set_all(PODS_NOT_WATCHED, not_watched(self.seen_pods(), self._clock.steady()))

    def seen_pods(self) -> Sequence[SeenPod]:
        """All pods that the selector finds, whatever they are; none where nothing is found in Kubernetes."""
        return self._kubernetes.seen_pods() if self._kubernetes is not None else ()

    async def remember(self) -> None:
        """Keep what was found for the next start; a disk that does not take it is reported."""
        if self._kubernetes is not None:
            try:
                await self._kubernetes.remember()
            except OSError as error:
                self.unwritable = f"discovery: {error.strerror or error}"
            else:
                self.unwritable = ""

    async def close(self) -> None:
        """Keep what was found, and stop."""
        await self.remember()
        await self.stop()

    async def stop(self) -> None:
        """Stop, and leave what was kept as it is."""
        if self._kubernetes is not None:
            await self._kubernetes.close()


class TargetSync:
    """Keeps what is watched the same as what there is: new targets are added to the loops, others are removed."""

    def __init__(self, target_set: TargetSet, engine: Engine, poll_loops: "PollLoops") -> None:
        self._target_set, self._engine, self._poll_loops = target_set, engine, poll_loops
        self._replacing = asyncio.Lock()
        self._round_is_of_cache: bool | None = None  # None: no first round has begun

    @property
    def unready(self) -> str:
        """Why nobody should rely on this process yet, a sentence; empty where somebody may."""
        if why := self._target_set.unready:
            return f"no discovery has succeeded yet ({why})"
        return "" if self._poll_loops.first_round_complete else "the first round of probes is not complete"

    async def replace(self, restored: Mapping[TargetKey, Kept]) -> None:
        """Watch exactly the targets of now; `restored`: what is known of them from before."""
        async with self._replacing:
            changed = await self._engine.replace_targets(await self._target_set.targets(), restored)
            await self._poll_loops.add(changed)
            self._begin_first_round()
            self._target_set.replaced()

    def _begin_first_round(self) -> None:
        """Once there is something to be ready with, and anew with what a discovery finds after one was denied."""
        if self._round_is_of_cache is None and not self._target_set.unready:
            self._round_is_of_cache = not self._target_set.is_known
            self._poll_loops.begin_first_round()
        elif self._round_is_of_cache and self._target_set.is_known:
            self._round_is_of_cache = False
            if self._target_set.denied or not self._poll_loops.first_round_complete:
                self._poll_loops.begin_first_round()

    async def restart(self, source: str) -> None:
        """Begin the looks of one source anew, after its settings changed."""
        async with self._replacing:  # a target that comes at the same time would be added to both pollers
            await self._poll_loops.restart(source)

    async def follow(self, restored: Mapping[TargetKey, Kept]) -> None:
        """The same whenever others are found; for ever, where anything can be found.

        `restored` is given along until all of the cluster was listed once.
        """
        while self._target_set.may_change:
            is_known = await self._target_set.wait_for_change()
            began = time.monotonic()
            await self.replace(restored)
            restored = {} if is_known else restored
            # All targets are gone through: of a large fleet that changes all the time, less often.
            await asyncio.sleep(min(max(GATHER, _REST * (time.monotonic() - began)), _LONGEST_REST))
