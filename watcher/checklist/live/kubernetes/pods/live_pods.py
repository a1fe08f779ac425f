"""Which pods has each agent, and what is known of each? Told by the discovery, which reads them anyway."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from probes.contract import Target
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentRef, LivePod, Missing, PodTemplate, Seen
from watcher.checklist.live.accounts import UNLISTED, Account, account
from watcher.checklist.live.kubernetes.pods.identities import entries_of, unread
from watcher.checklist.live.kubernetes.pods.pod_accounts import PodAccounts
from watcher.checklist.live.kubernetes.pods.pod_facts import pod_facts
from watcher.checklist.live.kubernetes.pods.pod_memory import PodMemory
from watcher.checklist.live.kubernetes.pods.pod_owners import Key, PodOwners
from watcher.checklist.live.provider import PodFacts, SourceDates, Sources, SourcesOfPods, dates_in
from watcher.discovery.identities.cluster_spiffe_id_watch import ClusterSpiffeIdWatch
from watcher.discovery.pod.kept.pod import KeptPod
from watcher.discovery.pod.kept.template import KeptTemplate
from watcher.discovery.pod.pod import Pod
from watcher.discovery.pods.scope import Scope, SeenPod
from watcher.discovery.pods.target import PodState

POD, ENTRIES = SourceName.KUBERNETES_POD, SourceName.CLUSTER_SPIFFE_ID
_AT_ONCE = 500
"""Pods whose agents are learnt in one turn of the loop."""

_LISTED = Missing(UnknownReason.SOURCE_MISSING, "The config lists it, and it is not found in Kubernetes.")
_UNREAD = Missing(UnknownReason.UNPARSEABLE, "The object of the pod cannot be read.")


class LivePods:
    """A listener of the discovery."""

    def __init__(
        self, scopes: Sequence[Scope], identities: ClusterSpiffeIdWatch | None, date_of: Callable[[float], float]
    ) -> None:
        """`date_of`: Unix seconds of steady ones."""
        self._scopes, self._identities, self._date_of = scopes, identities, date_of
        self._pods: dict[tuple[str, str], SeenPod] = {}  # by namespace and name
        self._of_agent: defaultdict[AgentRef, dict[str, SeenPod]] = defaultdict(dict)  # by uid
        self._agent_of: dict[str, AgentRef] = {}  # by uid
        self._unplaced: dict[str, tuple[SeenPod, KeptPod | None]] = {}  # whose agent is not known yet, by uid
        self._revisions: defaultdict[AgentRef, dict[str, float]] = defaultdict(dict)  # Unix seconds of its first pod
        self._changed: set[AgentRef] = set()
        self.on_change: Callable[[AgentRef], None] = lambda _: None  # a pod of this agent is another, or gone
        self.not_started: frozenset[Key] = frozenset()  # workloads with pods that are agents and never started
        self.memory = PodMemory()
        self.owners = PodOwners()
        self._accounts = PodAccounts()

    def seen(self, seen: SeenPod, before: KeptPod | None) -> None:
        """What is kept of this pod is another than before."""
        self._pods[seen.pod.namespace, seen.pod.name] = seen
        self.owners.put(seen.pod)
        self._accounts.put(seen.pod, seen)
        if not self._place(seen, before):
            self._unplaced.setdefault(seen.pod.uid, (seen, before))
            self._tell_unplaced(seen)

    def gone(self, seen: SeenPod) -> None:
        """This pod is there no more."""
        key, uid = (seen.pod.namespace, seen.pod.name), seen.pod.uid
        if self._pods.get(key) is seen:
            del self._pods[key]
        if self._unplaced.pop(uid, None) is not None:
            self._tell_unplaced(seen)
        self.gone_elsewhere(uid)
        self.memory.forget(uid)
        if (agent := self._agent_of.pop(uid, None)) is not None:
            self._leave(uid, agent)

    def elsewhere(self, pod: Pod) -> None:
        """A pod that another shard looks at: its workload has pods, and its account may be an agent's."""
        self.owners.put(pod)
        self._accounts.put(pod, None)

    def gone_elsewhere(self, uid: str) -> None:
        """This pod of another shard is there no more."""
        self.owners.remove(uid)
        self._accounts.remove(uid)

    def accounts(self) -> Iterator[Account]:
        """As whom agents of all shards run; uncertain, whichever it may be where pods were not listed yet."""
        yield from self._accounts.all()
        for scope in self._scopes:
            if scope.last_success is None:
                yield account(scope.name) if scope.name else UNLISTED

    def take_changed(self) -> Collection[AgentRef]:
        """Whose pods changed since this was asked last."""
        self.placed()
        changed, self._changed = self._changed, set()
        return changed

    def placed(self) -> Collection[AgentRef]:
        """All that have pods, by what is known of their agents now."""
        known = (each for each in self._unplaced.items() if each[1][0].known is not None)
        for uid, (seen, before) in list(islice(known, _AT_ONCE)):
            self._place(seen, before)
            del self._unplaced[uid]
        waiting = (uid for uid, (seen, _) in self._unplaced.items() if seen.pod.is_agent and seen.waits_for_its_start)
        self.not_started = frozenset(key for uid in waiting if (key := self.owners.key_of(uid)) is not None)
        return self.agents()

    @property
    def is_behind(self) -> bool:
        """Whether there are more pods whose agents are known now."""
        return any(seen.known is not None for seen, _ in self._unplaced.values())

    def of(self, agent: AgentRef, targets: Iterable[Target] = ()) -> Mapping[str, SeenPod | None]:
        """All pods of an agent by name, those that end and those that never started too; None: only a list has it."""
        found: dict[str, SeenPod | None] = {}
        for target in targets:
            seen = found[target.key.pod] = self._pods.get((agent.namespace, target.key.pod))
            if seen is not None and self._agent_of.get(seen.pod.uid) != agent:
                self._move(seen, agent)
        for each in list(self._of_agent.get(agent, {}).values()):
            found.setdefault(each.pod.name, each)
        return found

    def all_of(self, agent: AgentRef) -> Sequence[SeenPod]:
        """All pods of an agent, with those of its workloads that never told what they are called."""
        uids = (uid for key in self.owners.keys_of(agent) for uid in self.owners.pods_of(key))
        new = [self._unplaced[uid][0] for uid in uids if uid in self._unplaced]
        return [*self._of_agent.get(agent, {}).values(), *new]

    def sources(self, agent: AgentRef, pods: Mapping[str, SeenPod | None]) -> Mapping[str, Sources]:
        """What is known of each."""
        at, templates = self.observed_at(agent.namespace), dict[KeptTemplate, PodTemplate]()

        def of_pod(name: str) -> Sources:
            return {POD: self._evidence(agent, pods[name], templates), ENTRIES: self._entries(pods[name])}

        def dates(name: str) -> SourceDates:
            read = {POD: at} if (seen := pods[name]) is not None and seen.kept is not None else {}
            return {**read, **dates_in({ENTRIES: self._entries(seen)})}

        return SourcesOfPods(pods.keys(), of_pod, dates)

    def facts(self, agent: AgentRef, pods: Mapping[str, SeenPod | None]) -> Mapping[str, PodFacts]:
        """What the votes of its pods depend on."""
        kept = {name: seen for name, seen in pods.items() if seen is not None and seen.kept is not None}
        first = self._revisions.get(agent, {})
        for old in first.keys() - {seen.kept.run.revision for seen in kept.values() if seen.kept is not None}:
            del first[old]  # one that comes back is a new one
        return {name: pod_facts(seen.pod, seen.kept.run, first) for name, seen in kept.items() if seen.kept is not None}

    def agents(self) -> Collection[AgentRef]:
        """All that have pods."""
        return self._of_agent.keys()

    def has_any(self, agent: AgentRef) -> bool:
        """Whether there is a pod of it in any state, or one of its workload of which is not known yet what it is."""
        return any(seen.state is not PodState.NOT_AGENT for seen in self.all_of(agent))

    def revisions(self) -> Iterator[tuple[AgentRef, str]]:
        """Of all agents, those that have pods."""
        return ((agent, revision) for agent, known in self._revisions.items() for revision in known)

    def missing(self, namespace: str) -> Missing | None:
        """Why pods of this namespace have not been read yet; None where they were."""
        scope = next((each for each in self._scopes if each.name in ("", namespace)), None)
        if scope is None or scope.last_success is not None:
            return None
        if scope.refused:
            return Missing(UnknownReason.FORBIDDEN, "The pods may not be listed.")
        if scope.why:
            return Missing(UnknownReason.UNREACHABLE, "The API server cannot be asked for pods.")
        return Missing(UnknownReason.UNREACHABLE, "The pods have not been listed yet.")

    def down(self) -> str:
        """Why the API server does not tell of pods right now, one word of UnknownReason; empty where it does."""
        for scope in self._scopes:
            if scope.refused:
                return UnknownReason.FORBIDDEN
            if scope.trouble or scope.last_success is None:
                return UnknownReason.UNREACHABLE
        return ""

    def observed_at(self, namespace: str) -> float:
        """Unix seconds at which what is known of pods there was so for certain."""
        scope = next((each for each in self._scopes if each.name in ("", namespace)), None)
        last = scope.last_success if scope is not None else None
        return 0.0 if last is None else self._date_of(last)

    def _evidence(
        self, agent: AgentRef, seen: SeenPod | None, templates: dict[KeptTemplate, PodTemplate]
    ) -> Seen[object] | Missing:
        if seen is None:
            return self.missing(agent.namespace) or _LISTED
        kept = seen.kept
        if kept is None:
            return self.missing(agent.namespace) or _UNREAD
        template = templates.get(kept.template)
        if template is None:
            template = templates[kept.template] = kept.template.read()
        live = LivePod(
            template,
            kept.run,
            kept.template.opa,
            kept.template.opa_on_loopback,
            starts=self.memory.starts(agent, kept.run.revision),
            first_ended=self.memory.first_ended(seen.pod.uid),
            terminations=self.memory.ends(agent),
        )
        ref = f"pod/{seen.pod.namespace}/{seen.pod.name}"
        return Seen(live, self.observed_at(seen.pod.namespace), ref)

    def _entries(self, seen: SeenPod | None) -> Seen[object] | Missing:
        watch = self._identities
        if seen is None:
            return unread(watch) or _LISTED
        at = 0.0 if watch is None or watch.last_success is None else self._date_of(watch.last_success)
        return entries_of(seen.pod, watch, at)

    def _place(self, seen: SeenPod, before: KeptPod | None) -> bool:
        """Whether its agent is known."""
        if seen.known is None:
            return False
        agent = AgentRef(seen.pod.namespace, seen.known.agent)
        self._move(seen, agent)
        self._changed.add(agent)
        self.on_change(agent)
        self.memory.note(agent, seen, before)
        if seen.kept is not None:
            run, known = seen.kept.run, self._revisions[agent]
            known[run.revision] = min(known.get(run.revision, run.created_at), run.created_at)
        return True

    def _move(self, seen: SeenPod, agent: AgentRef) -> None:
        uid, before = seen.pod.uid, self._agent_of.get(seen.pod.uid)
        if before is not None and before != agent:
            self._leave(uid, before)
        self._agent_of[uid] = agent
        self._of_agent[agent][uid] = seen
        self.owners.name(uid, agent.agent)

    def _tell_unplaced(self, seen: SeenPod) -> None:
        key = self.owners.key_of(seen.pod.uid)
        if key is not None and (name := self.owners.name_of(key)):  # that of the other pods of its workload
            self.on_change(AgentRef(key[1], name))

    def _leave(self, uid: str, agent: AgentRef) -> None:
        self._changed.add(agent)
        self.on_change(agent)
        self._of_agent[agent].pop(uid, None)
        if not self._of_agent[agent]:
            del self._of_agent[agent]
            self._revisions.pop(agent, None)
