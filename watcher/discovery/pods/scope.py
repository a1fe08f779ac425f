"""What is seen in one collection of pods, and whether the API server answers for it?"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from watcher.config.replicas import Shard
from watcher.discovery.pod.kept.pod import KeptPod, keep_pod
from watcher.discovery.pod.pod import Pod, only_named, read_pod
from watcher.discovery.pods.details import Details
from watcher.discovery.pods.target import FoundPod, Known, PodState
from watcher.kube.objects import MALFORMED_OBJECT, Raw
from watcher.kube.reachability import Reachability

NO_POD = ""
"""In place of a uid: all pods may be the same, and yet they mean something else."""


@dataclass(slots=True)
class SeenPod:
    """One pod, and what was made of it."""

    pod: Pod
    details: Details | None = None  # None until they were read
    outdated_at: float | None = None  # steady seconds: what was read before does not count any more
    known: Known | None = None
    found: FoundPod | None = None
    since: float = 0.0  # steady seconds at which it came to what it is
    kept: KeptPod | None = None  # for the checklist, where somebody listens
    failures: int = 0  # attempts in a row to read its details that failed, at least in a part
    tried_at: float = 0.0  # steady seconds of the last one

    @property
    def state(self) -> PodState:
        """What it is; before that is known it is pending."""
        return self.found.state if self.found is not None else PodState.PENDING

    @property
    def waits_for_its_start(self) -> bool:
        """And not for what is to be learnt of it."""
        return self.found is not None and self.found.known is None and self.state is PodState.PENDING

    @property
    def wants_details(self) -> bool:
        """Whether they are to be read, for the first time or again."""
        return self.details is None or self.outdated_at is not None


NOT_WATCHED_AFTER = 900.0
"""Seconds after which a pod that is no target is told of: a start takes minutes."""

_NOT_WATCHED = (PodState.REFUSED, PodState.NOT_AGENT, PodState.PENDING)


def not_watched(seen_pods: Iterable[SeenPod], now: float) -> Mapping[tuple[str, ...], int]:
    """How many pods somebody may take for watched that are not, by namespace and state; `now` in steady seconds."""
    return Counter(
        (seen.pod.namespace, state.value)
        for seen in seen_pods
        if (state := seen.state) in _NOT_WATCHED and now - seen.since >= NOT_WATCHED_AFTER
    )


class PodListener(Protocol):
    """Who is told what is kept of pods for the checklist."""

    def seen(self, seen: SeenPod, before: KeptPod | None) -> None:
        """What is kept of this pod is another than before."""

    def gone(self, seen: SeenPod) -> None:
        """This pod is there no more."""

    def elsewhere(self, pod: Pod) -> None:
        """This pod is there, and another shard looks at it. Told once: who made it and as whom it runs stays."""

    def gone_elsewhere(self, uid: str) -> None:
        """This pod of another shard is there no more."""


class Scope(Reachability):
    """One collection of pods that is followed: a namespace, or all of them."""

    def __init__(
        self,
        name: str,
        on_change: Callable[[str], None],
        now: Callable[[], float],
        shard: Shard,
        named: Callable[[], frozenset[str] | None],
        carried: Collection[str] = (),
    ) -> None:
        """`name`: empty for all; `on_change` is given the uid; `named`: annotations that ClusterSPIFFEIDs name.

        `carried`: labels for alerts.
        """
        super().__init__(name or "all namespaces", {"namespace": name or "all"}, now)
        self.name, self._on_change, self.shard, self._named = name, on_change, shard, named
        self._carried = carried
        self.pods: dict[str, SeenPod] = {}  # by uid
        self._elsewhere: set[str] = set()  # uids of pods of other shards, where somebody listens
        self.listener: PodListener | None = None

    def put(self, raw: Raw) -> None:
        """A pod is new or changed; of one of another shard it is only told that it is there."""
        if not self.shard.owns(str(raw["metadata"]["namespace"]), str(raw["metadata"]["name"])):
            self._put_elsewhere(raw)
            return
        pod = _read(raw, self._named(), self._carried)
        self._put(pod)
        if self.listener is not None:
            self._keep(self.pods[pod.uid], raw, self.listener)

    def _put_elsewhere(self, raw: Raw) -> None:
        uid = str(raw["metadata"]["uid"])
        if self.listener is not None and uid not in self._elsewhere:
            self._elsewhere.add(uid)
            self.listener.elsewhere(_read(raw, None, ()))

    def _put(self, pod: Pod) -> None:
        seen = self.pods.get(pod.uid)
        if seen is None:
            self.pods[pod.uid] = SeenPod(pod, since=self.now())
        elif seen.pod == pod:
            seen.pod = pod  # shares what it can with others, which one of an old process does not
            return
        else:
            if _process(seen.pod) != _process(pod):
                seen.outdated_at = self.now()  # an agent reads its config when it starts
            seen.pod = pod
        self._on_change(pod.uid)

    def _keep(self, seen: SeenPod, raw: Raw, listener: PodListener) -> None:
        before = seen.kept
        try:
            seen.kept = keep_pod(raw)
        except MALFORMED_OBJECT:  # who it is, and that it cannot be read, is told of the pod itself
            seen.kept = None
        if seen.kept != before:
            listener.seen(seen, before)

    def remove(self, uid: str) -> None:
        """A pod is gone."""
        if (seen := self.pods.pop(uid, None)) is not None:
            self._on_change(uid)
            if self.listener is not None:
                self.listener.gone(seen)
        elif self.listener is not None and uid in self._elsewhere:
            self._elsewhere.remove(uid)
            self.listener.gone_elsewhere(uid)

    def answered(self) -> None:
        """The API server answered; for the first time, that matters though no pod may be another."""
        first = self.last_success is None
        super().answered()
        if first:
            self._on_change(NO_POD)

    def failed(self, why: str, error: Exception) -> None:
        """It does not; what was found stays, and now stands for the fleet or does not any more."""
        before = self.excuses_cache
        super().failed(why, error)
        if self.excuses_cache != before:
            self._on_change(NO_POD)

    def listed(self, uids: set[str]) -> None:
        """What is not among these is gone."""
        for uid in (self.pods.keys() | self._elsewhere) - uids:
            self.remove(uid)
        self.tried.set()


def _read(raw: Raw, named: frozenset[str] | None, carried: Collection[str]) -> Pod:
    try:
        return read_pod(raw, named, carried)
    except MALFORMED_OBJECT as error:  # it is there, and somebody may look for it
        return only_named(raw, f"its object cannot be read: {type(error).__name__}: {error}"[:300])


def _process(pod: Pod) -> tuple[object, ...]:
    """What changes with the config that the agent has read."""
    return pod.place, pod.question, pod.restarts
