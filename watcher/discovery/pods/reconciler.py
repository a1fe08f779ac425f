"""What is each pod that was seen, and what else must be read of it? Whenever something of it changed, anew."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

from probes.contract import Limits
from watcher.config.kubernetes import KubernetesSettings
from watcher.discovery.identities.declared import DeclaredIds
from watcher.discovery.pod.agent_config import AgentConfig
from watcher.discovery.pods.details import DetailReader, Details
from watcher.discovery.pods.scope import Scope, SeenPod
from watcher.discovery.pods.target import PodState, Surroundings, find_target, state_of
from watcher.kube.access import Access
from watcher.runtime.failures import FailuresLogger

GATHER = 0.1
"""Seconds in which changes are gathered into one."""

_NO_CONFIG = AgentConfig()
_RETRY = 60.0
Spawn = Callable[[Coroutine[Any, Any, None]], object]


class Reconciler:
    """Reconciles the pods of some scopes as they are touched; `changed` is set when the targets may be others."""

    def __init__(
        self,
        settings: KubernetesSettings,
        limits: Mapping[str, Limits],
        access: Access,
        declared: DeclaredIds,
        now: Callable[[], float],
        spawn: Spawn,
        date_of: Callable[[float], float],
    ) -> None:
        """Nothing is read yet, and there are no scopes until somebody sets them."""
        self._settings, self._access, self._now, self._spawn = settings, access, now, spawn
        self._declared, self._date_of, self._logger = declared, date_of, FailuresLogger(logging.getLogger(__name__))
        self._around = Surroundings(settings=settings, limits=limits)
        self._details = DetailReader(access, now)
        self.scopes: Sequence[Scope] = ()
        self._dirty: set[str] = set()
        self._reading: set[str] = set()
        self._touched = asyncio.Event()
        self.synced = asyncio.Event()  # all that was seen is evaluated
        self.synced.set()
        self.changed = asyncio.Event()

    def adopt(self, limits: Mapping[str, Limits]) -> None:
        """Judge by these limits from now on."""
        self._around = Surroundings(settings=self._settings, limits=limits, api_servers=self._around.api_servers)
        self.touch_all()

    def touch_all(self) -> None:
        """Something that matters to every pod is another."""
        self._touched.set()
        for scope in self.scopes:
            for uid in scope.pods:
                self.touch(uid)

    def touch(self, uid: str) -> None:
        """This pod is new, another, or gone."""
        self._dirty.add(uid)
        self.synced.clear()
        self._touched.set()

    async def reconcile_for_ever(self) -> None:
        """Reconcile what is touched, all that comes within a moment at once."""
        while True:
            await self._touched.wait()
            self._touched.clear()
            self._around = replace(self._around, api_servers=self._access.addresses())
            uids, self._dirty = self._dirty, set()
            for scope in self.scopes:
                for count, uid in enumerate(uids & scope.pods.keys()):
                    if (seen := scope.pods.get(uid)) is not None:  # it may go while others are looked at
                        self._reconcile_or_read(seen)
                    if count % 50 == 0:
                        await asyncio.sleep(0)
            self.changed.set()
            if not self._dirty and not self._reading and not self._declared.busy:
                self.synced.set()
            await asyncio.sleep(GATHER)

    def _reconcile_or_read(self, seen: SeenPod) -> None:
        if seen.wants_details and state_of(seen.pod, self._around)[0] is PodState.TARGET:
            if seen.pod.uid not in self._reading:
                self._reading.add(seen.pod.uid)
                self._spawn(self._read(seen))
            return
        self.reconcile(seen)

    def reconcile(self, seen: SeenPod) -> None:
        """Say what this pod is by what is known of it now."""
        details = seen.details or Details(_NO_CONFIG, None)
        declared = self._declared.of(seen.pod)
        if declared is not None:
            facts = (details.config, details.service_id, self._around, seen.known, self._now(), declared)
            seen.found = find_target(seen.pod, *facts, ahead=self._date_of(0.0))
            seen.known = seen.found.known

    async def _read(self, seen: SeenPod) -> None:
        services, since = self._settings.spiffe_id_template is None, seen.outdated_at
        try:
            details = await self._details.read(seen.pod, services=services, since=since or 0.0)
        except Exception:  # the boundary: what is odd in one pod's surroundings must not keep it from being watched
            of = f"{seen.pod.namespace}/{seen.pod.name}"
            self._logger.exception("cannot read ConfigMap or Service of pod", pod=of)
            details = Details(_NO_CONFIG, None, complete=False)
        seen.details = details.over(seen.details)
        if seen.outdated_at == since:
            seen.outdated_at = None
        self._reading.discard(seen.pod.uid)
        self.touch(seen.pod.uid)

    async def retry_for_ever(self) -> None:
        """Read again what could not be read."""
        while True:
            await asyncio.sleep(_RETRY)
            self._details.forget_old()
            for scope in self.scopes:
                for seen in list(scope.pods.values()):
                    if seen.details is not None and not seen.details.complete and not scope.why:
                        await self._read(seen)

    async def close(self) -> None:
        """Give up what is being read."""
        await self._details.close()
