"""What all providers know of one agent, as the one set of evidence that judges are handed."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from probes.contract import Target
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.catalogue.terms import Bind
from probes.controls.evidence import AgentRef, EvidenceSet, Missing, Pod, Seen
from probes.controls.verdict.voting import SETTLED_AFTER
from watcher.checklist.live.accounts import Account
from watcher.checklist.live.provider import EvidenceProvider, PodFacts, Presence, Provided
from watcher.runtime.failures import FailuresLogger

log = logging.getLogger(__name__)

_NOT_READ = PodFacts("", 0.0, terminating=False, ready_since=None)
"""Of a pod of the cluster of which nothing was read yet: it has no vote."""
_FAILED = Missing(
    UnknownReason.EVALUATOR_ERROR, "The watcher failed to gather this; this is a bug of the watcher; see its log."
)
_TWICE = Missing(
    UnknownReason.EVALUATOR_ERROR, "Two parts of the watcher gave this; this is a bug of the watcher; see its log."
)

_ANEW = 60
"""Calls in which all agents are judged once, while it is not told of which anything changed."""

T = TypeVar("T")
Found = dict[SourceName, Seen[object] | Missing]


class Gathered(NamedTuple):
    """All that is known of one agent now."""

    evidence: EvidenceSet
    labels: Mapping[str, str]  # of its workload

    @property
    def objects(self) -> Seen[object] | Missing | None:
        """Source `kubernetes_object`, where anybody gave it."""
        return self.evidence.sources.get(SourceName.KUBERNETES_OBJECT)


class Gathering:
    """Asks all providers. What one of them does wrong costs its own evidence and nothing else."""

    def __init__(
        self,
        providers: Sequence[EvidenceProvider],
        owns: Callable[[str, str], bool],
        accounts: Callable[[], Iterable[Account]] = tuple,
        *,
        at_once: bool = False,
    ) -> None:
        """`owns`: whether a pod of this namespace and name is one of this shard; `accounts`: as whom agents of all
        shards run; `at_once`: somebody looks by hand, and takes a pod of the config for settled."""
        self.accounts = accounts
        self.providers, self._owns, self._at_once = tuple(providers), owns, at_once
        self._logger = FailuresLogger(log)
        self._told: set[SourceName] = set()  # which were given twice
        self._failing = [0 for _ in self.providers]  # calls in a row that did not tell what changed
        self._beside: list[Collection[AgentRef]] = [() for _ in self.providers]  # the agents that each told last
        self._up: list[Mapping[str, str]] = [{} for _ in self.providers]  # the same of its sources
        self._given: list[set[SourceName]] = [set() for _ in self.providers]  # what each ever gave

    def of(self, agent: AgentRef, watched: Mapping[str, float], targets: Sequence[Target], now: float) -> Gathered:
        """The evidence of an agent with these pods; `watched`: Unix seconds since when, by pod."""
        sources: Found = {}
        by_pod: dict[str, Found] = {target.key.pod: {} for target in targets}
        facts: dict[str, PodFacts] = {}
        digests: dict[Bind, frozenset[str] | Missing] = {}
        labels: dict[str, str] = {}
        said = [self._said(number, agent, targets) for number in range(len(self.providers))]
        self._refuse_twins(said)
        for provided in said:
            sources.update(provided.sources)
            facts.update(provided.facts)
            digests.update(provided.digests)
            labels.update(provided.labels)
        for name in facts.keys() - by_pod.keys():
            if self._owns(agent.namespace, name):
                by_pod[name] = {}
        for provided in said:
            for name, found in provided.pods.items():
                if name in by_pod:
                    by_pod[name].update(found)
        listed = {target.key.pod for target in targets if not target.discovered}
        pods = {
            name: _pod(name, facts.get(name), found, self._since(watched.get(name, now)), listed=name in listed)
            for name, found in by_pod.items()
        }
        version = labels.get("app.kubernetes.io/version", "")
        return Gathered(EvidenceSet(agent, sources, pods, digests, version), labels)

    def agents(self) -> Iterator[AgentRef]:
        """Those that providers know of although no pod of them is watched; of each, one shard is told."""
        for number, provider in enumerate(self.providers):
            self._beside[number] = self._asked(number, provider.agents, self._beside[number])
            yield from (each for each in self._beside[number] if self._owns(each.namespace, each.agent))

    def remains(self, agent: AgentRef) -> bool | None:
        """Whether there is still an agent of which no pod is watched; None: that cannot be told, or not by this shard:
        its pods may be those of another now."""
        asked = ((number, partial(each.presence, agent)) for number, each in enumerate(self.providers))
        said = {self._asked(number, ask, Presence.UNTOLD) for number, ask in asked}
        if Presence.PODS in said:
            return True
        if Presence.WORKLOAD in said:
            return True if self._owns(agent.namespace, agent.agent) else None
        return None if Presence.UNTOLD in said else False

    def take_changed(self) -> Iterator[Collection[AgentRef] | None]:
        """Of which agents something changed since this was asked last; None: maybe of all."""
        return (self._changed(number) for number in range(len(self.providers)))

    def sources_up(self) -> Mapping[str, str]:
        """Why each source that is configured is down, one word; empty where it is up."""
        for number, provider in enumerate(self.providers):
            failed: Mapping[str, str] = dict.fromkeys(self._up[number], str(UnknownReason.EVALUATOR_ERROR))
            self._up[number] = self._asked(number, provider.sources_up, failed)
        return {name: why for told in self._up for name, why in told.items()}

    def _changed(self, number: int) -> Collection[AgentRef] | None:
        """What a provider does not tell may be of any agent; while it fails, all are judged once in a while."""
        failing, self._failing[number] = self._failing[number], self._failing[number] + 1
        try:
            changed = self.providers[number].take_changed()
        except Exception:  # the boundary: what one place does not tell stops no other
            self._logger.exception("evidence failed", provider=type(self.providers[number]).__name__)
            return () if failing % _ANEW else None
        self._failing[number] = 0
        return changed

    def _asked(self, number: int, ask: Callable[[], T], otherwise: T) -> T:
        try:
            return ask()
        except Exception:  # the boundary: a provider that raises stops no other
            self._logger.exception("evidence failed", provider=type(self.providers[number]).__name__)
            return otherwise

    def _since(self, watched: float) -> float:
        return watched - SETTLED_AFTER if self._at_once else watched

    def _said(self, number: int, agent: AgentRef, targets: Sequence[Target]) -> Provided:
        given = self._given[number]
        try:
            provided = self.providers[number].evidence_of(agent, targets)
        except Exception:  # the boundary: a provider that raises costs its own evidence
            self._logger.exception("evidence failed", agent=str(agent), provider=type(self.providers[number]).__name__)
            return Provided(dict.fromkeys(given, _FAILED))
        given.update(provided.sources)
        for found in provided.pods.values():
            given.update(found)
        return provided

    def _refuse_twins(self, said: list[Provided]) -> None:
        """A source given by two is told by neither."""
        if len(said) < 2:
            return
        spoken: set[SourceName] = set()
        twice: set[SourceName] = set()
        for provided in said:
            own = set(provided.sources).union(*provided.pods.values())
            twice |= own & spoken
            spoken |= own
        if not twice:
            return
        if twice - self._told:
            self._told |= twice
            log.error("evidence given twice", extra={"sources": ", ".join(sorted(twice))})
        said[:] = [_without(provided, twice) for provided in said]
        said.append(Provided(dict.fromkeys(twice, _TWICE)))


def _without(provided: Provided, sources: set[SourceName]) -> Provided:
    kept = {name: found for name, found in provided.sources.items() if name not in sources}
    pods = {
        pod: {name: found for name, found in every.items() if name not in sources}
        for pod, every in provided.pods.items()
    }
    return Provided(kept, pods, provided.facts, provided.digests, provided.labels)


def _pod(name: str, facts: PodFacts | None, found: Found, watched_since: float, *, listed: bool) -> Pod:
    if facts is None:  # of one that is only listed in the config, that it is there is all that is known
        facts = PodFacts("", 0.0, terminating=False, ready_since=watched_since) if listed else _NOT_READ
    return Pod(name, facts.revision, facts.revision_at, facts.terminating, facts.ready_since, watched_since, found)
