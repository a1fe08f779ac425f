"""All that Kubernetes tells of agents: their pods, the objects around them, their configs."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from probes.contract import Target
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.catalogue.terms import Bind
from probes.controls.evidence import AgentRef, Missing, Seen
from watcher.checklist.live.accounts import Account
from watcher.checklist.live.kubernetes.configs.agent_files import Place, digest_of, places_of, places_of_all
from watcher.checklist.live.kubernetes.configs.agent_files import evidence_of as config_evidence
from watcher.checklist.live.kubernetes.configs.config_maps import ConfigMapReader, Name
from watcher.checklist.live.kubernetes.configs.policies import policies_in
from watcher.checklist.live.kubernetes.objects.followed import Followed
from watcher.checklist.live.kubernetes.objects.idle_agents import IdleAgents
from watcher.checklist.live.kubernetes.objects.kinds import Group, Kind, kinds
from watcher.checklist.live.kubernetes.objects.presence import presence_of
from watcher.checklist.live.kubernetes.objects.progress import WorkloadProgress
from watcher.checklist.live.kubernetes.objects.report_kinds import report_kinds
from watcher.checklist.live.kubernetes.objects.report_owners import owners_of
from watcher.checklist.live.kubernetes.objects.surroundings import Subject, objects_of, subject_of
from watcher.checklist.live.kubernetes.objects.workloads import FOLLOWED, Workload, reduce_workload
from watcher.checklist.live.kubernetes.pods.digests import image_digests
from watcher.checklist.live.kubernetes.pods.endings import Endings
from watcher.checklist.live.kubernetes.pods.identities import unread
from watcher.checklist.live.kubernetes.pods.live_pods import LivePods
from watcher.checklist.live.kubernetes.reports.evidence import reports_of
from watcher.checklist.live.provider import Presence, Provided
from watcher.checklist.live.report_objects.report_object import Owner
from watcher.checklist.manifests.surroundings import config_map_names
from watcher.checklist.told_labels import told_labels
from watcher.discovery.pods.discoverer import Discoverer
from watcher.discovery.pods.scope import SeenPod
from watcher.kube.list_watch import Patience
from watcher.runtime.clock import Clock
from watcher.runtime.failures import FailuresLogger
from watcher.runtime.lasting import AGAIN, begun_again

_PATIENCE = Patience()


class KubernetesEvidence:
    """A provider. Nothing is asked before its jobs run, and of pods nothing at all: the discovery reads them."""

    def __init__(
        self,
        discoverer: Discoverer,
        clock: Clock,
        groups: Iterable[Group],
        every: float,
        sdk_version: str,
        uniform: Callable[[float, float], float],
        patience: Patience = _PATIENCE,
    ) -> None:
        """`groups`: what may be listed and watched; `every` so many seconds what is not watched is read.

        `sdk_version`: which agents are taken to run.
        """
        self._clock, self._sdk_version, self.access = clock, sdk_version, discoverer.access
        self._namespaces = [scope.name for scope in discoverer.scopes]
        self._identities, self._told_of_identities = discoverer.identities, (0, "")
        self.pods = LivePods(discoverer.scopes, self._identities, clock.date_of)
        discoverer.tell(self.pods)
        self.progress = WorkloadProgress()
        self.on_config: Callable[[Collection[AgentRef]], None] = lambda _: None  # whose configs were read anew
        self.followed = Followed(
            discoverer.access,
            [*(_noting(self.progress, each) for each in kinds(reduce_workload)), *report_kinds()],
            frozenset(groups),
            self._namespaces,
            clock.steady,
            clock.date_of,
            uniform,
            self._changed_in,
            patience,
        )
        self.config_maps = ConfigMapReader(discoverer.access, every, clock.steady, clock.date_of, self._changed_configs)
        self.idle = IdleAgents(self.followed, self.pods, self.config_maps)
        memory = self.pods.memory
        self.endings = Endings(self.followed, clock, memory.has_ended)
        memory.on_ending, memory.on_gone = self.endings.note, self.endings.gone
        self._logger = FailuresLogger(logging.getLogger(__name__))
        self._reading: asyncio.Task[None] | None = None
        self._changed: set[AgentRef] = set()
        self._changed_namespaces: set[str] = set()

    def start(self) -> None:
        """Ask from now on."""
        self.followed.start()
        reading = begun_again(self.config_maps.read_for_ever, "ConfigMaps", self._logger, AGAIN)
        self._reading = asyncio.create_task(reading)

    async def settled(self) -> None:
        """Come back when all that is known of all agents was asked for once."""
        await self.followed.tried()
        while self.pods.is_behind:
            self.pods.placed()
            await asyncio.sleep(0)
        for agent in {*self.pods.placed(), *self.idle.agents()}:
            self.evidence_of(agent, ())
        await self.config_maps.tried()

    async def close(self) -> None:
        """Ask no more."""
        await self.followed.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def agents(self) -> Collection[AgentRef]:
        """Those whose workloads have no pod, or none that ever started."""
        return self.idle.agents()

    def presence(self, agent: AgentRef, /) -> Presence:
        """Told by its pods of all states, else by the workloads that have made them."""
        return presence_of(agent, self.pods, self.followed)

    def accounts(self) -> Iterator[Account]:
        """As whom agents of all shards run, those without a pod too."""
        yield from self.pods.accounts()
        yield from self.idle.accounts()

    def evidence_of(self, agent: AgentRef, pods: Sequence[Target], /) -> Provided:
        """All that is known of this agent."""
        found = self.pods.of(agent, pods)
        seen = [each for each in found.values() if each is not None]
        workload = self.idle.workload_of(agent)
        subject = subject_of(agent, seen, workload, self.followed, self.pods.observed_at(agent.namespace))
        places = self._places(subject)
        of_all = places_of_all(seen)
        names = self._names(subject, [places, *of_all])
        self.config_maps.want(agent, names, _newest_process(seen))
        bind, digest = digest_of([places, *of_all], self.config_maps)
        digests = {bind: digest, Bind.IMAGE_DIGEST: image_digests(seen)}
        if (policies := policies_in(seen, self.config_maps)) is not None:
            digests[Bind.POLICY_DIGEST] = policies
        sources: dict[SourceName, Seen[object] | Missing] = {
            SourceName.KUBERNETES_OBJECT: self._objects(subject, names),
            SourceName.AGENT_CONFIG: config_evidence(places, of_all, self.config_maps, seen, self._sdk_version),
            SourceName.SCANNER_REPORT: reports_of(agent, seen, self.followed),
        }
        return Provided(
            sources,
            self.pods.sources(agent, found),
            self.pods.facts(agent, found),
            digests,
            _labels(subject),
        )

    def owners_of(self, agent: AgentRef) -> Sequence[Owner]:
        """What makes its pods."""
        return owners_of(agent, self.pods.owners, self.idle.workload_of(agent), self.followed)

    def take_changed(self) -> Collection[AgentRef] | None:
        """Of which agents something changed; None: maybe of all."""
        self.endings.look()
        changed, self._changed = self._changed | {*self.endings.take_changed()}, set()
        namespaces, self._changed_namespaces = self._changed_namespaces, set()
        changed.update(self.pods.take_changed())
        namespaces.update(self.followed.take_lapsed(), self._changed_identities())
        known = {*self.pods.agents(), *self.idle.agents()}
        if nodes := self.followed.take_changed_nodes():
            changed.update(self._agents_on(nodes))
        self.config_maps.keep_only(known)
        self.pods.memory.keep_only(self.pods.revisions(), self.followed.now())
        return None if "" in namespaces else changed | {each for each in known if each.namespace in namespaces}

    def sources_up(self) -> Mapping[str, str]:
        """Pods, ConfigMaps, and each group of objects."""
        denied = str(UnknownReason.FORBIDDEN) if self.config_maps.denied else ""
        told = {"kubernetes_pods": self.pods.down(), "kubernetes_configmaps": denied, **self.followed.up()}
        missing = unread(self._identities)
        if self._identities is not None and (missing is None or missing.reason is not UnknownReason.SOURCE_MISSING):
            told["kubernetes_ClusterSPIFFEID"] = "" if missing is None else str(missing.reason)
        return told

    def _agents_on(self, nodes: Collection[str]) -> Iterator[AgentRef]:
        for agent in list(self.pods.agents()):
            kept = (each.kept for each in self.pods.of(agent).values() if each is not None)
            if any(each is not None and each.run.node in nodes for each in kept):
                yield agent

    def _changed_in(self, namespace: str) -> None:
        self._changed_namespaces.add(namespace)
        self.idle.touch()

    def _changed_identities(self) -> Sequence[str]:
        """They may be those of any pod."""
        watch, before = self._identities, self._told_of_identities
        self._told_of_identities = (0, "") if watch is None else (watch.changes, watch.failure)
        return [""] if self._told_of_identities != before else []

    def _changed_configs(self, agents: Collection[AgentRef]) -> None:
        self.on_config(agents)
        self._changed.update(agents)
        self.idle.touch()

    def _objects(self, subject: Subject, names: Iterable[Name]) -> Seen[object] | Missing:
        if isinstance(subject.template, Missing) and subject.newest is None:
            return self.pods.missing(subject.ref.namespace) or subject.template
        routed = self.endings.routed_of(subject.ref)
        objects = objects_of(subject, self.followed, self.config_maps, names, routed)
        return Seen(objects, subject.at, f"{subject.ref.namespace}/{subject.ref.agent}")

    def _places(self, subject: Subject) -> Sequence[Place] | Missing:
        if subject.newest is not None:
            return places_of(subject.newest)
        if isinstance(subject.workload, Seen):
            return Workload(subject.workload.value).configs
        return self.pods.missing(subject.ref.namespace) or subject.workload

    def _names(self, subject: Subject, every: Sequence[Sequence[Place] | Missing]) -> Mapping[Name, frozenset[str]]:
        """The ConfigMaps that its pods use, with the keys that may have its config."""
        names: dict[Name, frozenset[str]] = {}
        for template in (subject.template, *(each.template for each in subject.others)):
            for used in config_map_names(template.value.spec) if isinstance(template, Seen) else ():
                names[subject.ref.namespace, used] = frozenset()
        for places in every:
            for name, key in () if isinstance(places, Missing) else places:
                names[name] = names.get(name, frozenset()) | {key}
        return names


def _noting(progress: WorkloadProgress, kind: Kind) -> Kind:
    return replace(kind, reduce=progress.noting(kind.name, kind.reduce)) if kind.name in FOLLOWED else kind


def _newest_process(pods: Iterable[SeenPod]) -> float:
    """Unix seconds at which the newest process of an agent's container started."""
    began = [
        own.running_since
        for each in pods
        if each.kept is not None and (own := each.kept.run.container(each.kept.template.agent_container)) is not None
    ]
    return max((each for each in began if each is not None), default=0.0)


def _labels(subject: Subject) -> Mapping[str, str]:
    if isinstance(subject.workload, Seen) and subject.workload.value.kind != "Pod":
        return told_labels(Workload(subject.workload.value).labels)
    return {} if isinstance(subject.labels, Missing) or not subject.labels else told_labels(subject.labels[0])
