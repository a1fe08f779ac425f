"""The checklist of a daemon, with all places where its evidence comes from: opened, driven, and closed."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from probes.contract import SourceSettings
from probes.controls.evidence import AgentRef, LastTry
from watcher.changes.change import Change
from watcher.checklist.finding_changes import FindingChanges
from watcher.checklist.live.checklist import Checklist
from watcher.checklist.live.criteria import Criteria
from watcher.checklist.live.gathering import Gathering
from watcher.checklist.live.history.daily_history import DailyHistory
from watcher.checklist.live.kept.keeper import FindingsKeeper
from watcher.checklist.live.known.known_evidence import KnownEvidence
from watcher.checklist.live.kubernetes.evidence import KubernetesEvidence
from watcher.checklist.live.kubernetes.opening import open_object_evidence
from watcher.checklist.live.outside.asked_evidence import AskedEvidence
from watcher.checklist.live.probing.last_tries import LastTries
from watcher.checklist.live.probing.prober import ProbedEvidence
from watcher.checklist.live.probing.source_settings import source_settings
from watcher.checklist.live.prometheus.evidence import PrometheusEvidence
from watcher.checklist.live.provider import EvidenceProvider
from watcher.checklist.live.records.evidence import RecordEvidence
from watcher.checklist.live.records.files import EVERY as RECORDS_EVERY
from watcher.checklist.live.records.kept import KeptRecords
from watcher.checklist.live.report_objects.report_object import Owner
from watcher.checklist.live.report_objects.report_writer import ReportWriter
from watcher.checklist.live.view import ChecklistView
from watcher.checklist.live.witnesses import Witnesses
from watcher.checklist.record_changes import RecordChanges
from watcher.config.checklist import ChecklistSettings
from watcher.config.replicas import Shard
from watcher.config.settings import Settings
from watcher.engine.engine import Engine
from watcher.scheduling.schedule import Schedule
from watcher.targets import TargetSet

_FIRST, _PROBED, _WITNESSED = 20.0, 60.0, 60.0
"""Seconds that one who asks by hand waits for the objects of the cluster, for the probes of all agents, and for what
others know of them."""


class LiveChecklist:
    """All of it."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        target_set: TargetSet,
        may_begin: Callable[[], bool],
        *,
        once: bool = False,
    ) -> None:
        """`may_begin`: whether the first round of looks was made; `once`: somebody asks by hand: nothing is kept."""
        self._engine, self._state_dir = engine, None if once else settings.state_dir
        self._objects = open_object_evidence(settings, target_set, engine.clock)
        self._probed = ProbedEvidence(engine, _probes(settings.checklist), self._state_dir)
        endings = self._objects.endings
        self._last_tries = LastTries(engine, endings) if endings is not None else None
        tries_of = endings.tries_of if endings is not None else _no_tries
        self._known = KnownEvidence(engine, self._state_dir, tries_of)
        criteria, states = Criteria(settings.checklist), lambda: engine.board.states
        controls = criteria.catalogue.by_id
        self._records = RecordEvidence(
            settings.checklist, controls, target_set.access, engine.clock, engine.own_metrics, self._state_dir
        )
        in_place = self._records.in_place
        self._prometheus = PrometheusEvidence(settings, controls, states, engine.own_metrics, engine.clock, in_place)
        linking = in_place, self._prometheus.runbooks_of
        self._witnesses = Witnesses(settings.checklist, engine, self._objects, *linking, self._state_dir)
        providers: list[EvidenceProvider] = [self._objects, self._known, self._probed, self._prometheus]
        providers += [self._records, *self._witnesses.providers]
        self._gathering = Gathering(providers, settings.shard.owns, self._objects.accounts, at_once=once)
        self._checklist = Checklist(
            criteria,
            self._gathering,
            states,
            engine.own_metrics,
            engine.clock,
            lambda: may_begin() and self._records.tried,
            self._records.of,
        )
        self._checklist.on_suspects = self._probed.confirm
        self._keeper = FindingsKeeper(self._checklist, self._state_dir)
        self.view = ChecklistView(self._checklist, self._keeper, _shard(settings.shard), self._records.book)
        self._reports = _report_writer(settings, engine, target_set, self.view, self._objects.owners_of)
        if self._reports is not None:
            self.view.troubles.append(self._reports.told)
        self._history = None
        if self._state_dir is not None:
            self._history = DailyHistory(settings.checklist.history, self._state_dir, self.view, engine.own_metrics)
            self.view.history = self._history
            self.view.troubles.append(self._history.told)

    @property
    def kubernetes(self) -> KubernetesEvidence | None:
        """What the watches of a cluster tell; None where nothing is found there."""
        return self._objects.cluster

    @property
    def logs(self) -> AskedEvidence:
        """Who reads the logs of agents, or says why nobody does."""
        return self._witnesses.logs

    @property
    def unwritable(self) -> str:
        """Why what was found cannot be kept; empty where it is."""
        of_evidence = self._probed.unwritable or self._known.unwritable or self._witnesses.unwritable
        of_records = self._records.unwritable or (self._history.unwritable if self._history is not None else "")
        return self._keeper.trouble or of_evidence or of_records

    def tell_changes(self, tell: Callable[[Sequence[Change]], None]) -> None:
        """Have findings that turn, and records that come and go, told as changes."""
        self._checklist.on_turn.append(FindingChanges(self._checklist.criteria.catalogue.by_id, tell))
        self._records.book.on_change.append(RecordChanges(tell))

    def ask_too(self, provider: EvidenceProvider) -> None:
        """Take evidence from this place too; before it starts."""
        self._gathering.add(provider)

    async def start(self, schedule: Schedule) -> None:
        """Judge from now on; what the last process left is taken up."""
        await self._keeper.restore()
        await self._probed.restore()
        await self._known.restore()
        self._objects.start()
        await self._records.start()
        schedule.every(RECORDS_EVERY, self._records.tick, "records")
        schedule.every(KeptRecords.EVERY, self._records.write, "seen records", first=KeptRecords.EVERY)
        schedule.every(KnownEvidence.KEPT_EVERY, self._known.write, "known", first=KnownEvidence.KEPT_EVERY)
        schedule.every(Checklist.EVERY, self._probed.tick, "probing")
        await self._witnesses.start(schedule, Checklist.EVERY)
        schedule.every(Checklist.EVERY, self._prometheus.tick, "prometheus")
        if self._last_tries is not None:
            schedule.every(Checklist.EVERY, self._last_tries.tick, "last tries")
        schedule.every(FindingsKeeper.EVERY, self._keeper.write, "findings", first=FindingsKeeper.EVERY)
        schedule.every(Checklist.EVERY, self._checklist.tick, "checklist")
        if self._reports is not None:
            schedule.every(ReportWriter.EVERY, self._reports.tick, "report objects")
        if self._history is not None:
            schedule.every(DailyHistory.EVERY, self._history.tick, "daily snapshots")

    async def judge_once(self, look: Callable[[], Awaitable[None]]) -> ChecklistView:
        """Judge all agents by what can be seen now; `look` looks at all targets. What is bad is looked at twice."""
        await asyncio.gather(look(), self._objects.first(_FIRST), self._records.first(_FIRST))
        witnesses = self._prometheus.ask(), self._witnesses.first(_WITNESSED)
        await asyncio.gather(self._probe_all(), *witnesses)
        await look()  # what was seen before the probes may be too old after them
        await self._checklist.judge_all()
        if suspects := self._checklist.suspects():
            await self._probe_all(suspects)
            await look()
            await self._checklist.judge_all()
        return self.view

    def adopt(self, settings: Settings) -> None:
        """Judge and probe by these settings from now on."""
        self._objects.adopt(settings)
        self._records.adopt(settings.checklist)
        self._checklist.adopt(settings.checklist)
        if self._history is not None:
            self._history.adopt(settings.checklist.history)
        self._probed.adopt(_probes(settings.checklist))
        self._witnesses.adopt(settings.checklist)
        self._prometheus.adopt(settings)

    async def close(self) -> None:
        """Ask no more, and keep what was found."""
        await self._objects.close()
        await self._probed.close()
        await self._records.close()
        await self._prometheus.close()
        if self._last_tries is not None:
            await self._last_tries.close()
        await self._known.write()
        await self._witnesses.close()
        await self._keeper.write_last()
        if self._history is not None:
            await self._history.close()

    async def _probe_all(self, agents: Collection[AgentRef] | None = None) -> None:
        """All targets by all sources, or those of some agents; not all where that takes too long."""
        end = time.monotonic() + _PROBED
        await self._probed.tick()
        self._probed.look_again(agents)
        while self._probed.is_busy and time.monotonic() < end:
            await asyncio.sleep(0.1)
            await self._probed.tick()


def _report_writer(
    settings: Settings,
    engine: Engine,
    target_set: TargetSet,
    view: ChecklistView,
    owners: Callable[[AgentRef], Sequence[Owner]],
) -> ReportWriter | None:
    access, shard = target_set.access, settings.shard
    if access is None or not settings.checklist.reports:
        return None
    suffix = "" if shard.count == 1 else f"-shard-{shard.index}"
    active, steady = lambda: engine.role.active, engine.clock.steady
    return ReportWriter(access, view, owners, active, steady, engine.own_metrics, suffix)


def _no_tries(_: AgentRef) -> tuple[LastTry, ...]:
    return ()


def _probes(settings: ChecklistSettings) -> Mapping[str, SourceSettings]:
    intervals = {"health": settings.intervals.health, "tls_posture": settings.intervals.tls_posture}
    return source_settings(intervals, hostile_handshakes=settings.hostile_handshakes)


def _shard(shard: Shard) -> str:
    if shard.count == 1:
        return ""
    return f"judged by the pods of shard {shard.index} of {shard.count} alone: the worst of all shards counts"
