"""What is each pod that was seen, and what else must be read of it? Whenever something of it changed, anew."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from probes.contract import Limits
from watcher.config.kubernetes import KubernetesSettings
from watcher.discovery.identities.declared import DeclaredIds
from watcher.discovery.pod.workload import series
from watcher.discovery.pods.agent_names import AgentNames, Workload
from watcher.discovery.pods.carried_labels import CarriedLabels
from watcher.discovery.pods.detail_attempts import DetailAttempts, Spawn
from watcher.discovery.pods.details import Details
from watcher.discovery.pods.scope import Scope, SeenPod
from watcher.discovery.pods.target import UNDECIDED, PodState, Surroundings, find_target, state_of
from watcher.kube.access import Access

GATHER = 0.1
"""Seconds in which changes are gathered into one."""

_NOTHING_READ = Details()


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
        self._settings, self._access, self._now = settings, access, now
        self._declared, self._date_of = declared, date_of
        self._around = Surroundings(settings=settings, limits=limits)
        self._names = AgentNames(self.touch)
        self.carried = CarriedLabels(settings.labels_to_alerts, access, self.touch_all)
        self.attempts = DetailAttempts(settings, access, now, spawn, self.touch)
        self.scopes: Sequence[Scope] = ()
        self._dirty: set[str] = set()
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
            self._release_gone(uids)
            self.changed.set()
            if not (self._dirty or self.attempts.busy or self._declared.busy or self.carried.busy):
                self.synced.set()
            await asyncio.sleep(GATHER)

    def _reconcile_or_read(self, seen: SeenPod) -> None:
        is_agent = seen.details.is_agent if seen.details is not None else None
        state, why = state_of(seen.pod, self._around, is_agent)
        if seen.wants_details and (state is PodState.TARGET or why == UNDECIDED):
            self.attempts.begin(seen)
            return
        self.reconcile(seen)

    def reconcile(self, seen: SeenPod) -> None:
        """Say what this pod is by what is known of it now."""
        details, uid, now = seen.details or _NOTHING_READ, seen.pod.uid, self._now()
        declared, carried = self._declared.of(seen.pod), self.carried.of(seen.pod)
        if declared is None or carried is None:
            return
        ahead, before, clash = self._date_of(0.0), seen.found, self._names.clash(uid)
        seen.found = find_target(seen.pod, details, self._around, seen.known, now, declared, ahead, clash, carried)
        seen.known = seen.found.known
        if before is None and seen.pod.created_at and seen.found.by_itself:
            seen.since = min(seen.since, seen.pod.created_at - ahead)
        elif before is not None and before.state is not seen.found.state:
            seen.since = now
        self._claim(seen)
        if self._names.clash(uid) != clash:
            self.touch(uid)

    def _release_gone(self, uids: set[str]) -> None:
        for uid in uids:
            if not any(uid in scope.pods for scope in self.scopes):
                self._names.release(uid)

    def _claim(self, seen: SeenPod) -> None:
        pod, target = seen.pod, seen.found.target if seen.found is not None else None
        if target is None:
            self._names.release(pod.uid)
        else:
            self._names.claim(pod.uid, pod.namespace, target.key.agent, Workload(series(pod), pod.service_account))

    async def close(self) -> None:
        """Give up what is being read."""
        await self.attempts.close()
        await self.carried.close()
