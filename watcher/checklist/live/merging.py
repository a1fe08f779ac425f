"""What several providers know of one agent, put together piece by piece; what two of them give is told by neither."""

from collections.abc import Collection, Iterable, Mapping

from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.catalogue.terms import Bind
from probes.controls.evidence import Missing, Pod, Seen
from watcher.checklist.live.provider import PodFacts, Provided, Sources

_NOT_READ = PodFacts("", 0.0, terminating=False, ready_since=None)
"""Of a pod of the cluster of which nothing was read yet: it has no vote."""
_FAILED = Missing(
    UnknownReason.EVALUATOR_ERROR, "The watcher failed to gather this; it is a fault of the watcher, and in its log."
)
_TWICE = Missing(
    UnknownReason.EVALUATOR_ERROR, "Two parts of the watcher gave this; it is a fault of the watcher, and in its log."
)
_OF_PROVIDERS = frozenset(SourceName) - {SourceName.RECORD}

Found = dict[SourceName, Seen[object] | Missing]


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
        self.digests.update(provided.digests)
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
