"""The provider of what Kubernetes and the files of listed agents tell: one, so that no source is told twice."""

import asyncio
import logging
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress

from probes.contract import Target
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentRef, Missing
from probes.controls.sdk.loading import load_sdk_facts
from watcher.checklist.live.accounts import Account, account
from watcher.checklist.live.kubernetes.agent_manifests import AgentManifests
from watcher.checklist.live.kubernetes.evidence import KubernetesEvidence
from watcher.checklist.live.kubernetes.objects.kinds import Group
from watcher.checklist.live.kubernetes.pods.endings import Endings
from watcher.checklist.live.provider import Presence, Provided, Sources
from watcher.checklist.live.report_objects.report_object import Owner
from watcher.config.settings import Settings
from watcher.discovery.pods.scope import SeenPod
from watcher.kube.access import Access
from watcher.runtime.clock import Clock
from watcher.runtime.failures import FailuresLogger
from watcher.runtime.lasting import AGAIN, begun_again
from watcher.targets import TargetSet

_NO_CLUSTER = Missing(UnknownReason.SOURCE_MISSING, "Nothing is found in Kubernetes here, and no file is named for it.")
_OF_AGENTS = (SourceName.KUBERNETES_OBJECT, SourceName.AGENT_CONFIG, SourceName.SCANNER_REPORT)
_NOWHERE: Sources = dict.fromkeys(_OF_AGENTS, _NO_CLUSTER)
_OF_PODS: Sources = dict.fromkeys((SourceName.KUBERNETES_POD, SourceName.CLUSTER_SPIFFE_ID), _NO_CLUSTER)


class ObjectEvidence:
    """A provider: of an agent that the config lists with files these, of others the cluster."""

    def __init__(
        self, cluster: KubernetesEvidence | None, files: AgentManifests, elsewhere: Collection[AgentRef] = ()
    ) -> None:
        """`elsewhere`: listed agents with pods of other shards."""
        self._cluster, self._files, self._elsewhere = cluster, files, elsewhere
        self._logger = FailuresLogger(logging.getLogger(__name__))
        self._reading: asyncio.Task[None] | None = None

    @property
    def cluster(self) -> KubernetesEvidence | None:
        """What the cluster tells; None where nothing is found there."""
        return self._cluster

    @property
    def endings(self) -> Endings | None:
        """What became of pods that were asked to end; None without a cluster."""
        return self._cluster.endings if self._cluster is not None else None

    @property
    def access(self) -> Access | None:
        """The way to the API server; None without a cluster."""
        return self._cluster.access if self._cluster is not None else None

    def pods_of(self, agent: AgentRef) -> Mapping[str, SeenPod | None]:
        """All pods of an agent that the cluster has, by name."""
        return self._cluster.pods.of(agent) if self._cluster is not None else {}

    def adopt(self, settings: Settings) -> None:
        """Read the files of these settings, and all as often as they say, from now on."""
        every = settings.checklist.intervals.objects
        self._files.adopt(settings.files, every)
        self._elsewhere = _elsewhere(settings)
        if self._cluster is not None:
            self._cluster.config_maps.adopt(every)

    def start(self) -> None:
        """Ask from now on."""
        reading = begun_again(self._files.read_for_ever, "files of agents", self._logger, AGAIN)
        self._reading = asyncio.create_task(reading)
        if self._cluster is not None:
            self._cluster.start()

    async def first(self, seconds: float) -> None:
        """Ask from now on; come back when all of it answered or could not, at the latest after so many seconds."""
        self.start()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._files.read()
                if self._cluster is not None:
                    await self._cluster.settled()

    async def close(self) -> None:
        """Ask no more."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._cluster is not None:
            await self._cluster.close()

    def agents(self) -> Collection[AgentRef]:
        """Those of the cluster that have no pod."""
        return self._cluster.agents() if self._cluster is not None else ()

    def presence(self, agent: AgentRef, /) -> Presence:
        """As the cluster tells it; files are of agents that the config lists."""
        return self._cluster.presence(agent) if self._cluster is not None else Presence.GONE

    def owners_of(self, agent: AgentRef) -> Sequence[Owner]:
        """What makes its pods in the cluster."""
        return self._cluster.owners_of(agent) if self._cluster is not None else ()

    def accounts(self) -> Iterator[Account]:
        """As whom agents of all shards run; of one that only the config lists, whoever it may be."""
        yield from self._files.accounts()
        yield from (account(each.namespace) for each in self._elsewhere if each not in self._files)
        yield from self._cluster.accounts() if self._cluster is not None else ()

    def evidence_of(self, agent: AgentRef, pods: Sequence[Target], /) -> Provided:
        """What is known of this agent."""
        if self._cluster is None:
            found = Provided(_NOWHERE, {each.key.pod: _OF_PODS for each in pods})
        else:
            found = self._cluster.evidence_of(agent, pods)
        if agent not in self._files:
            return found
        sources = {**found.sources, **self._files.of(agent)}
        return Provided(sources, found.pods, found.facts, found.digests, found.labels)

    def take_changed(self) -> Collection[AgentRef] | None:
        """Of which agents something changed; None: maybe of all."""
        of_files = self._files.take_changed()
        of_cluster = self._cluster.take_changed() if self._cluster is not None else ()
        return None if of_cluster is None else {*of_cluster, *of_files}

    def sources_up(self) -> Mapping[str, str]:
        """Those of the cluster."""
        return self._cluster.sources_up() if self._cluster is not None else {}


def open_object_evidence(settings: Settings, target_set: TargetSet, clock: Clock) -> ObjectEvidence:
    """All of it that the config asks for; it must be opened before the discovery starts, and then started."""
    every, sdk = settings.checklist.intervals.objects, load_sdk_facts().newest.version
    files = AgentManifests(settings.files, every, sdk, lambda: clock.date_of(clock.steady()))
    elsewhere = _elsewhere(settings)
    if target_set.discoverer is None:
        return ObjectEvidence(None, files, elsewhere)
    groups = [each for each in Group if getattr(settings.checklist.kubernetes, each)]
    cluster = KubernetesEvidence(target_set.discoverer, clock, groups, every, sdk, random.uniform)
    return ObjectEvidence(cluster, files, elsewhere)


def _elsewhere(settings: Settings) -> Collection[AgentRef]:
    keys, owns = [each.key for each in settings.targets], settings.shard.owns
    return {AgentRef(key.namespace, key.agent) for key in keys if not owns(key.namespace, key.pod)}
