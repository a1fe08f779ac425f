"""Which agents are in Kubernetes now? Pods are followed scope by scope; targets are told as they come and go."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from probes.contract import Limits, Target, TargetKey
from watcher.discovery.declared_ids import DeclaredIds
from watcher.discovery.kubernetes_access import Access
from watcher.discovery.kubernetes_config import AgentConfig
from watcher.discovery.kubernetes_contact import Contact
from watcher.discovery.kubernetes_details import DetailReader, Details
from watcher.discovery.kubernetes_facts import PodState, Surroundings, find_target, state_of
from watcher.discovery.kubernetes_follow import Follower, Patience
from watcher.discovery.kubernetes_memory import DiscoveryMemory, Kept
from watcher.discovery.kubernetes_scope import Scope, Seen
from watcher.discovery.kubernetes_settings import KubernetesSettings
from watcher.discovery.pod_ref import PodRef
from watcher.discovery.sharding import Shard

log = logging.getLogger(__name__)

GATHER = 0.1
"""Seconds in which changes are gathered into one."""

_NO_CONFIG = AgentConfig()
_RETRY = 60.0


class KubernetesWatch:
    """Runs followers and keeps what they find; `changed` is set when the targets may be others."""

    def __init__(
        self,
        settings: KubernetesSettings,
        limits: Mapping[str, Limits],
        state_dir: Path | None,
        now: Callable[[], float],
        uniform: Callable[[float, float], float],
        patience: Patience = Patience(),  # noqa: B008  frozen
        shard: Shard = Shard(),  # noqa: B008  frozen
    ) -> None:
        self._settings, self._now = settings, now
        self._around = Surroundings(settings=settings, limits=limits)
        self._access = Access(settings.kubeconfig)
        self._details = DetailReader(self._access, now)
        self._memory = DiscoveryMemory(state_dir)
        self._pods: dict[TargetKey, PodRef] = {}
        self._dirty: set[str] = set()
        self._reading: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._touched = asyncio.Event()
        self._settled = asyncio.Event()  # all that was told is judged
        self._settled.set()
        self.changed = asyncio.Event()
        names = [""] if settings.namespaces == "all" else list(settings.namespaces)
        self._declared = DeclaredIds(settings, self._access, state_dir, now, uniform, patience, self._declared_anew)
        self._named = self._declared.named()
        self.scopes = [Scope(name, self._touch, now, shard, self._declared.named) for name in names]
        self._followers = [
            Follower(self._access, _path(scope.name), settings.selector, scope, patience, uniform)
            for scope in self.scopes
        ]
        self._following: list[asyncio.Task[None]] = []

    async def start(self, wait: float) -> None:
        """Begin, and wait until each scope was listed once or could not be; for at most so many seconds."""
        await self._declared.restore()
        await self._restore()
        for job in self._declared.jobs():
            self._spawn(job)
        await self._declared.first()
        self._follow()
        self._spawn(self._judge_for_ever())
        self._spawn(self._retry_for_ever())
        tried = asyncio.gather(*(scope.tried.wait() for scope in self.scopes))
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await tried
                await self._settled.wait()

    async def close(self) -> None:
        """Stop, and close all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._declared.close()
        await self._details.close()
        await self._access.close()

    async def remember(self) -> None:
        """Write what is known to the state directory; OSError where the disk does not take it."""
        kept = [
            Kept(seen.pod, seen.details.config, seen.details.service_id, seen.known)
            for scope in self.scopes
            for seen in scope.pods.values()
            if seen.details is not None and seen.known is not None
        ]
        if any(scope.last_success is not None for scope in self.scopes):
            await self._memory.write(kept)
        await self._declared.remember()

    def targets(self) -> list[Target]:
        """All targets as of now, also those of scopes that do not answer."""
        found = [
            (seen.found.target, seen.pod)
            for scope in self.scopes
            for seen in scope.pods.values()
            if seen.found is not None and seen.found.target is not None
        ]
        self._pods = {target.key: PodRef(pod.namespace, pod.name, pod.uid) for target, pod in found}
        return [target for target, _ in found]

    def pod_of(self, key: TargetKey) -> PodRef | None:
        """Which pod a target was when the targets were last asked for."""
        return self._pods.get(key)

    @property
    def access(self) -> Access:
        """How the API server is asked; closed with this."""
        return self._access

    def states(self) -> Mapping[str, int]:
        """How many pods that were seen are what; every state is there."""
        count = Counter(
            seen.found.state if seen.found else PodState.PENDING
            for scope in self.scopes
            for seen in scope.pods.values()
        )
        return {state.value: count[state] for state in PodState}

    @property
    def trouble(self) -> str:
        """Which scopes have not answered for a while, and why; empty where all do."""
        return "; ".join(filter(None, (contact.trouble for contact in self._contacts)))

    @property
    def is_known(self) -> bool:
        """Whether every scope was listed and all that was found is judged."""
        return self._settled.is_set() and all(scope.last_success is not None for scope in self.scopes)

    @property
    def failure(self) -> str:
        """Which scopes do not answer right now, and why."""
        return "; ".join(filter(None, (contact.failure for contact in self._contacts)))

    @property
    def _contacts(self) -> Sequence[Contact]:
        return [*self.scopes, *self._declared.contacts]

    def adopt(self, limits: Mapping[str, Limits]) -> None:
        """Judge by these limits from now on."""
        self._around = Surroundings(settings=self._settings, limits=limits, api_servers=self._around.api_servers)
        self._touch_all()

    def _follow(self) -> None:
        self._named = self._declared.named()
        self._following = [self._spawn(follower.follow()) for follower in self._followers]

    def _declared_anew(self) -> None:
        self._touch_all()
        if self._following and self._declared.named() != self._named:
            for task, follower in zip(self._following, self._followers, strict=True):
                task.cancel()
                follower.start_over()  # annotations were let go that are wanted now
            self._follow()

    def _touch_all(self) -> None:
        self._touched.set()
        for scope in self.scopes:
            for uid in scope.pods:
                self._touch(uid)

    def _touch(self, uid: str) -> None:
        self._dirty.add(uid)
        self._settled.clear()
        self._touched.set()

    async def _restore(self) -> None:
        for kept in await asyncio.to_thread(self._memory.read):
            scope = next((each for each in self.scopes if each.name in ("", kept.pod.namespace)), None)
            if scope is not None and scope.shard.owns(kept.pod.namespace, kept.pod.name):
                seen = Seen(kept.pod, Details(kept.config, kept.service_id, complete=False), known=kept.known)
                scope.pods[kept.pod.uid] = seen
                self._judge(seen)

    async def _judge_for_ever(self) -> None:
        while True:
            await self._touched.wait()
            self._touched.clear()
            self._around = Surroundings(
                settings=self._settings,
                limits=self._around.limits,
                api_servers=self._access.addresses(),
                widened=self._around.widened,
            )
            uids, self._dirty = self._dirty, set()
            for scope in self.scopes:
                for count, uid in enumerate(uids & scope.pods.keys()):
                    if (seen := scope.pods.get(uid)) is not None:  # it may go while others are looked at
                        self._look_at(seen)
                    if count % 50 == 0:
                        await asyncio.sleep(0)
            self.changed.set()
            if not self._dirty and not self._reading and not self._declared.busy:
                self._settled.set()
            await asyncio.sleep(GATHER)

    def _look_at(self, seen: Seen) -> None:
        if seen.wants_details and state_of(seen.pod, self._around)[0] is PodState.TARGET:
            if seen.pod.uid not in self._reading:
                self._reading.add(seen.pod.uid)
                self._spawn(self._read(seen))
            return
        self._judge(seen)

    def _judge(self, seen: Seen) -> None:
        details = seen.details or Details(_NO_CONFIG, None)
        declared = self._declared.of(seen.pod)
        if declared is not None:
            facts = (details.config, details.service_id, self._around, seen.known, self._now(), declared)
            seen.found = find_target(seen.pod, *facts)
            seen.known = seen.found.known

    async def _read(self, seen: Seen) -> None:
        services, since = self._settings.spiffe_id_template is None, seen.outdated_at
        try:
            details = await self._details.read(seen.pod, services=services, since=since or 0.0)
        except Exception:  # the boundary: what is odd in one pod's surroundings must not keep it from being watched
            log.exception(
                "what belongs to a pod cannot be read", extra={"pod": f"{seen.pod.namespace}/{seen.pod.name}"}
            )
            details = Details(_NO_CONFIG, None, complete=False)
        seen.details = details.over(seen.details)
        if seen.outdated_at == since:
            seen.outdated_at = None
        self._reading.discard(seen.pod.uid)
        self._touch(seen.pod.uid)

    async def _retry_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_RETRY)
            self._details.forget_old()
            for scope in self.scopes:
                for seen in list(scope.pods.values()):
                    if seen.details is not None and not seen.details.complete and not scope.why:
                        await self._read(seen)

    def _spawn(self, job: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a part of the discovery failed", exc_info=error)


def _path(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods" if namespace else "/api/v1/pods"
