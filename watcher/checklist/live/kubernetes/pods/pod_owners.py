"""Which workloads have pods, and what are their agents called?"""

from collections import defaultdict
from collections.abc import Callable, Collection

from probes.controls.evidence import AgentRef
from watcher.checklist.live.kubernetes.objects.workloads import owner_of
from watcher.discovery.pod.pod import Pod

Key = tuple[str, str, str]  # kind, namespace and name of a workload

KEPT_FOR = 3600.0
"""Seconds for which the name of a workload is known that has no pods, and that cannot be read."""


class PodOwners:
    """Told of each pod."""

    def __init__(self) -> None:
        self._of_pod: dict[str, Key] = {}  # by uid
        self._pods: defaultdict[Key, set[str]] = defaultdict(set)  # uids
        self._names: dict[Key, str] = {}
        self._keys: defaultdict[AgentRef, set[Key]] = defaultdict(set)  # the same the other way round
        self._without: dict[Key, float] = {}  # since when those with a name have no pods and are not seen
        self.changes = 0  # goes up whenever a workload gets its first pod or loses its last one

    def put(self, pod: Pod) -> None:
        """A pod is there, of this shard or of another."""
        if pod.uid not in self._of_pod:
            kind, name = owner_of(pod)
            key = self._of_pod[pod.uid] = (kind, pod.namespace, name)
            self._pods[key].add(pod.uid)
            self.changes += len(self._pods[key]) == 1

    def remove(self, uid: str) -> None:
        """A pod is gone."""
        if (key := self._of_pod.pop(uid, None)) is not None:
            self._pods[key].discard(uid)
            if not self._pods[key]:
                del self._pods[key]
                self.changes += 1

    def name(self, uid: str, agent: str) -> None:
        """The agent of this pod is called so."""
        if (key := self._of_pod.get(uid)) is not None:
            self.call(key, agent)

    def call(self, key: Key, agent: str) -> None:
        """The agent of this workload is called so."""
        if self._names.get(key) != agent:
            self._forget(key)
            self._names[key] = agent
            self._keys[AgentRef(key[1], agent)].add(key)

    def name_of(self, key: Key) -> str:
        """What the agent of a workload is called, or was when it had pods; empty where that is not known."""
        return self._names.get(key, "")

    def key_of(self, uid: str) -> Key | None:
        """The workload of a pod."""
        return self._of_pod.get(uid)

    def keys_of(self, agent: AgentRef) -> Collection[Key]:
        """The workloads of an agent, those that have no pods any more too."""
        return tuple(self._keys.get(agent, ()))

    def pods_of(self, key: Key) -> Collection[str]:
        """The uids of the pods that a workload has."""
        return tuple(self._pods.get(key, ()))

    def has_pods(self, key: Key) -> bool:
        """Whether the workload has any."""
        return key in self._pods

    def forget(self, is_there: Callable[[Key], bool | None], now: float) -> None:
        """Forget names of workloads that have no pods and are not there any more; where that cannot be told (None),
        after a while. `now`: any scale of seconds."""
        for key in [each for each in self._names if each not in self._pods]:
            there = is_there(key)
            if there:
                self._without.pop(key, None)
            elif there is False or now - self._without.setdefault(key, now) >= KEPT_FOR:
                self._forget(key)
        for key in [each for each in self._without if each in self._pods]:
            del self._without[key]

    def _forget(self, key: Key) -> None:
        name = self._names.pop(key, None)
        self._without.pop(key, None)
        if name is not None:
            agent = AgentRef(key[1], name)
            self._keys[agent].discard(key)
            if not self._keys[agent]:
                del self._keys[agent]
