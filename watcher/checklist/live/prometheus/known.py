"""What came of one round of questions to Prometheus, and what of it is told of one agent."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentRef, PrometheusLook
from probes.controls.evidence.alerts.prometheus import NOTHING_TOLD, Cluster, Untold
from watcher.checklist.live.prometheus.figures.asker import Alerts, fired_of, flapped_of
from watcher.checklist.live.prometheus.figures.decisions import Decisions
from watcher.checklist.live.prometheus.figures.peaks import Peaks
from watcher.checklist.live.prometheus.own_labels import (
    OwnLabels,
)
from watcher.checklist.live.prometheus.rule_book import ReadRules
from watcher.checklist.live.prometheus.samples import PodRef
from watcher.checklist.live.prometheus.selection import (
    Bits,
    Found,
    Selection,
)


class Asked(NamedTuple):
    """What a round is about."""

    pods: Mapping[AgentRef, Sequence[str]]  # all agents with their pods
    alerts: Mapping[str, str]  # control -> the operator's own alert
    started: float | None  # Unix seconds when this process started, as it exports it
    date: float  # Unix seconds
    families: Collection[str] = ()  # that records of agents list, in small letters


class Slow(NamedTuple):
    """What is asked for once an hour."""

    slots: frozenset[object]  # the selectors that it was asked for
    lately: Found
    flapped: Alerts
    at: float  # Unix seconds


@dataclass(frozen=True, slots=True)
class Known:
    """What came of a round."""

    rules: ReadRules
    labels: OwnLabels | None = None
    selection: Selection = field(default_factory=Selection)
    untold: Untold | None = None  # why it is not known what rules select
    known: frozenset[AgentRef] = frozenset()
    measured: frozenset[PodRef] = frozenset()
    measures: Untold | None = None
    throttled: Mapping[PodRef, float] = field(default_factory=dict)
    fired: Alerts = field(default_factory=Alerts)
    cluster: Cluster = NOTHING_TOLD
    scrapes: Mapping[PodRef, str] = field(default_factory=dict)
    slow: Slow | None = None
    peaks: Peaks = field(default_factory=Peaks)
    decisions: Decisions = field(default_factory=Decisions)
    exported: Mapping[PodRef, frozenset[str]] | None = None
    at: float = 0.0  # Unix seconds
    trouble: UnknownReason | None = None  # of a part that could not be had

    def of(self, agent: AgentRef, pods: Sequence[str]) -> PrometheusLook:
        """What is known of one agent with these pods."""
        bits, places = self.selection.of(agent, pods), [(agent.namespace, pod) for pod in pods]
        scrapes = {pod: self.scrapes[agent.namespace, pod] for pod in pods if (agent.namespace, pod) in self.scrapes}
        return PrometheusLook(
            book=self.rules.book,
            selected=_chosen(self.selection.alerts, bits),
            conditional=frozenset(
                number for number, each in enumerate(self.selection.alerts) if each.conditional & bits
            ),
            objectives=_chosen(self.selection.objectives, bits),
            untold=self.untold,
            known=agent in self.known,
            measured=frozenset(pod for pod in pods if (agent.namespace, pod) in self.measured),
            measures=self.measures,
            scraped=frozenset(pod for pod, why in scrapes.items() if not why),
            unscraped={pod: why for pod, why in scrapes.items() if why},
            throttled={place[1]: self.throttled[place] for place in places if place in self.throttled},
            fired=fired_of(self.fired, agent, pods),
            flapped=flapped_of(self.slow.flapped, agent, pods) if self.slow is not None else (),
            cluster=self.cluster,
            peak=self.peaks.of(agent, self.at),
            decided=self.decisions.of(agent),
            exported=None if self.exported is None else _joined(self.exported.get(each, _NONE) for each in places),
        )


_NONE: frozenset[str] = frozenset()


def _joined(some: Iterable[frozenset[str]]) -> frozenset[str]:
    return _NONE.union(*some)


def _chosen(rules: Sequence[Bits], bits: int) -> frozenset[int]:
    return frozenset(number for number, each in enumerate(rules) if each.of & bits)
