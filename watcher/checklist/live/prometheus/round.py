"""One round of questions to Prometheus, for all agents at once: at most client.QUESTIONS of them.

1. The rules that are loaded. Without them nothing else is asked.
2. Which series are this installation's.
3. Which rules select series of which agent: now, and an hour at a time over 7 days where it is time for that.
4. Figures, each for itself: one that cannot be had leaves the others.
"""

import logging
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import TypeVar

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import AgentRef
from probes.controls.evidence.alerts.golden_signals import signal_of
from probes.controls.evidence.alerts.prometheus import NOTHING_TOLD, Untold
from watcher.checklist.live.prometheus.asking_error import AskingError
from watcher.checklist.live.prometheus.client import PrometheusClient
from watcher.checklist.live.prometheus.figures.asker import Alerts, Asker
from watcher.checklist.live.prometheus.figures.decisions import Decisions
from watcher.checklist.live.prometheus.figures.peaks import Peaks
from watcher.checklist.live.prometheus.figures.scrapes import MOST_TARGETS, Scrapes
from watcher.checklist.live.prometheus.known import Asked, Known, Slow
from watcher.checklist.live.prometheus.own_labels import (
    CLUSTER,
    OwnLabels,
    found_labels,
    given_labels,
    several_clusters,
)
from watcher.checklist.live.prometheus.rule_book import MOST_GROUPS, ReadRules, RuleReader
from watcher.checklist.live.prometheus.samples import PodRef
from watcher.checklist.live.prometheus.selection import (
    MOST_SELECTORS,
    Found,
    Selection,
    ask_lately,
    ask_now,
    slots_of,
    within,
)
from watcher.config.witnesses.prometheus import PrometheusSettings
from watcher.runtime.failures import FailuresLogger

T = TypeVar("T")
_logger = FailuresLogger(logging.getLogger(__name__))

_NOT_OURS = Untold(
    UnknownReason.NO_DATA,
    "Prometheus has no series of this process, and checklist.prometheus.labels does not say which ones are this "
    "watcher's and of its cluster.",
)

_SEVERAL = Untold(
    UnknownReason.NO_DATA,
    "checklist.prometheus.labels fit watchers of several clusters: they do not say which series are of this one.",
)


async def ask(settings: PrometheusSettings, asked: Asked, before: Known | None, slow_every: float) -> Known:
    """A round; AskingError where not even the rules can be had. `slow_every`: seconds between slow questions."""
    async with PrometheusClient(settings) as client:
        reader = RuleReader(asked.alerts)
        date = await client.rules(MOST_GROUPS, reader.take)
        rules = reader.read(asked.date if date is None else date)
        return await _Round(client, rules, asked, before, slow_every).ask(settings)


