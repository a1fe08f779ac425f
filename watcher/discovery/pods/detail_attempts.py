"""When are the details of a pod read: at first, when its process is another, and again where they could not be read?"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from watcher.config.kubernetes import KubernetesSettings
from watcher.discovery.pod.agent_config import unlearnt
from watcher.discovery.pods.detail_reader import DetailReader
from watcher.discovery.pods.details import Details
from watcher.discovery.pods.scope import Scope, SeenPod
from watcher.kube.access import Access
from watcher.runtime.failures import FailuresLogger

FIRST, LONGEST = 1.0, 60.0
"""Seconds from a failure to the next attempt: a 429 lasts a moment, a missing right for days."""

REFRESH_EVERY = 1800.0
"""Seconds: a Service that was not there, or had no annotation, may be made for pods that are there already."""

_MANY = 7  # failures after which the wait is the longest
_AT_ONCE, _EVERY = 200, 1.0  # pods at a time, and seconds between
_FAULT = "a bug of the watcher itself keeps its ConfigMap or Service from being read; the log has more"
Spawn = Callable[[Coroutine[Any, Any, None]], object]


class DetailAttempts:
    """Reads the details of pods; `touch` is given the uid of each of which something was read, or could not be."""

    def __init__(
        self,
        settings: KubernetesSettings,
        access: Access,
        now: Callable[[], float],
        spawn: Spawn,
        touch: Callable[[str], None],
    ) -> None:
        """`now`: steady seconds. Nothing is read yet."""
        self._reader = DetailReader(access, now)
        self._services = settings.spiffe_id_template is None
        self._now, self._spawn, self._touch = now, spawn, touch
        self._reading: set[str] = set()  # uids
        self._incomplete: dict[str, SeenPod] = {}  # by uid
        self._logger = FailuresLogger(logging.getLogger(__name__))

    @property
    def busy(self) -> bool:
        """Whether anything is being read."""
        return bool(self._reading)

    def begin(self, seen: SeenPod) -> None:
        """Read of this pod, if that is not done already."""
        if seen.pod.uid not in self._reading:
            self._reading.add(seen.pod.uid)
            self._spawn(self._read(seen))

    def restore(self, seen: SeenPod) -> None:
        """What another process read of a pod counts for a while, and is then read again."""
        seen.tried_at, seen.failures = self._now(), _MANY
        self._incomplete[seen.pod.uid] = seen

    async def retry_for_ever(self, scopes: Sequence[Scope]) -> None:
        """Read again what could not be read, of the pods that are in these scopes."""
        while True:
            await asyncio.sleep(_EVERY)
            there = {uid: scope for scope in scopes for uid in self._incomplete.keys() & scope.pods.keys()}
            self._incomplete = {uid: seen for uid, seen in self._incomplete.items() if uid in there}
            now = self._now()
            due = [seen for uid, seen in self._incomplete.items() if not there[uid].why and _is_due(seen, now)]
            for seen in due[:_AT_ONCE]:
                self.begin(seen)

    async def refresh_for_ever(self, scopes: Sequence[Scope]) -> None:
        """Ask again for Services that were not there; forget answers that are old."""
        refreshed_at = self._now()
        while True:
            await asyncio.sleep(DetailReader.KEEP)
            self._reader.forget_old()
            if self._services and self._now() - refreshed_at >= REFRESH_EVERY:
                refreshed_at = self._now()
                await self._refresh([seen for scope in scopes if not scope.why for seen in scope.pods.values()])

    async def close(self) -> None:
        """Give up what is being read."""
        await self._reader.close()

    async def _refresh(self, seen_pods: Sequence[SeenPod]) -> None:
        for start in range(0, len(seen_pods), _AT_ONCE):
            for seen in seen_pods[start : start + _AT_ONCE]:
                if seen.details is not None and seen.details.complete and seen.details.service_id is None:
                    self.begin(seen)
            await asyncio.sleep(_EVERY)

    async def _read(self, seen: SeenPod) -> None:
        outdated_at, before = seen.outdated_at, seen.details
        # An agent reads its config when it starts: what stands there later is not what it has.
        kept = before if before is not None and before.config.is_final and outdated_at is None else None
        since = max(outdated_at or 0.0, seen.tried_at)
        try:
            details = await self._reader.read(seen.pod, services=self._services, since=since, kept=kept)
        except Exception:  # the boundary: what is odd in one pod's surroundings must not keep it from being watched
            of = f"{seen.pod.namespace}/{seen.pod.name}"
            self._logger.exception("cannot read ConfigMap or Service of pod", pod=of)
            config = unlearnt(_FAULT, is_final=False) if kept is None else kept.config
            needed = self._services
            details = Details(config, service_problem=_FAULT if needed else "", service_known=not needed)
        seen.details, seen.tried_at = details.over(before, same_process=outdated_at is None), self._now()
        seen.failures = 0 if details.complete else seen.failures + 1
        if details.complete:
            self._incomplete.pop(seen.pod.uid, None)
        else:
            self._incomplete[seen.pod.uid] = seen
        if seen.outdated_at == outdated_at:
            seen.outdated_at = None
        self._reading.discard(seen.pod.uid)
        self._touch(seen.pod.uid)


def _is_due(seen: SeenPod, now: float) -> bool:
    wait = min(LONGEST, FIRST * 2.0 ** min(seen.failures - 1, _MANY))
    return not 0 <= now - seen.tried_at < wait  # a clock that was set back is no reason to wait
