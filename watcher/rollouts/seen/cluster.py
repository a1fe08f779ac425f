"""The pods and workloads of agents, as the checklist's watches know them, for their rollouts. Nothing is asked here."""

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol
from weakref import WeakKeyDictionary

from probes.controls.evidence import AgentRef, KubeObject, Missing
from probes.controls.evidence.live_pod import ContainerRun
from probes.controls.judges.kubernetes_object.deployed_by import tool_of
from watcher.checklist.live.kubernetes.configs.agent_files import config_of, places_of, started_with
from watcher.checklist.live.kubernetes.evidence import KubernetesEvidence
from watcher.checklist.live.kubernetes.objects.presence import presence_of
from watcher.checklist.live.kubernetes.pods.pod_owners import Key
from watcher.checklist.live.provider import Presence
from watcher.discovery.pod.kept.template import KeptTemplate
from watcher.discovery.pod.workload import workload_object
from watcher.discovery.pods.scope import SeenPod
from watcher.discovery.pods.target import PodState
from watcher.rollouts.seen.groups import NOT_READ, Wanted
from watcher.rollouts.seen.running import DIGEST, RunningPod

_OVER = ("Succeeded", "Failed")
_LONGEST = 300


class Workload(NamedTuple):
    """One object of the cluster."""

    kind: str
    namespace: str
    name: str
    uid: str


class AgentPods(Protocol):
    """What is asked of whoever knows the pods of agents."""

    @property
    def trouble(self) -> str:
        """Why pods are not known right now; empty where they are."""

    def agents(self) -> Collection[AgentRef]:
        """All that have pods."""

    def is_gone(self, agent: AgentRef) -> bool:
        """Whether neither pods nor a workload are left of it."""

    def pods(self, agent: AgentRef) -> list[RunningPod]:
        """All pods of an agent, those that end too."""

    def wanted(self, agent: AgentRef) -> Wanted:
        """What its workloads say."""

    def workload(self, agent: AgentRef) -> Workload | None:
        """The object that makes its pods; None where that is not one, or may not be read."""

    def keep_only(self) -> None:
        """Forget what is known of what is there no more."""


class ClusterPods:
    """Of all agents of this shard."""

    def __init__(self, evidence: KubernetesEvidence) -> None:
        self._evidence, self._pods = evidence, evidence.pods
        self._references: WeakKeyDictionary[KeptTemplate, str] = WeakKeyDictionary()
        self._configs: dict[str, str] = {}  # digests that processes have read, by uid of the pod

    def agents(self) -> Collection[AgentRef]:
        """All that have pods, those of which none has started ever too."""
        known, starting = self._pods.agents(), self._evidence.idle.starting()
        return {*known, *starting} if starting else known

    def is_gone(self, agent: AgentRef) -> bool:
        """Whether neither pods nor a workload are left of it."""
        return presence_of(agent, self._pods, self._evidence.followed) is Presence.GONE

    @property
    def trouble(self) -> str:
        """Why pods are not known right now; empty where they are."""
        down = self._pods.down()
        return f"pods are not known ({down})" if down else ""

    def pods(self, agent: AgentRef) -> list[RunningPod]:
        """All pods of an agent, those that end too."""
        found = (self._pod(each) for each in self._pods.all_of(agent) if each.state is not PodState.NOT_AGENT)
        return [each for each in found if each is not None]

    def wanted(self, agent: AgentRef) -> Wanted:
        """What its workloads say."""
        keys = [key for key in self._pods.owners.keys_of(agent) if self._pods.owners.has_pods(key)]
        told = [(key, each) for key in keys if (each := self._evidence.progress.of(key)) is not None]
        name = self._name(agent)
        if not told or len(told) < len(keys):
            return NOT_READ._replace(name=name)
        workload = self._object(told[0][0])
        return Wanted(
            replicas=sum(each.replicas for _, each in told),
            paused=any(each.paused for _, each in told),
            stuck=next((each.stuck for _, each in told if each.stuck), ""),
            canary=any(each.canary for _, each in told),
            name=name,
            managed_by=tool_of(workload) if workload is not None else "",
            claimed=_joined([each.claimed for _, each in told]),
        )

    def workload(self, agent: AgentRef) -> Workload | None:
        """The object that makes its pods; None where that is not one, or may not be read."""
        keys = [key for key in self._pods.owners.keys_of(agent) if self._pods.owners.has_pods(key)]
        found = self._evidence.progress.of(keys[0]) if len(keys) == 1 else None
        return Workload(*keys[0], found.uid) if found is not None and found.uid else None

    def keep_only(self) -> None:
        """Forget what is known of workloads and pods that are there no more."""
        owners, agents = self._pods.owners, self.agents()
        self._evidence.progress.keep_only({key for agent in agents for key in owners.keys_of(agent)})
        uids = {each.pod.uid for agent in agents for each in self._pods.all_of(agent)}
        for uid in self._configs.keys() - uids:
            del self._configs[uid]

    def _name(self, agent: AgentRef) -> str:
        return next((name for each in self._pods.all_of(agent) if (name := workload_object(each.pod))), "")

    def _object(self, key: Key) -> KubeObject | None:
        collection = self._evidence.followed.of(key[0], key[1])
        return None if isinstance(collection, Missing) else collection.named(key[1], key[2])

    def _pod(self, seen: SeenPod) -> RunningPod | None:
        kept = seen.kept
        if kept is None:
            return None
        run = kept.run
        own = run.container(kept.template.agent_container)
        digest = own.image_id.rpartition("@")[2] if own is not None else ""
        return RunningPod(
            uid=seen.pod.uid,
            name=seen.pod.name,
            template=run.revision,
            reference=self._reference(kept.template),
            digest=digest if digest.startswith(DIGEST) else "",
            config=self._config(seen),
            created_at=run.created_at,
            ready_since=run.ready_since,
            ends=run.ends_since is not None or run.phase in _OVER,
            restarts=own.restarts if own is not None else 0,
            waiting=own.waiting if own is not None else "",
            ended=_ended(own),
        )

    def _reference(self, template: KeptTemplate) -> str:
        found = self._references.get(template)
        if found is None:
            containers = template.read().spec.get("containers")
            named: list[Mapping[str, object]] = containers if isinstance(containers, list) else []
            images = (each.get("image") for each in named if each.get("name") == template.agent_container)
            found = self._references[template] = str(next(images, None) or "")[:_LONGEST]
        return found

    def _config(self, seen: SeenPod) -> str:
        """The digest of what its process has read; as it was known where what is there now is newer."""
        places = places_of(seen)
        found = places if isinstance(places, Missing) else config_of(places, self._evidence.config_maps)
        if not isinstance(found, Missing) and started_with(found[0].changed_at, seen):
            self._configs[seen.pod.uid] = found[2].digest
        return self._configs.get(seen.pod.uid, "")


def _ended(own: ContainerRun | None) -> str:
    if own is None or own.ended is None:
        return ""
    return own.ended.reason if own.ended.reason not in ("", "Error") else f"exit code {own.ended.code}"


def _joined(claims: list[Mapping[str, str]]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for each in claims:
        found = {**each, **found}
    return found
