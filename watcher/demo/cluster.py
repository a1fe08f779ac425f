"""The pods of the demo's agents as a cluster would tell them, so that one of them can be rolled out."""

import time
from collections.abc import Callable, Collection
from hashlib import sha256

from probes.controls.evidence import AgentRef
from watcher.rollouts.seen.cluster import Workload
from watcher.rollouts.seen.groups import Wanted
from watcher.rollouts.seen.running import DIGEST, RunningPod


class SimulatedPods:
    """One pod an agent; a new version is a new pod of the same name."""

    trouble = ""

    def __init__(self, namespace: str, names: Collection[str], version: str) -> None:
        """All run this version."""
        self._namespace, self._made = namespace, 0
        self.on_change: Callable[[AgentRef], None] = lambda _: None
        self._pods: dict[AgentRef, RunningPod] = {}
        for name in names:
            self.roll_out(name, version)

    def roll_out(self, name: str, version: str) -> None:
        """The agent runs this version from now on."""
        self._made += 1
        now = time.time()
        self._pods[AgentRef(self._namespace, name)] = RunningPod(
            uid=f"{name}-{self._made}",
            name=f"{name}-0",
            template=sha256(version.encode()).hexdigest()[:10],
            reference=f"demo/{name}:{version}",
            digest=f"{DIGEST}{sha256(f'{name}:{version}'.encode()).hexdigest()}",
            config="",
            created_at=now,
            ready_since=now,
            ends=False,
        )
        self.on_change(AgentRef(self._namespace, name))

    def agents(self) -> Collection[AgentRef]:
        """All of them."""
        return self._pods.keys()

    def is_gone(self, agent: AgentRef) -> bool:
        """Whether there is no such agent."""
        return agent not in self._pods

    def pods(self, agent: AgentRef) -> list[RunningPod]:
        """The only one."""
        return [self._pods[agent]] if agent in self._pods else []

    def wanted(self, agent: AgentRef) -> Wanted:
        """One pod, of a Deployment."""
        return Wanted(replicas=1, name=f"deployment/{agent.agent}", claimed={"engineer": "the demo"})

    def workload(self, agent: AgentRef) -> Workload | None:
        """What makes its pod; nobody writes Events on it."""
        return Workload("Deployment", agent.namespace, agent.agent, "") if agent in self._pods else None

    def keep_only(self) -> None:
        """Nothing is remembered of what is gone."""
