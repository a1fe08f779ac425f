"""The parts of a watch, wired: identity, sources, probes, board. The daemon and `check` both drive one."""

import time
from collections.abc import Callable, Mapping, Sequence

from probes import AnyProbe, AnySourceKind, load_sources
from probes.contract import Kit, Source, SourceSettings, Target, TargetKey
from watcher.config.settings import Settings
from watcher.engine.board import Board, Carried, Row
from watcher.engine.isolation import Isolation
from watcher.engine.looker import Fleet, Looker
from watcher.engine.majority import Census
from watcher.identity import Identity, open_identity
from watcher.metrics.own import ACTIVE, SHARDS, LoopLag, Vitals
from watcher.runtime.cooperative import Turns
from watcher.runtime.role import Role


class Watch:
    """All that looks and judges, without a schedule: somebody says when."""

    def __init__(
        self, settings: Settings, probes: Sequence[AnyProbe], now: Callable[[], float], *, once: bool = False
    ) -> None:
        self.settings, self.now, self._once = settings, now, once
        self.role = Role(active=settings.standby is None)
        wanted = {probe.source for probe in probes}
        self.kinds = [kind for kind in load_sources() if kind.name in wanted]
        self.board = Board(probes, self.kinds, now)
        self.vitals = Vitals(probes, [kind.name for kind in self.kinds])
        self.vitals.set(SHARDS, settings.shard.count)
        self.vitals.set(ACTIVE, self.role.active, str(settings.shard.index))
        self.identity: Identity = open_identity(settings.identity, now)
        self.fleet = Fleet(Census(), Isolation(), LoopLag(time.monotonic))
        self.lookers = {kind.name: self._looker(kind) for kind in self.kinds}
        self._set_intervals()

    async def replace_targets(self, targets: Sequence[Target], carried: Mapping[TargetKey, Carried]) -> list[Row]:
        """Watch exactly these from now on; gives the rows that are new or changed."""
        before, turns = self.board.rows, Turns()
        fresh = await self.board.replace(targets, carried)
        await turns.pause()
        for key in before:
            if key not in self.board.rows:
                self.fleet.census.forget(key)
                self.fleet.isolation.forget(key)
        for kind in self.kinds:
            await turns.pause()
            self.lookers[kind.name].source.fleet_changed([each for each in targets if getattr(each, kind.part)])
        return fresh

    def adopt(self, settings: Settings) -> dict[str, Source]:
        """Look by these settings from now on; gives the sources that were replaced, to be closed after their looks."""
        before, self.settings = self.settings, settings
        changed = [kind for kind in self.kinds if self._of(kind) != before.sources[kind.name]]
        replaced = {kind.name: self.lookers[kind.name].source for kind in changed}
        self.lookers |= {kind.name: self._looker(kind) for kind in changed}
        self._set_intervals()
        return replaced

    def looked_at(self, kind_name: str, row: Row) -> bool:
        """Whether any probe wants this source to look at the target."""
        pairs = zip(self.board.probes, row.sheets, strict=True)
        return any(sheet is not None and probe.source == kind_name for probe, sheet in pairs)

    async def close(self) -> None:
        """Give back sockets, threads and channels."""
        for looker in self.lookers.values():
            await looker.source.close()
        await self.identity.close()

    def interval(self, kind_name: str) -> float:
        """Seconds between two looks at a source."""
        return self.lookers[kind_name].interval

    def _of(self, kind: AnySourceKind) -> SourceSettings:
        return self.settings.sources[kind.name]

    def _looker(self, kind: AnySourceKind) -> Looker:
        settings = self._of(kind)
        source = kind.open(settings, Kit(self.identity, self.now))
        return Looker(kind, source, settings.interval, self.board, self.fleet, self.vitals, self.now, once=self._once)

    def _set_intervals(self) -> None:
        intervals = {name: looker.interval for name, looker in self.lookers.items()}
        self.board.set_intervals(intervals)
        self.fleet.isolation.interval = max(intervals.values())
