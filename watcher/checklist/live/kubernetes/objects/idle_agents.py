"""Agents without a pod that ever started, such as those scaled to zero: told by their workloads alone."""

from collections.abc import Iterable, Mapping

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentRef, KubeObject, Missing
from probes.controls.evidence.agent_config import NOT_SET
from watcher.checklist.live.accounts import Account, account
from watcher.checklist.live.kubernetes.configs.agent_files import config_of
from watcher.checklist.live.kubernetes.configs.config_maps import ConfigMapReader
from watcher.checklist.live.kubernetes.objects.followed import Followed
from watcher.checklist.live.kubernetes.objects.presence import workload_presence
from watcher.checklist.live.kubernetes.objects.workloads import FOLLOWED, Workload
from watcher.checklist.live.kubernetes.pods.live_pods import LivePods
from watcher.checklist.live.kubernetes.pods.pod_owners import Key
from watcher.checklist.live.provider import Presence


class IdleAgents:
    """Gathered anew when pods or workloads are others."""

    def __init__(self, followed: Followed, pods: LivePods, config_maps: ConfigMapReader) -> None:
        self._followed, self._pods, self._config_maps = followed, pods, config_maps
        self._found: Mapping[AgentRef, KubeObject] = {}
        self._starting: frozenset[AgentRef] = frozenset()
        self._accounts: frozenset[Account] = frozenset()
        self._touched = True
        self._changes, self._not_started = -1, frozenset[Key]()

    def touch(self) -> None:
        """Some workload is another."""
        self._touched = True

    def agents(self) -> frozenset[AgentRef]:
        """All of them."""
        now = self._pods.owners.changes, self._pods.not_started
        if self._touched or (self._changes, self._not_started) != now:
            self._touched, (self._changes, self._not_started) = False, now
            self._found = self._gathered()
            self._accounts = frozenset(_account(agent, each) for agent, each in self._found.items())
        return frozenset(self._found)

    def starting(self) -> frozenset[AgentRef]:
        """Those that have pods of which none has started ever, and whose name is certain."""
        self.agents()
        return self._starting

    def accounts(self) -> Iterable[Account]:
        """As whom their pods would run."""
        self.agents()
        return self._accounts

    def workload_of(self, agent: AgentRef) -> KubeObject | None:
        """What makes the pods of one that has none."""
        return self._found.get(agent)

    def _gathered(self) -> Mapping[AgentRef, KubeObject]:
        owners, there = self._pods.owners, set(self._pods.agents())
        workloads = {
            (each.kind, each.namespace, each.name): each
            for collection in self._followed.every(FOLLOWED)
            for each in collection.all()
        }
        owners.forget(self._is_there, self._followed.now())
        found: dict[AgentRef, KubeObject] = {}
        starting = set[AgentRef]()
        for key, each in workloads.items():
            idle = key in self._pods.not_started or not owners.has_pods(key)
            if idle and (workload := Workload(each)).is_agent:
                agent = AgentRef(each.namespace, self._name(key, workload))
                if agent not in there:
                    found.setdefault(agent, each)
                    if key in self._pods.not_started and owners.name_of(key):
                        starting.add(agent)
        self._starting = frozenset(starting)
        return found

    def _is_there(self, key: Key) -> bool | None:
        """None: that cannot be told."""
        said = workload_presence(key, self._followed)
        return None if said is Presence.UNTOLD else said is Presence.WORKLOAD

    def _name(self, key: Key, workload: Workload) -> str:
        """As its pods were called, else by its config, else by its labels."""
        if name := self._pods.owners.name_of(key):
            return name
        config = config_of(workload.configs, self._config_maps)
        if isinstance(config, Missing) and config.reason is not UnknownReason.SOURCE_MISSING:
            return workload.agent  # it may say another name
        said = NOT_SET if isinstance(config, Missing) else config[2].read("", in_place=None).get("agent.name")
        named = isinstance(said, str) and bool(said)
        name = str(said) if named else workload.agent
        if named or key in self._pods.not_started:
            self._pods.owners.call(key, name)
        return name


def _account(agent: AgentRef, found: KubeObject) -> Account:
    return account(agent.namespace, Workload(found).template().service_account or "default")
