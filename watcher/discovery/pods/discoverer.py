"""Which agents are in Kubernetes now? Pods are listed and watched, scope by scope."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from probes.contract import Limits, Target, TargetKey
from watcher.config.kubernetes import KubernetesSettings
from watcher.config.replicas import Shard
from watcher.discovery.identities.cluster_spiffe_id_watch import ClusterSpiffeIdWatch
from watcher.discovery.identities.declared import DeclaredIds
from watcher.discovery.pods.cache_file import CachedPod, DiscoveryCache, Fleet
from watcher.discovery.pods.reconciler import Reconciler
from watcher.discovery.pods.scope import PodListener, Scope, SeenPod
from watcher.discovery.pods.target import PodState
from watcher.kube.access import Access
from watcher.kube.list_watch import ListWatch, Patience
from watcher.kube.pod_ref import PodRef
from watcher.kube.reachability import Reachability

log = logging.getLogger(__name__)

_PATIENCE = Patience()
_WHOLE_FLEET = Shard()


class Discoverer:
    """Runs followers and keeps what they find; `changed` is set when the targets may be others."""

    def __init__(
        self,
        settings: KubernetesSettings,
        limits: Mapping[str, Limits],
        state_dir: Path | None,
        now: Callable[[], float],
        uniform: Callable[[float, float], float],
        patience: Patience = _PATIENCE,
        shard: Shard = _WHOLE_FLEET,
        date_of: Callable[[float], float] = float,
    ) -> None:
        """`now`: steady seconds; `date_of`: their Unix seconds, the same where nobody sets the clock."""
        self._settings, self._now = settings, now
        self._access = Access(settings.kubeconfig)
        self._memory = DiscoveryCache(state_dir)
        self._pods: dict[TargetKey, PodRef] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._cached: Fleet | None = None  # what an earlier process knew
        names = [""] if settings.namespaces == "all" else list(settings.namespaces)
        self._fleet = Fleet(settings.selector, shard, tuple(names))
        self._declared = DeclaredIds(settings, self._access, state_dir, now, uniform, patience, self._declared_anew)
        self._named = self._declared.named()
        self._reconciler = Reconciler(settings, limits, self._access, self._declared, now, self._spawn, date_of)
        self.changed = self._reconciler.changed
        of_all = (self._reconciler.touch, now, shard, self._declared.named, settings.labels_to_alerts)
        self.scopes = [Scope(name, *of_all) for name in names]
        self._reconciler.scopes = self.scopes
        self._followers = [
            ListWatch(self._access, _path(scope.name), settings.selector, scope, patience, uniform)
            for scope in self.scopes
        ]
        self._following: list[asyncio.Task[None]] = []

    async def start(self, wait: float) -> None:
        """Begin, and wait until each scope was listed once or could not be; for at most so many seconds."""
        await self._declared.restore()
        await self._restore()
        for job in (*self._declared.jobs(), *self._reconciler.carried.jobs()):
            self._spawn(job)
        await self._declared.first()
        self._follow()
        self._spawn(self._reconciler.reconcile_for_ever())
        self._spawn(self._reconciler.attempts.retry_for_ever(self.scopes))
        self._spawn(self._reconciler.attempts.refresh_for_ever(self.scopes))
        tried = asyncio.gather(*(scope.tried.wait() for scope in self.scopes))
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await tried
                await self._reconciler.synced.wait()

    async def close(self) -> None:
        """Stop, and close all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._declared.close()
        await self._reconciler.close()
        await self._access.close()

    async def remember(self) -> None:
        """Write what is known to the state directory; OSError where the disk does not take it."""
        kept = [
            CachedPod(seen.pod, seen.details, seen.known)
            for scope in self.scopes
            for seen in scope.pods.values()
            if seen.details is not None and seen.known is not None
        ]
        if any(scope.last_success is not None for scope in self.scopes):
            listed = [scope.name for scope in self.scopes if scope.last_success is not None or self._is_cached(scope)]
            await self._memory.write(kept, replace(self._fleet, namespaces=tuple(listed)))
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

    def raise_failure(self) -> None:
        """Raise what ended a part of the discovery: without it, what is found would grow old and nobody would know."""
        if self._failure is not None:
            raise self._failure

    def pod_of(self, key: TargetKey) -> PodRef | None:
        """Which pod a target was when the targets were last asked for."""
        return self._pods.get(key)

    def tell(self, listener: PodListener) -> None:
        """Keep of each pod what the checklist needs, from the next time on that it is read, and tell this one."""
        for scope in self.scopes:
            scope.listener = listener

    @property
    def identities(self) -> ClusterSpiffeIdWatch | None:
        """What says which identities pods are given; None where the config does not ask for it."""
        return self._declared.watch

    @property
    def access(self) -> Access:
        """How the API server is asked; closed with this."""
        return self._access

    def states(self) -> Mapping[str, int]:
        """How many pods that were seen are what; every state is there."""
        count = Counter(seen.state for scope in self.scopes for seen in scope.pods.values())
        return {state.value: count[state] for state in PodState}

    def seen_pods(self) -> list[SeenPod]:
        """All that were seen, whatever they are."""
        return [seen for scope in self.scopes for seen in scope.pods.values()]

    @property
    def trouble(self) -> str:
        """Which scopes have not answered for a while, and why; empty where all do."""
        return "; ".join(filter(None, (contact.trouble for contact in self._contacts)))

    @property
    def is_known(self) -> bool:
        """Whether every scope was listed and all that was found is judged."""
        return self._reconciler.synced.is_set() and all(scope.last_success is not None for scope in self.scopes)

    @property
    def unready(self) -> str:
        """Why what is found stands for no fleet yet; empty after a first discovery that succeeded.

        Until then what an earlier process found does, but only through an outage: who is denied is blind.
        """
        denied = [each for each in self._contacts if each.last_success is None and each.denied]
        missing = [each for each in self.scopes if each.last_success is None]
        blind = [each for each in missing if not (each.excuses_cache and self._is_cached(each))]
        return next((each.unanswered for each in (*denied, *blind)), "")

    @property
    def denied(self) -> bool:
        """Whether the API server said once that we may not ask."""
        return any(each.denied for each in self._contacts)

    @property
    def failure(self) -> str:
        """Which scopes do not answer right now, and why."""
        return "; ".join(filter(None, (contact.failure for contact in self._contacts)))

    @property
    def _contacts(self) -> Sequence[Reachability]:
        return [*self.scopes, *self._declared.contacts]

    def adopt(self, limits: Mapping[str, Limits]) -> None:
        """Judge by these limits from now on."""
        self._reconciler.adopt(limits)

    def _follow(self) -> None:
        self._named = self._declared.named()
        self._following = [self._spawn(follower.follow()) for follower in self._followers]

    def _declared_anew(self) -> None:
        self._reconciler.touch_all()
        if self._following and self._declared.named() != self._named:
            for task, follower in zip(self._following, self._followers, strict=True):
                task.cancel()
                follower.start_over()  # annotations were let go that are wanted now
            self._follow()

    def _is_cached(self, scope: Scope) -> bool:
        return self._cached is not None and self._cached.covers(self._fleet, scope.name)

    async def _restore(self) -> None:
        found = await asyncio.to_thread(self._memory.read)
        self._cached = found.fleet
        for kept in found.pods:
            scope = next((each for each in self.scopes if each.name in ("", kept.pod.namespace)), None)
            if scope is not None and scope.shard.owns(kept.pod.namespace, kept.pod.name):
                seen = SeenPod(kept.pod, kept.details, known=kept.known, since=self._now())
                scope.pods[kept.pod.uid] = seen
                self._reconciler.attempts.restore(seen)
                self._reconciler.reconcile(seen)

    def _spawn(self, job: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error
            self.changed.set()


def _path(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/pods" if namespace else "/api/v1/pods"
