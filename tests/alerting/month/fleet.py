"""A simulated fleet: its agents, their pods, and what happens to them over a month."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from probes.contract import Fault, Target, TargetKey
from tests.alerting.month.kinds import CPU_LIMIT, POOL, POOL_CAPACITY, TRUST_DOMAIN, WELL, Ills, Kind
from tests.alerting.month.pod import Pod
from tests.drift.simulation import BASE

NODES = 4


class Later(NamedTuple):
    """Something that will happen."""

    at: float  # Unix seconds
    what: str  # a method of the fleet
    of: tuple[Any, ...]  # what it is given, beside the time


@dataclass(slots=True)
class Agent:
    """An agent as it is now."""

    kind: Kind
    ills: Ills = WELL
    ill_since: float = 0.0  # Unix seconds
    pods: list[Pod] = field(default_factory=list)

    def share(self, now: float) -> float:
        """What each pod has to do, where 1 is its share when all are there."""
        serving = sum(pod.serves(now) for pod in self.pods)
        return min(len(self.pods), self.kind.busy_pods) / serving if serving else 1.0


class Fleet:
    """All agents. Things happen by calling a method with the time; each says what follows from it."""

    def __init__(self, kinds: tuple[Kind, ...], seed: str, now: float) -> None:
        self.agents = {kind.name: Agent(kind) for kind in kinds}
        self.pods: dict[TargetKey, Pod] = {}
        self.random = Random(seed)
        self.seed = seed
        self.spire = True  # whether SVIDs are issued
        self.silent_until = 0.0  # for the watcher, which alone cannot reach anything
        self.published: list[tuple[float, str]] = [(now - 86400, "r0")]
        self.changed = True  # other pods than at the last `targets`
        self._made = 0
        for kind in kinds:
            for _ in range(kind.pods):
                self._add(kind.name, now, ready=now)

    def targets(self, limits: Mapping[str, object]) -> list[Target]:
        """What discovery would find."""
        self.changed = False
        return [_target(pod, limits) for pod in self.pods.values()]

    def deploy(self, now: float, name: str) -> Iterator[Later]:
        """Replace all pods of an agent, one after the other."""
        yield Later(now, "replace", (name, *(pod.key for pod in self.agents[name].pods)))

    def replace(self, now: float, name: str, *old: TargetKey) -> Iterator[Later]:
        """Start a pod for the first of these."""
        if old:
            new = self._add(name, now, ready=now + self.random.uniform(20, 40))
            yield Later(new.ready_at + self.random.uniform(3, 12), "swap", (name, *old))

    def swap(self, now: float, name: str, first: TargetKey, *others: TargetKey) -> Iterator[Later]:
        """The new pod is ready: end the first of the old ones, and go on with the others."""
        yield from self._end(first, now)
        yield Later(now + self.random.uniform(5, 15), "replace", (name, *others))

    def scale(self, now: float, name: str, pods: int) -> Iterator[Later]:
        """Have so many pods."""
        there = [pod for pod in self.agents[name].pods if not pod.ended]
        for _ in range(pods - len(there)):
            self._add(name, now, ready=now + self.random.uniform(20, 40))
        for pod in there[pods:]:
            yield from self._end(pod.key, now)

    def leave(self, now: float, key: TargetKey) -> Iterator[Later]:
        """Discovery has seen that this pod is gone."""
        del now
        pod = self.pods.pop(key, None)
        if pod is not None:
            self.agents[pod.kind.name].pods.remove(pod)
            self.changed = True
        return iter(())

    def restart(self, now: float, name: str, place: int, down: float) -> Iterator[Later]:
        """A process of an agent dies and is back after so many seconds."""
        agent = self.agents[name]
        agent.pods[place % len(agent.pods)].start_process(now + down, agent.ills.leak)
        self._breakers_open(name, now)
        return iter(())

    def blip(self, now: float, place: int, seconds: float, fault: Fault, whole_node: bool) -> Iterator[Later]:
        """The network to one pod, or to all of its node, fails for a moment."""
        pods = list(self.pods.values())
        hit = pods[place % len(pods)]
        for pod in pods:
            if pod is hit or (whole_node and pod.node == hit.node):
                pod.cut(fault, now + seconds)
        return iter(())

    def publish(self, now: float) -> Iterator[Later]:
        """A new revision of the policy bundle is there for all OPAs."""
        self.published.append((now, f"r{len(self.published)}"))
        return iter(())

    def fall_ill(self, now: float, name: str, ills: Ills) -> Iterator[Later]:
        """From now on an agent has these ills."""
        agent = self.agents[name]
        agent.ills, agent.ill_since = ills, now
        for pod in agent.pods:
            if ills.keeps_svid:  # that of a moment ago: when it is overdue must not be chance
                pod.svid_due = now
                pod.rotate(now)
            if ills.leak:  # a new version
                pod.start_process(now + 5, ills.leak)
        return iter(())

    def get_well(self, now: float, name: str) -> Iterator[Later]:
        """From now on it has none; a version that leaks is rolled back."""
        agent = self.agents[name]
        if agent.ills.leak:
            yield Later(now, "deploy", (name,))
        agent.ills = WELL
        self._catch_up(now)

    def stop_spire(self, now: float) -> Iterator[Later]:
        """No SVID is issued any more."""
        del now
        self.spire = False
        return iter(())

    def start_spire(self, now: float) -> Iterator[Later]:
        """SVIDs are issued again."""
        self.spire = True
        self._catch_up(now)
        return iter(())

    def cut_off(self, now: float, seconds: float) -> Iterator[Later]:
        """The watcher reaches nothing for so long."""
        self.silent_until = now + seconds
        return iter(())

    def _catch_up(self, now: float) -> None:
        for pod in self.pods.values():
            if pod.svid_due < now:
                pod.svid_due = now + self.random.uniform(1, 20)

    def _add(self, name: str, now: float, ready: float) -> Pod:
        agent = self.agents[name]
        self._made += 1
        key = TargetKey(agent.kind.namespace, agent.kind.agent, f"{agent.kind.agent}-{self._made:04x}")
        pod = Pod(agent.kind, key, self._made, f"node-{self.random.randrange(NODES)}", now, ready, self.seed)
        pod.process.leak = agent.ills.leak
        agent.pods.append(pod)
        self.pods[key] = pod
        self.changed = True
        return pod

    def _end(self, key: TargetKey, now: float) -> Iterator[Later]:
        pod = self.pods.get(key)
        if pod is not None:
            pod.ended = True
            self._breakers_open(pod.kind.name, now)
            yield Later(now + self.random.uniform(0, 5), "leave", (key,))

    def _breakers_open(self, callee: str, now: float) -> None:
        """Some callers of an agent that lost a pod stop calling it for a moment."""
        for agent in self.agents.values():
            for pod in agent.pods if callee in agent.kind.callees else ():
                if self.random.random() < 0.25:
                    pod.open_breaker(callee, now, self.random.uniform(10, 40))


def _target(pod: Pod, limits: Mapping[str, object]) -> Target:
    kind, host = pod.kind, f"10.0.{pod.number // 250}.{pod.number % 250 + 1}"
    return Target(
        key=pod.key,
        address=f"{host}:8443",
        spiffe_ids=(f"spiffe://{TRUST_DOMAIN}/{kind.namespace}/{kind.agent}",),
        metrics=f"http://{host}:9090/metrics",
        opa=f"http://{host}:8181",
        memory_limit=int(kind.memory_limit * BASE),
        cpu_limit=CPU_LIMIT,
        pool_capacity={POOL: POOL_CAPACITY},
        inferred=frozenset({"address", "metrics", "opa"} if kind.discovered else ()),
        limits=limits,  # type: ignore[arg-type]  # those of the settings
        node=pod.node,
        workload=f"deployment/{kind.agent}",
        grace_until=pod.ready_at,  # as the discovery in Kubernetes has it: until the pod is Ready
    )
