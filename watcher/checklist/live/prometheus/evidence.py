"""The provider of what Prometheus and Alertmanager know: one round every few minutes, and what it told is kept."""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import inf

from probes.contract import Target, TargetKey
from probes.controls.catalogue.control import SourceName, UnknownReason
from probes.controls.catalogue.loading import control_named
from probes.controls.evidence import AgentRef, Missing, PrometheusLook, Seen
from probes.controls.evidence.alerts.prometheus import ENOUGH_DECISIONS, WATCHDOG, RuleBook
from watcher.checklist.live.prometheus.alertmanager import AlertmanagerWitness
from watcher.checklist.live.prometheus.asking_error import AskingError
from watcher.checklist.live.prometheus.figures.stated_families import Stating, stated_families
from watcher.checklist.live.prometheus.known import Asked, Known
from watcher.checklist.live.prometheus.round import ask
from watcher.checklist.live.prometheus.runbooks import Runbook, runbooks_of
from watcher.checklist.live.provider import Presence, Provided
from watcher.config.settings import Settings
from watcher.metrics.families import PREFIX
from watcher.metrics.own import OwnMetrics
from watcher.runtime.clock import Clock
from watcher.runtime.cooperative import TimeSlice
from watcher.runtime.failures import FailuresLogger

_KEPT = 900.0
"""Seconds for which what was told is kept while nobody can be asked: the catalogue takes it for too old then."""

_AGAIN = 30.0
"""Seconds after a round that found no series of this watcher: it is scraped soon after it starts."""

_SLOW_EVERY = 3600.0
_OFF = Missing(UnknownReason.NOT_ENABLED, "checklist.prometheus names no Prometheus.")
_NO_ALERTMANAGER = Missing(UnknownReason.NOT_ENABLED, "The section alertmanager names none.")
_FAILED = Missing(
    UnknownReason.EVALUATOR_ERROR, "The watcher failed to ask; this is a bug of the watcher; see its log."
)
_NOT_YET = Missing(UnknownReason.OBSERVING, "It was not asked yet.")


def _no_records(_: AgentRef) -> Iterable[Stating]:
    return ()