class _Round:
    def __init__(
        self, client: PrometheusClient, rules: ReadRules, asked: Asked, before: Known | None, slow_every: float
    ) -> None:
        self._client, self._rules, self._asked, self._before = client, rules, asked, before
        self._slow_every = slow_every
        self._trouble: UnknownReason | None = None
        self._namespaces = sorted({agent.namespace for agent in asked.pods})

    async def ask(self, settings: PrometheusSettings) -> Known:
        labels, untold = await self._labels(settings)
        if labels is None:
            return Known(self._rules, untold=untold, measures=untold, trouble=self._trouble)
        self._rules = self._rules.within(labels.of_all)
        asker = Asker(self._client, labels, within(self._namespaces))
        selection, slow, untold = await self._selection(asker, labels)
        known, _ = await self._part(asker.known(), frozenset())
        measured, measures = await self._part(asker.measured(), frozenset())
        return Known(
            rules=self._rules,
            labels=labels,
            selection=selection,
            untold=untold,
            known=known,
            measured=measured,
            measures=measures,
            throttled=(await self._part(asker.throttled(), {}))[0],
            fired=(await self._part(asker.fired(), Alerts()))[0],
            cluster=(await self._part(asker.cluster(), NOTHING_TOLD))[0],
            scrapes=await self._scrapes(labels),
            slow=slow,
            decisions=await self._decisions(asker),
            exported=await self._exported(asker),
            peaks=await self._peaks(asker),
            at=self._asked.date,
            trouble=self._trouble,
        )

    async def _decisions(self, asker: Asker) -> Decisions:
        kept = self._before.decisions if self._before is not None else Decisions()
        found, untold = await self._part(asker.decisions(), {})
        if untold is None:
            kept.take(self._asked.date, found, self._asked.pods)
        return kept

    async def _exported(self, asker: Asker) -> Mapping[PodRef, frozenset[str]] | None:
        if not self._asked.families:
            return None
        return (await self._part(asker.exported(self._asked.families), None))[0]

    async def _peaks(self, asker: Asker) -> Peaks:
        kept = (self._before.peaks if self._before is not None else Peaks()).limited_to(asker.near)
        await self._part(kept.ask(asker.peaks, self._asked.date), None)
        return kept

    async def _part(self, question: Awaitable[T], otherwise: T) -> tuple[T, Untold | None]:
        """The answer, or what stands for it and why."""
        try:
            return await question, None
        except AskingError as error:
            if error.reason is not UnknownReason.SOURCE_MISSING:  # that a server has no targets is no trouble of it
                _logger.warning("evidence not had", source="prometheus")
                self._trouble = self._trouble or error.reason
            return otherwise, Untold(error.reason, error.message)

    async def _labels(self, settings: PrometheusSettings) -> tuple[OwnLabels | None, Untold | None]:
        given = given_labels(settings.labels)
        if given is not None:
            return await self._of_one_cluster(given)
        found, untold = await self._part(found_labels(self._client, self._asked.started), None)
        if found is None and self._before is not None:
            found = self._before.labels  # once found it stays: of a watcher that is not scraped now, too
        return found, untold or (_NOT_OURS if found is None else None)

    async def _of_one_cluster(self, given: OwnLabels) -> tuple[OwnLabels | None, Untold | None]:
        """Labels of the config that name no cluster may fit several; what was found to fit one stays, as above."""
        before = self._before.labels if self._before is not None else None
        if CLUSTER in given.of_all:
            return given, None
        several, untold = await self._part(several_clusters(self._client, given), otherwise=False)
        if several or (untold is not None and before != given):
            return None, untold or _SEVERAL
        return given, None

    async def _selection(self, asker: Asker, labels: OwnLabels) -> tuple[Selection, Slow | None, Untold | None]:
        slots, alerts, objectives = slots_of(self._rules, self._is_wanted)
        parted = [number for number, each in enumerate(alerts) if not each.whole]
        self._rules = self._rules.untellable(parted, f"more than {MOST_SELECTORS} selectors would be asked for")
        question = ask_now(self._client, slots, labels, self._namespaces)
        now, untold = await self._part(question, Found())
        slow = self._before.slow if self._before is not None else None
        asked_for = frozenset(slots.numbers.items())
        if slow is None or slow.slots != asked_for or self._asked.date - slow.at >= self._slow_every:
            late = ask_lately(self._client, slots, labels, self._namespaces)
            lately, later = await self._part(late, Found())
            flapped, _ = await self._part(asker.flapped(), Alerts())
            slow, untold = (
                Slow(asked_for, lately, flapped, self._asked.date) if later is None else None,
                untold or later,
            )
        if slow is None:
            return Selection(alerts, objectives, now), None, untold
        slow.lately.add(now)
        return Selection(alerts, objectives, now, slow.lately), slow, untold

    def _is_wanted(self, number: int) -> bool:
        """Whether it must be known what this rule of the book selects."""
        rule = self._rules.book.alerts[number]
        return bool(rule.control or not rule.runbook_url or (rule.severity == "warning" and signal_of(rule)))

    async def _scrapes(self, labels: OwnLabels) -> Mapping[PodRef, str]:
        found = Scrapes(_pods(self._asked.pods), labels.of_all)
        await self._part(self._client.targets(MOST_TARGETS, found.take), None)
        return found.of_pods


def _pods(agents: Mapping[AgentRef, Sequence[str]]) -> Collection[PodRef]:
    return {(agent.namespace, pod) for agent, pods in agents.items() for pod in pods}
