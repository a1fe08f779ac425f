"""What is seen in one collection of pods, and whether the API server answers for it?"""

from collections.abc import Callable
from dataclasses import dataclass

from watcher.config.shard import Shard
from watcher.discovery.pod.pod import Pod, read_pod
from watcher.discovery.pods.details import Details
from watcher.discovery.pods.target import FoundPod, Known
from watcher.kube.reachability import Reachability
from watcher.kube.requests import Raw

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

    @property
    def wants_details(self) -> bool:
        """Whether they are to be read, for the first time or again."""
        return self.details is None or self.outdated_at is not None


class Scope(Reachability):
    """One collection of pods that is followed: a namespace, or all of them."""

    def __init__(
        self,
        name: str,
        on_change: Callable[[str], None],
        now: Callable[[], float],
        shard: Shard,
        named: Callable[[], frozenset[str] | None],
    ) -> None:
        """`name`: empty for all; `on_change` is given the uid; `named`: annotations that ClusterSPIFFEIDs name."""
        super().__init__(name or "all namespaces", {"namespace": name or "all"}, now)
        self.name, self._on_change, self.shard, self._named = name, on_change, shard, named
        self.pods: dict[str, SeenPod] = {}  # by uid

    def put(self, raw: Raw) -> None:
        """A pod is new or changed; one of another shard is let go."""
        if not self.shard.owns(str(raw["metadata"]["namespace"]), str(raw["metadata"]["name"])):
            return
        pod = read_pod(raw, self._named())
        seen = self.pods.get(pod.uid)
        if seen is None:
            self.pods[pod.uid] = SeenPod(pod)
        elif seen.pod == pod:
            seen.pod = pod  # shares what it can with others, which one of an old process does not
            return
        else:
            if (seen.pod.config, seen.pod.restarts) != (pod.config, pod.restarts):
                seen.outdated_at = self.now()  # an agent reads its config when it starts
            seen.pod = pod
        self._on_change(pod.uid)

    def remove(self, uid: str) -> None:
        """A pod is gone."""
        if self.pods.pop(uid, None) is not None:
            self._on_change(uid)

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
        for uid in self.pods.keys() - uids:
            self.remove(uid)
        self.tried.set()
