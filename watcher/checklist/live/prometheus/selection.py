"""Which rules select series of which agent? Asked for all agents at once, some selectors a question.

1. Each different selector is a bit; a rule is the bits of its selectors.
2. A question joins some selectors, each as `group by` of namespace and agent, or of namespace and pod where a series
   has no agent, with the selector's number as a label. An agent with a row has the bit.
3. Now and then the same is asked of the last 7 days, an hour at a time, for what is not there at this moment; what
   was there at a round since then is remembered.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentRef
from watcher.checklist.live.prometheus.asking_error import AskingError
from watcher.checklist.live.prometheus.client import PrometheusClient
from watcher.checklist.live.prometheus.own_labels import OwnLabels, quoted
from watcher.checklist.live.prometheus.promql import Selector
from watcher.checklist.live.prometheus.rule_book import ReadRules, Sought, own_labels_of
from watcher.checklist.live.prometheus.samples import PodRef, Sample

MOST_SELECTORS = 80
"""That are asked for; what more there is stays untold."""

_AT_ONCE = 10
_MOST_ROWS = 200_000
_MOST_NAMESPACES = 200
"""That a question is limited to by name; where agents are in more, it asks for all."""

_LOOKED_BACK = "[7d:1h]"
_SLOT = "agentweave_slot"
_AN_AGENT, _A_POD = 'agent!=""', ('agent=""', 'pod!=""')


class Bits(NamedTuple):
    """Of one rule: the selectors that tell, and those that will."""

    of: int
    conditional: int
    whole: bool  # all of its selectors are asked for


@dataclass(slots=True)
class Slots:
    """All selectors, each once."""

    numbers: dict[Selector, int] = field(default_factory=dict)

    def bits(self, sought: Sought) -> Bits:
        """Of one rule; what there is no room for is left out."""
        given = [self._number(each) for each in sought.selectors]
        return Bits(
            sum({1 << each for each in given if each is not None}),
            sum({1 << each for each in map(self._number, sought.conditional) if each is not None}),
            None not in given,
        )

    def _number(self, selector: Selector) -> int | None:
        if selector not in self.numbers and len(self.numbers) >= MOST_SELECTORS:
            return None
        return self.numbers.setdefault(selector, len(self.numbers))


@dataclass(slots=True)
class Found:
    """Bits by agent, and by pod for series that name no agent."""

    agents: dict[AgentRef, int] = field(default_factory=dict)
    pods: dict[PodRef, int] = field(default_factory=dict)

    def take(self, sample: Sample) -> None:
        """One row of an answer; AskingError."""
        slot = sample.label(_SLOT)
        if not slot.isascii() or not slot.isdigit() or int(slot) >= MOST_SELECTORS:
            raise AskingError(UnknownReason.UNPARSEABLE, "Prometheus gives series that were not asked for.")
        if sample.agent is not None:
            self.agents[sample.agent] = self.agents.get(sample.agent, 0) | 1 << int(slot)
        else:
            self.pods[sample.pod] = self.pods.get(sample.pod, 0) | 1 << int(slot)

    def add(self, other: "Found") -> None:
        """What another answer with the same numbers found, too."""
        for agent, bits in other.agents.items():
            self.agents[agent] = self.agents.get(agent, 0) | bits
        for pod, bits in other.pods.items():
            self.pods[pod] = self.pods.get(pod, 0) | bits

    def of(self, agent: AgentRef, pods: Iterable[str]) -> int:
        """All bits of an agent with these pods."""
        found = self.agents.get(agent, 0)
        for pod in pods:
            found |= self.pods.get((agent.namespace, pod), 0)
        return found


@dataclass(frozen=True, slots=True)
class Selection:
    """What each rule selects, by agent."""

    alerts: tuple[Bits, ...] = ()
    objectives: tuple[Bits, ...] = ()
    now: Found = field(default_factory=Found)
    lately: Found = field(default_factory=Found)  # within 7 days

    def of(self, agent: AgentRef, pods: Sequence[str]) -> int:
        """The bits that an agent has, or had within 7 days."""
        return self.now.of(agent, pods) | self.lately.of(agent, pods)


def slots_of(rules: ReadRules, wanted: Callable[[int], bool]) -> tuple[Slots, tuple[Bits, ...], tuple[Bits, ...]]:
    """The selectors of the alerting rules that are `wanted`, by their place in the book, and of all objectives.

    Rules that answer a control are seen to first.
    """
    slots, alerts = Slots(), dict.fromkeys(range(len(rules.alerts)), _NOT_WANTED)
    for number in sorted(filter(wanted, alerts), key=lambda each: not rules.book.alerts[each].control):
        alerts[number] = slots.bits(rules.alerts[number])
    return slots, tuple(alerts.values()), tuple(slots.bits(each) for each in rules.objectives)


_NOT_WANTED = Bits(0, 0, whole=True)


async def ask_now(client: PrometheusClient, slots: Slots, labels: OwnLabels, namespaces: Sequence[str]) -> Found:
    """Who has series now; AskingError."""
    return await _ask(client, slots, labels, namespaces, lambda each: each)


async def ask_lately(client: PrometheusClient, slots: Slots, labels: OwnLabels, namespaces: Sequence[str]) -> Found:
    """Who had some within 7 days; AskingError."""
    return await _ask(client, slots, labels, namespaces, lambda each: f"last_over_time(({each}){_LOOKED_BACK})")


async def _ask(
    client: PrometheusClient,
    slots: Slots,
    labels: OwnLabels,
    namespaces: Sequence[str],
    when: Callable[[str], str],
) -> Found:
    found, near, every = Found(), within(namespaces), list(slots.numbers.items())
    for first in range(0, len(every), _AT_ONCE):
        some = every[first : first + _AT_ONCE]
        asked = " or ".join(_slot(selector, number, labels, near, when) for selector, number in some)
        await client.query(asked, _MOST_ROWS, found.take)
    return found


def within(namespaces: Sequence[str]) -> Sequence[str]:
    """A matcher for series of these namespaces, where they are few enough to be named."""
    if not namespaces or len(namespaces) > _MOST_NAMESPACES:
        return ()
    return (f"namespace=~{quoted('|'.join(map(re.escape, namespaces)))}",)


def _slot(selector: Selector, number: int, labels: OwnLabels, near: Sequence[str], when: Callable[[str], str]) -> str:
    more = (*labels.matchers(own=own_labels_of(selector)), *near)
    of_agents = when(f"group by (namespace, agent) ({selector.text(*more, _AN_AGENT)})")
    of_pods = when(f"group by (namespace, pod) ({selector.text(*more, *_A_POD)})")
    return f'label_replace({of_agents} or {of_pods}, "{_SLOT}", "{number}", "", "")'
