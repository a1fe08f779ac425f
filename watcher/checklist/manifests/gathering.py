"""From objects to the evidence of each agent. Manifests are never all that there is in a cluster."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentObjects, AgentRef, EvidenceSet, Listing, Missing, Seen
from watcher.checklist.manifests.agent_files import read_agent_file
from watcher.checklist.manifests.documents import MAX_VALUES
from watcher.checklist.manifests.objects import Manifest, Objects
from watcher.checklist.manifests.pod_templates import BrokenWorkloadError, FoundTemplate, pod_templates
from watcher.checklist.manifests.surroundings import Surroundings
from watcher.checklist.manifests.votes import votes_of, workload_of
from watcher.checklist.manifests.workloads import (
    AgentWorkload,
    ConfigMaps,
    config_text,
    read_workload,
)
from watcher.checklist.told_labels import told_labels
from watcher.text.printable import printable


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
    values_left: int = MAX_VALUES  # of agents' configs that may still be read: one may be that of thousands of agents

    def problem(self, sentence: str) -> None:
        """That something could not be judged."""
        self.problems.append(printable(sentence))

    def note(self, sentence: str) -> None:
        """What to know."""
        self.notes.append(printable(sentence))

    def service_accounts(self) -> frozenset[str]:
        """Those that agents run as, with their users' names."""
        return frozenset(self.accounts)


def gather(objects: Objects, now: float, sdk_version: str, most_values: int = MAX_VALUES) -> Fleet:
    """The agents by namespace and name, `now` in Unix seconds; `sdk_version` is that which they are taken to run."""
    fleet = Fleet(problems=list(objects.broken), values_left=most_values)
    seen: dict[tuple[str, str, str, str], Manifest] = {}
    for each in objects.found:
        twin = seen.setdefault((each.group, each.kind, each.namespace, each.name), each)
        if twin is not each:
            fleet.note(f"{each.ref}: {each.kind} {each.namespace}/{each.name} is given twice, first {twin.ref}")
    config_maps = {(each.namespace, each.name): each for each in objects.found if each.kind == "ConfigMap"}
    surroundings = Surroundings(objects.found, now)
    votes = votes_of(objects.found, now)
    if lacking := votes.told():
        fleet.note(lacking)
    for agent in _agents(votes.having, config_maps, fleet):
        ref = AgentRef(agent.workload.namespace, agent.name)
        evidence = EvidenceSet(ref, _sources(agent, surroundings.of(agent, config_maps), now, sdk_version, fleet))
        if account := agent.template.service_account:
            fleet.accounts.add(f"system:serviceaccount:{ref.namespace}:{account}")
        labels = _meta(agent.workload).get("labels")
        told = told_labels(labels) if isinstance(labels, Mapping) else {}
        fleet.agents.setdefault(ref, []).append(Gathered(evidence, agent.workload, told))
    for ref, several in fleet.agents.items():
        if _are_several(several):
            named = ", ".join(f"{each.workload.kind} {each.workload.name} ({each.workload.ref})" for each in several)
            fleet.note(f"{ref} is several workloads, judged as one agent, the worst of each control: {named}")
    return fleet


def _are_several(gathered: Sequence[Gathered]) -> bool:
    """Whether they are more than the pods of one workload."""
    objects = {id(each.workload) for each in gathered}
    return len({workload_of(each.workload) for each in gathered}) > 1 or len(objects) < len(gathered)


def _agents(found: Sequence[Manifest], config_maps: ConfigMaps, fleet: Fleet) -> Iterator[AgentWorkload]:
    for each in found:
        try:
            for template in pod_templates(each):
                yield from _agent(each, template, config_maps, fleet)
        except BrokenWorkloadError as error:
            fleet.problem(str(error))


def _agent(
    workload: Manifest, template: FoundTemplate, config_maps: ConfigMaps, fleet: Fleet
) -> Iterator[AgentWorkload]:
    try:
        agent = read_workload(workload, template, config_maps)
    except BrokenWorkloadError as error:
        if template.makes_pods:
            fleet.problem(str(error))
        return
    if agent is not None and template.makes_pods:
        if agent.others:
            fleet.problem(agent.others)
        yield agent
    elif agent is not None:
        where = f" at {template.place}" if template.place else ""
        said = f"{workload.kind} {workload.name} has what an agent's pod has{where}, which is no template: not judged"
        fleet.note(f"{workload.file}:{template.line}: {said}")


def _meta(found: Manifest) -> Mapping[str, object]:
    meta = found.body.get("metadata")
    return meta if isinstance(meta, Mapping) else {}


def _sources(
    agent: AgentWorkload, listings: Mapping[str, Seen[Listing]], now: float, sdk_version: str, fleet: Fleet
) -> dict[SourceName, Seen[object] | Missing]:
    workload, place = agent.workload, f"{agent.workload.file}:{agent.line}"
    objects = AgentObjects(Seen(workload, now, workload.ref), Seen(agent.template, now, place), listings)
    return {
        SourceName.KUBERNETES_OBJECT: Seen(objects, now, place),
        SourceName.AGENT_CONFIG: _agent_config(agent, now, sdk_version, fleet),
    }


def _agent_config(agent: AgentWorkload, now: float, sdk_version: str, fleet: Fleet) -> Seen[object] | Missing:
    if agent.config is None:
        return Missing(UnknownReason.SOURCE_MISSING, f"Its config is not known: {agent.why}."[:200])
    if fleet.values_left < 0:
        return Missing(UnknownReason.SOURCE_MISSING, "Its config was not read: those before it have too many values.")
    found = read_agent_file(*agent.config, config_text(agent), sdk_version, now)
    fleet.values_left -= len(found.value.lines)
    if fleet.values_left < 0:
        place = f"{agent.workload.file}:{agent.line}"
        fleet.problem(f"{place}: too many values in the configs of agents: those of the agents after it are not read")
    return found