class PrometheusEvidence:
    """Sources prometheus and alertmanager of each agent."""

    def __init__(
        self,
        settings: Settings,
        controls: Collection[str],
        targets: Callable[[], Iterable[TargetKey]],
        own_metrics: OwnMetrics,
        clock: Clock,
        records: Callable[[AgentRef], Iterable[Stating]] = _no_records,
    ) -> None:
        """`controls`: all ids; `targets`: of the board; `records`: those of an agent that are valid. `tick` is to be
        called about once a second."""
        self._records = records
        self._controls, self._targets, self._own_metrics, self._clock = controls, targets, own_metrics, clock
        self._settings = settings.checklist.prometheus
        self._known: Known | None = None
        self._seen_at, self._due = -inf, -inf  # steady seconds
        self._error: Missing | None = None
        self._alertmanager: AlertmanagerWitness | None = None
        self._told: dict[AgentRef, object] = {}
        self._told_of_alertmanager: object = None
        self._changed: set[AgentRef] | None = set()
        self._logger = FailuresLogger(logging.getLogger(__name__))
        self._running: asyncio.Task[None] | None = None
        self.adopt(settings)

    def adopt(self, settings: Settings) -> None:
        """Ask by these settings from now on."""
        if settings.checklist.prometheus != self._settings:
            self._known, self._error = None, None  # another server knows other things
        self._settings, self._every = settings.checklist.prometheus, settings.checklist.intervals.prometheus
        named = self._settings.alerts if self._settings is not None else {}
        self._alerts = {control_named(name, self._controls): alert for name, alert in named.items()}
        url = settings.alertmanager.url if settings.alertmanager is not None else ""
        if url != (self._alertmanager.url if self._alertmanager is not None else ""):
            self._alertmanager = AlertmanagerWitness(url) if url else None
        self._due, self._changed = -inf, None

    async def tick(self) -> None:
        """Begin a round, where it is time for one."""
        if not self.is_busy and self._clock.steady() >= self._due:
            self._running = asyncio.create_task(self.ask())

    @property
    def is_busy(self) -> bool:
        """Whether a round is under way."""
        return self._running is not None and not self._running.done()

    async def ask(self) -> None:
        """One round now."""
        self._due = self._clock.steady() + self._every
        await asyncio.gather(self._ask_prometheus(), self._ask_alertmanager())

    async def close(self) -> None:
        """Ask no more."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    def agents(self) -> Collection[AgentRef]:
        """None: what has series may be gone."""
        return ()

    def presence(self, _: AgentRef, /) -> Presence:
        """Gone: nothing is known here of what is there."""
        return Presence.GONE

    def evidence_of(self, agent: AgentRef, pods: Sequence[Target], /) -> Provided:
        """What is known of this agent."""
        names = [each.key.pod for each in pods]
        return Provided(
            {
                SourceName.PROMETHEUS: self._prometheus_of(agent, names),
                SourceName.ALERTMANAGER: self._alertmanager_now(),
            }
        )

    def runbooks_of(self, agent: AgentRef, pods: Sequence[str]) -> Sequence[Runbook] | None:
        """The runbooks that rules name which watch it, as far as Prometheus told last; None: it has not yet."""
        if self._known is None:
            return () if self._settings is None else None
        return tuple(runbooks_of(self._known.of(agent, pods), self._known.at))

    def take_changed(self) -> Collection[AgentRef] | None:
        """Agents of which the newest round told something else."""
        changed, self._changed = self._changed, set()
        return changed

    def sources_up(self) -> Mapping[str, str]:
        """Those that are configured."""
        up: dict[str, str] = {}
        if self._settings is not None and (self._known is not None or self._error is not None):
            trouble = self._error.reason if self._error is not None else self._known.trouble if self._known else None
            up["prometheus"] = str(trouble or "")
        if self._alertmanager is not None and self._alertmanager.asked:
            error = self._alertmanager.error
            up["alertmanager"] = str(error.reason) if error is not None else ""
        return up

    async def _ask_prometheus(self) -> None:
        if self._settings is None:
            self._known, self._error = None, None
            return
        agents = await self._agents()
        started = self._own_metrics.registry.get_sample_value(f"{PREFIX}process_start_time_seconds")
        families = stated_families(agents, self._records)
        asked = Asked(agents, self._alerts, started, self._date(), families)
        try:
            self._known = await ask(self._settings, asked, self._known, _SLOW_EVERY)
        except AskingError as error:
            self._logger.warning("evidence not had", source="prometheus")
            self._error = Missing(error.reason, error.message)
        except Exception:  # the boundary: the next round comes, and what was told becomes too old meanwhile
            self._logger.exception("round failed")
            self._error = _FAILED
        else:
            self._error, self._seen_at = None, self._clock.steady()
            if self._known.labels is None:
                self._due = min(self._due, self._seen_at + _AGAIN)
        await self._compare(agents)

    async def _ask_alertmanager(self) -> None:
        if self._alertmanager is None:
            return
        try:
            await self._alertmanager.ask(self._clock.steady(), self._date())
        except Exception:  # the boundary, as above
            self._logger.exception("round failed")
            self._alertmanager.error = _FAILED
        told = self._alertmanager.told
        if told != self._told_of_alertmanager:
            self._told_of_alertmanager, self._changed = told, None

    async def _agents(self) -> dict[AgentRef, list[str]]:
        found, time_slice = dict[AgentRef, list[str]](), TimeSlice()
        for key in list(self._targets()):
            found.setdefault(AgentRef(key.namespace, key.agent), []).append(key.pod)
            await time_slice.checkpoint()
        return found

    async def _compare(self, agents: Mapping[AgentRef, Sequence[str]]) -> None:
        """Note of which agents something else is told than before."""
        told, time_slice, lost = dict[AgentRef, object](), TimeSlice(), self._is_lost()
        rules = _rules(self._known.rules.book) if self._known is not None else 0
        for agent, pods in agents.items():
            if lost or self._known is None:
                told[agent] = self._error
            else:
                told[agent] = rules, _essence(self._known.of(agent, pods))
            if self._changed is not None and told[agent] != self._told.get(agent):
                self._changed.add(agent)
            await time_slice.checkpoint()
        self._told = told

    def _prometheus_of(self, agent: AgentRef, pods: Sequence[str]) -> Seen[object] | Missing:
        if self._settings is None:
            return _OFF
        if self._known is None or self._is_lost():
            return self._error or _NOT_YET
        ref = f"prometheus {self._settings.url}"
        return Seen(self._known.of(agent, pods), self._clock.date_of(self._seen_at), ref)

    def _is_lost(self) -> bool:
        return self._error is not None and self._clock.steady() - self._seen_at > _KEPT

    def _alertmanager_now(self) -> Seen[object] | Missing:
        if self._alertmanager is None:
            return _NO_ALERTMANAGER
        return self._alertmanager.now(self._clock.steady(), self._clock.date_of)

    def _date(self) -> float:
        return self._clock.date_of(self._clock.steady())


def _essence(look: PrometheusLook) -> int:
    """Differs where a judge may say something else; figures that only move are left out."""
    cluster = look.cluster
    limits = [None if each is None else each.bad >= 0.01 * each.all for each in (cluster.spans, cluster.secret_writes)]
    return hash(
        (
            (look.selected, look.conditional, look.objectives, look.untold, look.known),
            (look.measured, look.measures, look.scraped, frozenset(look.unscraped.items()), frozenset(look.throttled)),
            tuple((each.name, each.first_at) for each in look.fired),
            tuple((each.name, each.days, each.share > 0) for each in look.flapped),
            (look.exported, look.peak, bool(look.decided) and look.decided[-1].decisions >= ENOUGH_DECISIONS),
            (*limits, cluster.secret_writes and cluster.secret_writes.bad >= cluster.secret_writes.all),
        )
    )


def _rules(book: RuleBook) -> int:
    """The same of the rules: that one fires is no change, but for the one that always does."""
    return hash(
        (
            tuple(each if each.name == WATCHDOG else each._replace(firing=False) for each in book.alerts),
            book.objectives,
            book.unread,
        )
    )
