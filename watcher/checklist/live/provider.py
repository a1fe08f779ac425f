"""Who knows something of agents for the checklist: one provider for each place where evidence comes from."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from probes.contract import Target
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.catalogue.terms import Bind
from probes.controls.evidence import AgentRef, Missing, Pod, Seen

Sources = Mapping[SourceName, Seen[object] | Missing]
Found = dict[SourceName, Seen[object] | Missing]
SourceDates = Mapping[SourceName, float]
"""When each source was seen last, Unix seconds."""


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What the vote of a pod depends on, as far as Kubernetes says it."""

    revision: str  # of its workload, such as a template hash; "" where there are none
    revision_at: float  # Unix seconds: when the revision's first pod was made
    terminating: bool  # or it has ended
    ready_since: float | None  # Unix seconds; None while it is not Ready
    workload: str = ""  # kind and name of what makes its like, as long as that lasts; "" where nothing is told


class SourcesOfPods(Mapping[str, Sources]):
    """What is known of each pod, found out when it is asked for: of thousands not within one turn of the loop."""

    def __init__(
        self,
        pods: Collection[str],
        known: Callable[[str], Sources],
        dates: Callable[[str], SourceDates] | None = None,
    ) -> None:
        """`known`: what is known now of the pod with this name, one of `pods`; `dates`: the dates of that alone, where
        they are to be had for less."""
        self._pods, self._known, self._dates = pods, known, dates

    def __getitem__(self, pod: str, /) -> Sources:
        """Of this pod; KeyError where it is none of these."""
        if pod not in self._pods:
            raise KeyError(pod)
        return self._known(pod)

    def dates(self, pod: str) -> SourceDates:
        """When each source saw this pod last; KeyError where it is none of these."""
        if self._dates is None or pod not in self._pods:
            return dates_in(self[pod])
        return self._dates(pod)

    def __iter__(self) -> Iterator[str]:
        """Their names."""
        return iter(self._pods)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._pods)


def dates_in(sources: Sources) -> SourceDates:
    """When each of these that was seen was."""
    return {source: found.observed_at for source, found in sources.items() if isinstance(found, Seen)}


@dataclass(frozen=True, slots=True)
class Provided:
    """What one provider knows of one agent now."""

    sources: Sources = field(default_factory=dict)  # of the agent as a whole
    pods: Mapping[str, Sources] = field(default_factory=dict)  # by pod
    facts: Mapping[str, PodFacts] = field(default_factory=dict)  # by pod
    digests: Mapping[Bind, frozenset[str] | Missing] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)  # of the workload


NOTHING = Provided()

_NOT_READ = PodFacts("", 0.0, terminating=False, ready_since=None)
"""Of a pod of the cluster of which nothing was read yet: it has no vote."""
_FAILED = Missing(
    UnknownReason.EVALUATOR_ERROR, "The watcher failed to gather this; this is a bug of the watcher; see its log."
)
_TWICE = Missing(
    UnknownReason.EVALUATOR_ERROR, "Two parts of the watcher gave this; this is a bug of the watcher; see its log."
)
_NEVER_TOLD = (UnknownReason.FORBIDDEN, UnknownReason.SOURCE_MISSING, UnknownReason.NOT_ENABLED)
_OF_PROVIDERS = frozenset(SourceName) - {SourceName.RECORD}


