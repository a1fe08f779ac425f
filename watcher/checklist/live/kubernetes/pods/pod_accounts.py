"""As whom do pods of agents run? Those of all shards, also before it is known whose agent each is."""

from collections import Counter
from collections.abc import Iterator

from watcher.checklist.live.accounts import Account, account
from watcher.discovery.pod.pod import Pod
from watcher.discovery.pods.scope import SeenPod
from watcher.discovery.pods.target import PodState


class PodAccounts:
    """Told of each pod that is an agent or may be one."""

    def __init__(self) -> None:
        self._certain: dict[str, Account] = {}  # by uid
        self._pods = Counter[Account]()  # of each that is certain: thousands of pods have a few
        self._maybe: dict[str, tuple[Account, SeenPod | None]] = {}  # by uid; None: of another shard

    def put(self, pod: Pod, seen: SeenPod | None) -> None:
        """A pod is there; `seen`: what this shard makes of it, None where another shard looks at it."""
        self.remove(pod.uid)
        if pod.unreadable:
            self._maybe[pod.uid] = account(pod.namespace), seen
        elif pod.is_agent:
            found = self._certain[pod.uid] = account(pod.namespace, pod.service_account)
            self._pods[found] += 1
        elif pod.question is not None:
            self._maybe[pod.uid] = account(pod.namespace, pod.service_account, certain=False), seen

    def remove(self, uid: str) -> None:
        """A pod is gone."""
        self._maybe.pop(uid, None)
        if (found := self._certain.pop(uid, None)) is not None:
            self._pods[found] -= 1
            if not self._pods[found]:
                del self._pods[found]

    def all(self) -> Iterator[Account]:
        """As far as they are agents; those of which it is not known yet, as uncertain."""
        yield from self._pods
        for found, seen in self._maybe.values():
            if seen is not None and seen.known is not None:
                yield Account(found.name)
            elif seen is None or seen.state is not PodState.NOT_AGENT:
                yield found
