"""Which workloads have pods, and what are their agents called?"""

from collections import Counter
from collections.abc import Callable

from watcher.checklist.live.kubernetes.objects.workloads import owner_of
from watcher.discovery.pod.pod import Pod

Key = tuple[str, str, str]  # kind, namespace and name of a workload


class PodOwners:
    """Told of each pod."""

    def __init__(self) -> None:
        self._of_pod: dict[str, Key] = {}  # by uid
        self._count: Counter[Key] = Counter()
        self._names: dict[Key, str] = {}
        self.changes = 0  # goes up whenever a workload gets its first pod or loses its last one

    def put(self, pod: Pod) -> None:
        """A pod is there, of this shard or of another."""
        if pod.uid not in self._of_pod:
            kind, name = owner_of(pod)
            key = self._of_pod[pod.uid] = (kind, pod.namespace, name)
            self._count[key] += 1
            self.changes += self._count[key] == 1

    def remove(self, uid: str) -> None:
        """A pod is gone."""
        if (key := self._of_pod.pop(uid, None)) is not None:
            self._count[key] -= 1
            if not self._count[key]:
                del self._count[key]
                self.changes += 1

    def name(self, uid: str, agent: str) -> None:
        """The agent of this pod is called so."""
        if (key := self._of_pod.get(uid)) is not None:
            self._names[key] = agent

    def call(self, key: Key, agent: str) -> None:
        """The agent of this workload is called so."""
        self._names[key] = agent

    def name_of(self, key: Key) -> str:
        """What the agent of a workload is called, or was when it had pods; empty where that is not known."""
        return self._names.get(key, "")

    def has_pods(self, key: Key) -> bool:
        """Whether the workload has any."""
        return key in self._count

    def forget(self, is_there: Callable[[Key], bool]) -> None:
        """Forget names of workloads that have no pods and are not there any more."""
        for key in [each for each in self._names if each not in self._count and not is_there(each)]:
            del self._names[key]
