"""From objects to the evidence of each agent. Manifests are never all that there is in a cluster."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentObjects, AgentRef, EvidenceSet, Listing, Missing, Seen
from watcher.checklist.manifests.agent_files import read_agent_file
from watcher.checklist.manifests.objects import Manifest, Objects
from watcher.checklist.manifests.surroundings import Surroundings
from watcher.checklist.manifests.workloads import (
    AgentWorkload,
    BrokenWorkloadError,
    ConfigMaps,
    config_text,
    read_workload,
)


@dataclass(frozen=True, slots=True)
class Gathered:
    """The evidence of one agent, of one workload of it."""

    evidence: EvidenceSet
    workload: Manifest
    labels: Mapping[str, str]  # of the workload


@dataclass(slots=True)
class Fleet:
    """All agents of the manifests. Two workloads that are one agent for the daemon stand in one list."""

    agents: dict[AgentRef, list[Gathered]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)  # what could not be judged, with its place
    notes: list[str] = field(default_factory=list)  # what to know beside
    accounts: set[str] = field(default_factory=set)

    def service_accounts(self) -> frozenset[str]:
        """Those that agents run as, with their users' names."""
        return frozenset(self.accounts)


def gather(objects: Objects, now: float, sdk_version: str) -> Fleet:
    """The agents by namespace and name, `now` in Unix seconds; `sdk_version` is that which they are taken to run."""
    fleet = Fleet(problems=list(objects.broken))
    seen: dict[tuple[str, str, str, str], Manifest] = {}
    for each in objects.found:
        twin = seen.setdefault((each.group, each.kind, each.namespace, each.name), each)
        if twin is not each:
            fleet.notes.append(f"{each.ref}: {each.kind} {each.namespace}/{each.name} is given twice, first {twin.ref}")
    config_maps = {(each.namespace, each.name): each for each in objects.found if each.kind == "ConfigMap"}
    surroundings = Surroundings(objects.found, now)
    for agent in _agents(objects.found, config_maps, fleet):
        ref = AgentRef(agent.workload.namespace, agent.name)
        evidence = EvidenceSet(ref, _sources(agent, surroundings.of(agent, config_maps), now, sdk_version))
        if account := agent.template.service_account:
            fleet.accounts.add(f"system:serviceaccount:{ref.namespace}:{account}")
        labels = _meta(agent.workload).get("labels")
        labels = labels if isinstance(labels, Mapping) else {}
        fleet.agents.setdefault(ref, []).append(Gathered(evidence, agent.workload, labels))
    for ref, several in fleet.agents.items():
        if len(several) > 1:
            named = ", ".join(f"{each.workload.kind} {each.workload.name} ({each.workload.ref})" for each in several)
            fleet.notes.append(f"{ref} is several workloads, judged as one agent, the worst of each control: {named}")
    return fleet


def _agents(found: Sequence[Manifest], config_maps: ConfigMaps, fleet: Fleet) -> Iterator[AgentWorkload]:
    owners = {str(uid) for each in found if (uid := _meta(each).get("uid"))}
    for each in found:
        if any(owner in owners for owner in _owners(each)):
            continue  # what made it is judged
        try:
            agent = read_workload(each, config_maps)
        except BrokenWorkloadError as error:
            fleet.problems.append(str(error))
            continue
        if agent is not None:
            yield agent


def _meta(found: Manifest) -> Mapping[str, object]:
    meta = found.body.get("metadata")
    return meta if isinstance(meta, Mapping) else {}


def _owners(found: Manifest) -> Iterator[str]:
    references = _meta(found).get("ownerReferences")
    for each in references if isinstance(references, list) else ():
        if isinstance(each, Mapping) and each.get("controller"):
            yield str(each.get("uid"))


def _sources(
    agent: AgentWorkload, listings: Mapping[str, Seen[Listing]], now: float, sdk_version: str
) -> dict[SourceName, Seen[object] | Missing]:
    workload, place = agent.workload, f"{agent.workload.file}:{agent.line}"
    objects = AgentObjects(Seen(workload, now, workload.ref), Seen(agent.template, now, place), listings)
    return {
        SourceName.KUBERNETES_OBJECT: Seen(objects, now, place),
        SourceName.AGENT_CONFIG: _agent_config(agent, now, sdk_version),
    }


def _agent_config(agent: AgentWorkload, now: float, sdk_version: str) -> Seen[object] | Missing:
    if agent.config is None:
        return Missing(UnknownReason.SOURCE_MISSING, f"Its config is not known: {agent.why}."[:200])
    return read_agent_file(*agent.config, config_text(agent), sdk_version, now)
