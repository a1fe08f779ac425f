"""What all providers know of one agent, as the one set of evidence that judges are handed."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from probes.contract import Target
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.evidence import AgentRef, EvidenceSet, Missing, Seen
from probes.controls.steps import Steps, finished, in_steps
from probes.controls.verdict.voting import SETTLED_AFTER
from watcher.checklist.live.accounts import Account
from watcher.checklist.live.provider import (
    EvidenceProvider,
    Merged,
    Presence,
    Provided,
    SourceDates,
    Sources,
    SourcesOfPods,
    dates_in,
)
from watcher.runtime.failures import FailuresLogger

log = logging.getLogger(__name__)

PODS_A_STEP = 25
"""Pods of which one provider is asked in one step: a millisecond, or two."""

_ANEW = 60
"""Calls in which all agents are judged once, while it is not told of which anything changed."""

_OBJECT = SourceName.KUBERNETES_OBJECT

T = TypeVar("T")


class Looked(NamedTuple):
    """When what is known of one agent was seen last."""

    dates: Mapping[tuple[SourceName, str], float]  # Unix seconds, by source and pod
    objects: Seen[object] | Missing | None  # source `kubernetes_object`


class Gathered(NamedTuple):
    """All that is known of one agent now."""

    evidence: EvidenceSet
    labels: Mapping[str, str]  # of its workload
    failed: frozenset[int] = frozenset()  # numbers of the providers that raised

    @property
    def objects(self) -> Seen[object] | Missing | None:
        """Source `kubernetes_object`, where anybody gave it."""
        return self.evidence.sources.get(_OBJECT)


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
        self.providers: tuple[EvidenceProvider, ...] = ()
        self._owns, self._at_once = owns, at_once
        self._logger = FailuresLogger(log)
        self._told: set[SourceName] = set()  # which were given twice
        self._failing: list[int] = []  # of each: calls in a row that did not tell what changed
        self._beside: list[Collection[AgentRef]] = []  # the agents that each told last
        self._up: list[Mapping[str, str]] = []  # and its sources
        self._given: list[set[SourceName]] = []  # what each ever gave
        self._of_pods: set[int] = set()  # who ever told facts of pods
        for each in providers:
            self.add(each)

    def add(self, provider: EvidenceProvider) -> None:
        """Ask one more."""
        self.providers = (*self.providers, provider)
        self._failing.append(0)
        self._beside.append(())
        self._up.append({})
        self._given.append(set())

    def of(self, agent: AgentRef, watched: Mapping[str, float], targets: Sequence[Target], now: float) -> Gathered:
        """The evidence of an agent with these pods; `watched`: Unix seconds since when, by pod."""
        return finished(self.in_steps(agent, watched, targets, now))

    def in_steps(
        self, agent: AgentRef, watched: Mapping[str, float], targets: Sequence[Target], now: float
    ) -> Steps[Gathered]:
        """The same in steps: one provider or PODS_A_STEP pods at a time."""
        merged, said, failed = Merged(), dict[int, Provided](), set[int]()
        for number in range(len(self.providers)):
            provided = self._said(number, agent, targets)
            if provided is None:
                failed.add(number)
            else:
                said[number] = provided
                merged.add(number, provided)
                self._of_pods.update((number,) if provided.facts else ())
            yield
        merged.pods.update({target.key.pod: {} for target in targets})
        own = (name for name in merged.facts if self._owns(agent.namespace, name))
        merged.pods.update({name: {} for name in own})
        failed |= yield from self._add_pods(merged, said, agent)
        for number in range(len(self.providers)):
            self._given[number] |= merged.given(number)
        for number in failed:
            merged.fail(self._given[number])
        self._tell_twins(merged.twice)
        merged.refuse_twins()
        listed = {target.key.pod for target in targets if not target.discovered}
        every = (merged.pod(name, self._since(watched.get(name, now)), listed=name in listed) for name in merged.pods)
        pods = yield from in_steps(every)
        version = merged.labels.get("app.kubernetes.io/version", "")
        by_name = {each.name: each for each in pods}
        evidence = EvidenceSet(agent, merged.sources, by_name, merged.digests, version)
        return Gathered(evidence, merged.labels, frozenset(failed))

    def given(self, numbers: Iterable[int]) -> frozenset[SourceName] | None:
        """The sources that these providers ever gave; None: one of them tells of pods, whose ends others tell too."""
        given = [() if number in self._of_pods else self._given[number] for number in numbers if number >= 0]
        return frozenset[SourceName]().union(*given) if all(given) else None

    def look_in_steps(self, agent: AgentRef, targets: Sequence[Target]) -> Steps[Looked]:
        """The dates alone, in steps: most evidence of most agents is as it was, seen once more."""
        said = dict[int, Provided]()
        for number in range(len(self.providers)):
            provided = self._said(number, agent, targets)
            said |= {number: provided} if provided is not None else {}
            yield
        sources = {source: found for each in said.values() for source, found in each.sources.items()}
        pods = {target.key.pod for target in targets}
        pods.update(name for each in said.values() for name in each.facts if self._owns(agent.namespace, name))
        dates = {(source, ""): at for source, at in dates_in(sources).items()}
        names = ((number, name) for number, each in said.items() for name in each.pods if name in pods)
        for count, (number, name) in enumerate(names):
            dates |= {(source, name): at for source, at in self._dates_of(number, agent, said[number], name).items()}
            if count % PODS_A_STEP == 0:
                yield
        return Looked(dates, sources.get(_OBJECT))

    def _dates_of(self, number: int, agent: AgentRef, provided: Provided, pod: str) -> SourceDates:
        """Of one pod; none where its provider raises, which is told when the agent is judged."""
        if not isinstance(provided.pods, SourcesOfPods):
            return dates_in(self._of_pod(number, agent, provided, pod) or {})
        return self._asked(number, partial(provided.pods.dates, pod), {})

    def objects_of(self, agent: AgentRef, targets: Sequence[Target]) -> Seen[object] | Missing | None:
        """Source `kubernetes_object` of an agent alone, where anybody gives it: much cheaper than all that is known."""
        for number in range(len(self.providers)):
            provided = self._said(number, agent, targets)
            if provided is not None and _OBJECT in provided.sources:
                return provided.sources[_OBJECT]
        return None

    def _add_pods(self, merged: Merged, said: Mapping[int, Provided], agent: AgentRef) -> Steps[set[int]]:
        """Ask of each pod what is known of it; gives the providers that raised."""
        failed, count = set[int](), 0
        for number, provided in said.items():
            for name in provided.pods:
                if name not in merged.pods:
                    continue
                found = self._of_pod(number, agent, provided, name)
                if found is None:
                    failed.add(number)
                    break
                merged.add_pod(number, name, found)
                count += 1
                if count % PODS_A_STEP == 0:
                    yield
        return failed

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

    def take_changed(self) -> Iterator[tuple[int, Collection[AgentRef] | None]]:
        """Who tells, and of which agents something changed since this was asked last; None: maybe of all."""
        return ((number, self._changed(number)) for number in range(len(self.providers)))

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

    def _said(self, number: int, agent: AgentRef, targets: Sequence[Target]) -> Provided | None:
        """What a provider knows; None where it raised."""
        try:
            return self.providers[number].evidence_of(agent, targets)
        except Exception:  # the boundary: a provider that raises costs its own evidence
            self._logger.exception("evidence failed", agent=str(agent), provider=type(self.providers[number]).__name__)
            return None

    def _of_pod(self, number: int, agent: AgentRef, provided: Provided, pod: str) -> Sources | None:
        try:
            return provided.pods[pod]
        except Exception:  # the boundary: a provider that raises costs its own evidence
            self._logger.exception("evidence failed", agent=str(agent), provider=type(self.providers[number]).__name__)
            return None

    def _tell_twins(self, twice: set[SourceName]) -> None:
        if twice - self._told:
            self._told |= twice
            log.error("evidence given twice", extra={"sources": ", ".join(sorted(twice))})
