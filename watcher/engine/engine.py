"""Identity, sources, probes and board, wired: what looks and judges. The daemon and `check` both drive one."""

import time
from collections.abc import Callable, Mapping, Sequence

from probes import AnyProbe, AnySourceKind, load_sources
from probes.contract import Source, SourceContext, SourceSettings, Target, TargetKey
from probes.sources.names import Names
from watcher.config.settings import Settings
from watcher.engine.board import Board, TargetState
from watcher.engine.clocks.clock_watch import ClockWatch
from watcher.engine.clocks.peer_clocks import PeerClocks
from watcher.engine.costs import Costs
from watcher.engine.fleet import Fleet
from watcher.engine.isolation import Isolation
from watcher.engine.look_round import LookRound
from watcher.engine.looks.looker import Looker
from watcher.engine.majority import VoteCounter
from watcher.engine.overload import Overload
from watcher.engine.restored import Kept
from watcher.identity import Identity, open_identity
from watcher.metrics.families import ACTIVE, SHARDS
from watcher.metrics.own import OwnMetrics
from watcher.runtime.clock import Clock
from watcher.runtime.cooperative import TimeSlice
from watcher.runtime.descriptors import Descriptors
from watcher.runtime.loop_lag import LoopLag
from watcher.runtime.role import Role


class Engine:
    """All that looks and judges, without a schedule: somebody says when."""

    def __init__(self, settings: Settings, probes: Sequence[AnyProbe], clock: Clock, *, once: bool = False) -> None:
        self.settings, self.clock, self._once = settings, clock, once
        self._for_checklist = once or settings.checklist.enabled  # as it was at the start
        self.role = Role(active=settings.standby is None)
        wanted = {probe.source for probe in probes}
        self.kinds = [kind for kind in load_sources() if kind.name in wanted]
        self.board = Board(probes, self.kinds, clock.steady, clock.date_of)
        self.own_metrics = OwnMetrics(probes, [kind.name for kind in self.kinds])
        self.own_metrics.set(SHARDS, settings.shard.count)
        self.own_metrics.set(ACTIVE, self.role.active, str(settings.shard.index))
        self.identity: Identity = open_identity(settings.identity, clock.steady, date=clock.wall)
        self.descriptors = Descriptors(sum(kind.concurrency for kind in self.kinds), time.monotonic)
        lag, peer_clocks = LoopLag(time.monotonic), PeerClocks(clock)
        self.fleet = Fleet(VoteCounter(), Isolation(), lag, peer_clocks, self.descriptors)
        self.clock_watch = ClockWatch(clock, peer_clocks, self.new_round)
        self.overload = Overload(time.monotonic)
        self.on_gone: list[Callable[[TargetState], None]] = []  # who is told of each target that is there no more
        self._names = Names()
        self.lookers = {kind.name: self._looker(kind) for kind in self.kinds}
        self._set_intervals()

    async def replace_targets(self, targets: Sequence[Target], restored: Mapping[TargetKey, Kept]) -> list[TargetState]:
        """Watch exactly these from now on; gives the states that are new or changed."""
        before, time_slice = list(self.board.states.items()), TimeSlice()
        fresh = await self.board.replace(targets, restored)
        await time_slice.checkpoint()
        for state in fresh:
            for probe, result in zip(self.board.probes, state.results, strict=True):
                if result is None:  # which nobody judges by any more
                    self.fleet.vote_counter.vote(state.target.key, probe.name, ())
            await time_slice.checkpoint()
        renamed = {target.key._replace(agent=target.formerly) for target in targets if target.formerly}
        while before:  # one by one: to free ten thousand at once would hold up all looks
            key, state = before.pop()
            if key not in self.board.states:
                self.fleet.vote_counter.forget(key)
                self.fleet.isolation.forget(key)
                for tell in self.on_gone if key not in renamed else ():
                    tell(state)
            await time_slice.checkpoint()
        self.fleet.peer_clocks.keep(self.board.states.keys())
        self.costs.keep(self.board.states)
        for kind in self.kinds:
            await time_slice.checkpoint()
            self.lookers[kind.name].source.fleet_changed([each for each in targets if getattr(each, kind.endpoint)])
        return fresh

    def adopt(self, settings: Settings) -> dict[str, Source]:
        """Look by these settings from now on; gives the sources that were replaced, to be closed after their looks."""
        before, self.settings = self.settings, settings
        changed = [kind for kind in self.kinds if self._of(kind) != before.sources[kind.name]]
        replaced = {kind.name: self.lookers[kind.name].source for kind in changed}
        self.lookers |= {kind.name: self._looker(kind) for kind in changed}
        self._set_intervals()
        return replaced

    def looked_at(self, kind_name: str, state: TargetState) -> bool:
        """Whether any probe wants this source to look at the target."""
        pairs = zip(self.board.probes, state.results, strict=True)
        return any(
            result is not None and probe.source == kind_name and result.rests_on_looks for probe, result in pairs
        )

    def new_round(self, since: float) -> LookRound:
        """All targets, to be looked at by all their sources since that moment (steady seconds)."""
        return LookRound(self.board.states.values(), self.sources_of, since)

    def sources_of(self, state: TargetState) -> list[str]:
        """Which sources look at the target."""
        return [kind.name for kind in self.kinds if self.looked_at(kind.name, state)]

    async def close(self) -> None:
        """Give back sockets, threads and channels."""
        for looker in self.lookers.values():
            await looker.source.close()
        await self._names.close()
        await self.identity.close()

    @property
    def source_context(self) -> SourceContext:
        """What any source here may touch."""
        return SourceContext(
            self.identity,
            self.clock.steady,
            self.clock.wall,
            self._names,
            self._clock_doubt,
            gate=self.fleet.gate,
            for_checklist=self._for_checklist,
        )

    @property
    def costs(self) -> Costs:
        """Which targets cost most CPU lately."""
        return self.fleet.costs

    def interval(self, kind_name: str) -> float:
        """Seconds between two looks at a source."""
        return self.lookers[kind_name].interval

    def _clock_doubt(self) -> str:
        return self.fleet.peer_clocks.doubt

    def _of(self, kind: AnySourceKind) -> SourceSettings:
        return self.settings.sources[kind.name]

    def _looker(self, kind: AnySourceKind) -> Looker:
        settings = self._of(kind)
        source = kind.open(settings, self.source_context)
        return Looker(
            kind,
            source,
            settings,
            self.board,
            self.fleet,
            self.own_metrics,
            self.clock,
            once=self._once,
            for_checklist=self._for_checklist,
        )

    def _set_intervals(self) -> None:
        intervals = {name: looker.interval for name, looker in self.lookers.items()}
        self.board.set_intervals(intervals)
        self.fleet.isolation.interval = max(intervals.values())