class Merged:
    """All that was told of one agent. Providers are known by their numbers."""

    def __init__(self) -> None:
        self.sources: Found = {}
        self.pods: dict[str, Found] = {}
        self.facts: dict[str, PodFacts] = {}
        self.digests: dict[Bind, frozenset[str] | Missing] = {}
        self.labels: dict[str, str] = {}
        self.twice: set[SourceName] = set()
        self._given_by: dict[SourceName, int] = {}

    def add(self, number: int, provided: Provided) -> None:
        """What a provider knows of the agent as a whole."""
        self.sources.update(provided.sources)
        self.facts.update(provided.facts)
        told = provided.digests.items()
        self.digests.update({bind: found for bind, found in told if _is_nearer(found, self.digests.get(bind))})
        self.labels.update(provided.labels)
        self._note(number, provided.sources)

    def add_pod(self, number: int, name: str, found: Sources) -> None:
        """What a provider knows of one of `pods`."""
        self.pods[name].update(found)
        self._note(number, found)

    def _note(self, number: int, sources: Iterable[SourceName]) -> None:
        for each in sources:
            if self._given_by.setdefault(each, number) != number:
                self.twice.add(each)

    def given(self, number: int) -> frozenset[SourceName]:
        """The sources that this provider gave."""
        return frozenset(source for source, by in self._given_by.items() if by == number)

    def fail(self, given: Collection[SourceName]) -> None:
        """A provider raised that ever gave these, and maybe others: what nobody gave may be what it did not come to."""
        self.sources.update(dict.fromkeys({*given, *(_OF_PROVIDERS - self._given_by.keys())}, _FAILED))

    def refuse_twins(self) -> None:
        """A source given by two is told by neither."""
        if not self.twice:
            return
        for found in self.pods.values():
            for source in self.twice & found.keys():
                del found[source]
        self.sources.update(dict.fromkeys(self.twice, _TWICE))

    def pod(self, name: str, watched_since: float, *, listed: bool) -> Pod:
        """One of `pods`; of one that is only listed in the config, that it is there is all that is known."""
        facts = self.facts.get(name)
        if facts is None:
            facts = PodFacts("", 0.0, terminating=False, ready_since=watched_since) if listed else _NOT_READ
        found: Mapping[SourceName, Seen[object] | Missing] = self.pods[name]
        return Pod(
            name,
            facts.revision,
            facts.revision_at,
            facts.terminating,
            facts.ready_since,
            watched_since,
            found,
            facts.workload,
        )


def _is_nearer(found: frozenset[str] | Missing, before: frozenset[str] | Missing | None) -> bool:
    """The later place is nearer to what runs: what it should know and does not, nobody knows; what it never tells,
    another may."""
    return not isinstance(found, Missing) or not isinstance(before, frozenset) or found.reason not in _NEVER_TOLD


class Presence(Enum):
    """What is left of an agent of which no pod is watched."""

    PODS = "pods"  # they start, end, or may not be asked
    WORKLOAD = "workload"  # it has made its pods before, and is still there
    UNTOLD = "untold"  # its workload cannot be read
    GONE = "gone"  # neither pods nor workload


class EvidenceProvider(Protocol):
    """One place where evidence comes from. Nothing here waits or asks anyone: it tells what is known already.

    A source that is on here and has not answered yet, or can no longer be asked, is Missing with its reason; one that
    the operator has not turned on is Missing with NotEnabled. No two providers give the same source.

    What nobody says to have changed is not judged anew: only `observed_at` and `next_at` may move on by themselves.
    """

    def agents(self) -> Collection[AgentRef]:
        """Agents that it knows of although no pod of them is watched now, such as those scaled to zero."""

    def presence(self, agent: AgentRef, /) -> Presence:
        """What is left of an agent of which no pod is watched any more: a pod that starts anew is not watched either.

        GONE too of one that this place has never known.
        """

    def evidence_of(self, agent: AgentRef, pods: Sequence[Target], /) -> Provided:
        """What is known of this agent, which has these pods. Asked every few minutes of each agent.

        What takes long for each pod is in SourcesOfPods.
        """

    def take_changed(self) -> Collection[AgentRef] | None:
        """Of which agents something changed since this was asked last; None: maybe of all.

        Something changed where a judge may say otherwise, or a source is missing now and was seen, or the other way
        round, or for another reason, or what `facts`, `digests` and `labels` say. That all is as it was, seen once more
        or with other figures that no judge goes by, is no change.
        """

    def sources_up(self) -> Mapping[str, str]:
        """For `evidence_source_up`: name of each source that is configured and installed -> why it is down, one word of
        UnknownReason; "" where it is up."""
