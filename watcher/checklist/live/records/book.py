"""All records of all sources: which are valid, which hold for whom, and which are gone."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from math import inf

from probes.controls.catalogue.control import Control, UnknownReason
from probes.controls.evidence import AgentRef
from probes.controls.records import Invalid, Record, problems
from probes.controls.verdict.record_verdict import has_failed
from watcher.checklist.live.records.index import RecordIndex
from watcher.checklist.live.records.reading import ReadRecord
from watcher.checklist.live.records.seen import Key, SeenRecords
from watcher.checklist.live.records.source import MOST, RecordSource
from watcher.checklist.live.records.trust import Judged, Trust
from watcher.runtime.cooperative import TimeSlice

log = logging.getLogger(__name__)

_LOGGED = 20
"""Invalid ones that are logged one by one at a time."""


class RecordBook:
    """The one home of what people and pipelines say. Nothing is read here: sources put what they found."""

    def __init__(self, controls: Mapping[str, Control]) -> None:
        self.controls, self.trust, self.seen = controls, Trust(), SeenRecords(self._has_failed)
        self._sources: dict[str, RecordSource] = {}
        self._silent: dict[str, UnknownReason] = {}  # by the beginning of the names of sources
        self._gone: Sequence[Record] = ()
        self._index = RecordIndex()
        self._dirty, self._again_at = True, inf
        self.on_change: list[Callable[[Sequence[Record], Sequence[Record], float], None]] = []
        """Told which valid records came and which went, and the date, while `tells`: what is read first is no news."""
        self.tells = False
        self._came: dict[Key, Record] = {}
        self._went: dict[Key, Record] = {}

    def adopt(self, trust: Trust) -> None:
        """Believe by this from now on."""
        if trust != self.trust:
            self.trust = trust
            self._judge_anew()

    def put(self, source: str, read: Sequence[ReadRecord], origin: Mapping[str, str] | None = None) -> None:
        """This source holds these; `origin`: what an auditor finds this state of it by, such as a commit."""
        self._sources[source] = RecordSource(read, self._sources.get(source), origin)
        self._dirty = True

    def read_of(self, source: str) -> Sequence[ReadRecord]:
        """What this source held when it was put last."""
        found = self._sources.get(source)
        return found.read if found is not None else ()

    def drop(self, source: str) -> None:
        """This source is not there any more."""
        gone = self._sources.pop(source, None)
        if gone is not None:
            self._dirty = True
            self._went |= gone.told_valid

    def silence(self, begin: str, why: UnknownReason | None) -> None:
        """Sources with names that begin so cannot be read, and are not known; None: they can."""
        if self._silent.get(begin) is not why:
            self._dirty = True
            if why is None:
                del self._silent[begin]
            else:
                self._silent[begin] = why

    def sources(self, begin: str) -> list[str]:
        """Names of sources that begin so."""
        return [each for each in self._sources if each.startswith(begin)]

    async def refresh(self, now: float) -> bool:
        """Judge what was put since, or what time alone makes valid; whether anything is another. `now`: Unix s."""
        if now >= self._again_at:
            self._dirty = True
            for source in self._sources.values():
                source.wait_no_longer()
        if not self._dirty:
            return False
        self._dirty, self._again_at = False, inf
        time_slice, there = TimeSlice(), dict[Key, Record]()
        await self._judge(now, time_slice)
        for name, source in list(self._sources.items()):
            if self._why_silent(name) is None:
                there |= source.valid
                await time_slice.checkpoint()
        may_count = partial(self._may_count, now=now)
        self._gone = await self.seen.take(there, self._why_silent, may_count, now, time_slice)
        await self._index.take([*there.values(), *self._gone], time_slice)
        self._tell_changes(there, now)
        return True

    def of(self, agent: AgentRef) -> list[Record]:
        """All valid records that concern this agent, and those that are gone."""
        return self._index.of(agent)

    def of_fleet(self) -> Sequence[Record]:
        """Those that concern all agents."""
        return self._index.of_fleet

    def take_changed(self) -> Collection[AgentRef] | None:
        """Whose records are others since this was asked last; None: maybe of all."""
        return self._index.take_changed()

    def judged(self) -> Iterator[Judged]:
        """Each document of each source."""
        for judged, _ in self.with_origins():
            yield judged

    def with_origins(self) -> Iterator[tuple[Judged, Mapping[str, str]]]:
        """Each document of each source, with what an auditor finds it by."""
        for name, source in list(self._sources.items()):
            if self._why_silent(name) is None:
                yield from ((each, source.origin) for each in source)

    def gone(self) -> Sequence[Record]:
        """Those that were seen and are not there now."""
        return self._gone

    def counts(self) -> tuple[Mapping[str, int], Mapping[Invalid, int]]:
        """How many are valid, invalid, removed and unread; and invalid ones by their first problem."""
        read = [source for name, source in self._sources.items() if self._why_silent(name) is None]
        invalid = sum((each.invalid for each in read), Counter[Invalid]())
        removed = sum(each.gone is UnknownReason.RECORD_REMOVED for each in self._gone)
        found = {
            "valid": sum(map(len, read)) + sum(each.left_out for each in read) - invalid.total(),
            "invalid": invalid.total(),
            "removed": removed,
            "unread": len(self._gone) - removed,
        }
        return found, invalid

    async def _judge(self, now: float, time_slice: TimeSlice) -> None:
        """The smallest places first: one of very many records costs no other its own."""
        left = MOST
        for name, source in sorted(self._sources.items(), key=lambda each: len(each[1].read)):
            if self._why_silent(name) is not None:
                continue
            if await source.judge(self.trust, self.controls, left, now, time_slice):
                self._tell(source)
                await time_slice.checkpoint()
                self._note_changes(source)
                await time_slice.checkpoint()
            left -= source.weight
            self._again_at = min(self._again_at, source.again_at)

    def _judge_anew(self) -> None:
        for source in self._sources.values():
            source.forget()
        self._dirty = True

    def _tell(self, source: RecordSource) -> None:
        """Each invalid one is logged once."""
        invalid = [each for each in source if each.problems]
        new = [each for each in invalid if each.id not in source.told]
        for each in new[:_LOGGED]:
            control = each.record.control if each.record is not None else ""
            why = "; ".join(f"{problem.name}: {problem.message}" for problem in each.problems)
            log.warning("invalid record", extra={"record": each.id, "control": control, "why": why[:500]})
        if len(new) > _LOGGED:
            log.warning("more invalid records", extra={"records": len(new) - _LOGGED})
        source.told = frozenset(each.id for each in invalid)

    def _note_changes(self, source: RecordSource) -> None:
        before, source.told_valid = source.told_valid, source.valid
        new = ((key, each) for key, each in source.valid.items() if key not in before)
        self._came.update((key, each) for key, each in new if not self.seen.is_there(key))
        self._went.update((key, each) for key, each in before.items() if key not in source.valid)

    def _tell_changes(self, there: Mapping[Key, Record], now: float) -> None:
        """What only moved to another place neither came nor went."""
        came = [each for key, each in self._came.items() if key not in self._went]
        went = [each for key, each in self._went.items() if key not in there]
        self._came, self._went = {}, {}
        for tell in self.on_change if self.tells and (came or went) else ():
            tell(came, went, now)

    def _may_count(self, record: Record, now: float) -> bool:
        return not problems(record, self.controls, self.trust.authorities, now, self.trust.verify)

    def _has_failed(self, record: Record) -> bool:
        control = self.controls.get(record.control)
        return control is not None and has_failed(control, record)

    def _why_silent(self, source: str) -> UnknownReason | None:
        return next((why for begin, why in self._silent.items() if source.startswith(begin)), None)
