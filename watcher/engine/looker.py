"""One look at one target: ask the source, let its probes judge, show what holds."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from probes import AnyProbe, AnySourceKind
from probes.contract import Case, Fault, Judgement, Limits, Reading, Source, Target, Unknown
from watcher.engine.board import Board, Look, Row
from watcher.engine.debounce import Sheet, settle
from watcher.engine.isolation import Isolation
from watcher.engine.majority import Census
from watcher.metrics.own import LOOK_SECONDS, LOOKS, LoopLag, Vitals

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fleet:
    """What is known of all targets together; a judge is handed what it may use of it."""

    census: Census
    isolation: Isolation
    lag: LoopLag


class Broken(Reading):
    """What stands for a reading where the source itself failed."""


class Looker:
    """Makes the looks at one source."""

    def __init__(
        self,
        kind: AnySourceKind,
        source: Source,
        interval: float,
        board: Board,
        fleet: Fleet,
        vitals: Vitals,
        now: Callable[[], float],
        *,
        once: bool = False,
    ) -> None:
        self.kind, self.source, self.interval = kind, source, interval
        self._board, self._fleet, self._vitals, self._now, self._once = board, fleet, vitals, now, once
        self._probes = [(index, each) for index, each in enumerate(board.probes) if each.source == kind.name]
        self._wants: dict[tuple[int, ...], tuple[tuple[Limits, ...], tuple[object, ...]]] = {}

    async def look(self, row: Row) -> None:
        """One look, judged and posted on the board, whatever happens in it."""
        started = time.monotonic()
        try:
            reading: Reading = await self.source.look(row.target, self._wanted(row.target))
        except Exception:  # the boundary: a fault of a source costs its verdicts, never the daemon
            log.exception("the source failed", extra={"source": self.kind.name, "target": "/".join(row.target.key)})
            reading = Broken(fault=Fault.OURS, error="The source failed here; this is a fault of the watcher.")
        look = Look(self.kind.name, self._now(), time.monotonic() - started, reading)
        self._vitals.add(LOOKS, 1, self.kind.name, reading.result)
        self._vitals.add(LOOK_SECONDS, look.seconds, self.kind.name)
        if not row.gone:
            self._post(row, look)

    def _wanted(self, target: Target) -> tuple[object, ...]:
        """What the probes ask of the source; the same object for all targets with the same limits."""
        limits = tuple(target.limits[probe.name] for _, probe in self._probes)
        key = tuple(map(id, limits))
        if key not in self._wants:
            asked = zip(self._probes, limits, strict=True)
            wants = tuple(want for (_, probe), each in asked if each.enabled for want in probe.wants(each))
            self._wants[key] = (limits, wants)  # keeps the limits alive, so that no id is used again
        return self._wants[key][1]

    def _post(self, row: Row, look: Look) -> None:
        if look.reading.fault is not Fault.OURS:
            self._fleet.isolation.record(row.target.key, self.kind.name, look.reading, look.at)
        sheets, changed = list(row.sheets), False
        for index, probe in self._probes:
            sheet = sheets[index]
            if sheet is not None:
                sheets[index] = judged = self._sheet(probe, row, sheet, look)
                changed |= judged.verdicts is not sheet.verdicts
        if look.reading.fault not in (Fault.REFUSED, Fault.SILENT, Fault.OURS):
            row.reach(self.kind.part)
        remembered = Look(look.source, look.at, look.seconds, look.reading.remembered())
        row.looks = {**row.looks, self.kind.name: remembered}
        row.post(tuple(sheets))
        if changed:
            self._board.touch(row.target.key)
        if all(probe.source in row.looks for probe, sheet in zip(self._board.probes, sheets, strict=True) if sheet):
            row.carried = None

    def _sheet(self, probe: AnyProbe, row: Row, sheet: Sheet, look: Look) -> Sheet:
        carried = row.carried if self.kind.name not in row.looks else None
        past = sheet.past if carried is None else carried.past.get(probe.name, sheet.past)
        before = sheet if carried is None else carried.standings.get(probe.name, {})
        judged = self._judge(probe, row, past, look)
        self._fleet.census.vote(row.target.key, probe.name, judged.ballots)
        self._vitals.observe(judged.observations)
        settled = settle(judged.verdicts, before, row.target.limits[probe.name].failures, look.at)
        return Sheet(look.at, *settled, judged.samples, judged.past)

    def _judge(self, probe: AnyProbe, row: Row, past: object, look: Look) -> Judgement[object]:
        if isinstance(look.reading, Broken):
            return Judgement(verdicts=probe.all_unknown(row.target, Unknown.PROBE_ERROR), past=past)
        case = Case(
            target=row.target,
            limits=row.target.limits[probe.name],
            now=look.at,
            interval=self.interval,
            part=self.kind.part,
            reached=self.kind.part in row.reached,
            isolated=self._fleet.isolation.isolated,
            overloaded=self._fleet.lag.overloaded,
            once=self._once,
            census=self._fleet.census.counts(row.target.key),
        )
        try:
            return probe.judge(look.reading, past, case)
        except Exception:  # the boundary: a probe that raises costs its verdicts, never the daemon
            log.exception("a probe failed", extra={"probe": probe.name, "target": "/".join(row.target.key)})
            return Judgement(verdicts=probe.all_unknown(row.target, Unknown.PROBE_ERROR), past=past)
