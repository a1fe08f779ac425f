"""The newest conditions and values of all targets: what /metrics, the API and the page show."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from probes import AnyProbe, AnySourceKind
from probes.contract import Reading, Status, Target, TargetKey, Unknown, Verdict
from watcher.engine.debounce import Sheet, Standings, Verdicts, settle, share, stale
from watcher.runtime.cooperative import Turns

EXPORTED_SUBJECTS = 50
"""Subjects exported of one target; trouble first (contract, section 4)."""

STALE_AFTER = 3
"""Intervals after which a result says nothing any more."""

_SLICE = 25


class Look(NamedTuple):
    """One finished look: what the API shows of it."""

    source: str
    at: float  # Unix seconds at the end
    seconds: float
    reading: Reading


@dataclass(frozen=True, slots=True)
class Carried:
    """What is known of a target from before: from the state file, or from before a reload."""

    reached: Mapping[str, str] = field(default_factory=dict)  # part -> the address that answered
    standings: Mapping[str, Standings] = field(default_factory=dict)  # probe -> how its conditions stood
    past: Mapping[str, object] = field(default_factory=dict)  # probe -> what it remembers


NOTHING_CARRIED = Carried()

Sheets = tuple[Sheet | None, ...]
"""Beside Board.probes; None where a probe does not apply to the target."""


@lru_cache(maxsize=64)  # one object for the whole fleet
def _with(parts: frozenset[str], part: str) -> frozenset[str]:
    return parts | {part}


class Row:
    """One target's place on the board. Its parts are replaced, never changed, so a snapshot stays as it was."""

    __slots__ = ("carried", "dropped", "exported", "gone", "labels", "looks", "reached", "sheets", "target")

    def __init__(self, target: Target, sheets: Sheets, carried: Carried) -> None:
        self.target = target
        self.labels = _identity_labels(target.key)
        self.carried: Carried | None = carried  # until each probe took its share at its first look
        self.reached: frozenset[str] = frozenset()  # the parts of the target at which something answered
        for part, address in carried.reached.items():
            if address == getattr(target, part):
                self.reach(part)
        self.looks: dict[str, Look] = {}
        self.gone = False
        self.post(sheets)

    def reach(self, part: str) -> None:
        """Something answered at this part."""
        self.reached = _with(self.reached, part)

    def post(self, sheets: Sheets) -> None:
        """Show these results from now on."""
        self.sheets = sheets
        self.exported, self.dropped = _most_telling(sheets)


class Standing(NamedTuple):
    """One condition of one target, for people and programs."""

    probe: str
    verdict: Verdict
    since: float  # Unix seconds


class Board:
    """All rows, by target."""

    def __init__(self, probes: Sequence[AnyProbe], sources: Sequence[AnySourceKind], now: Callable[[], float]) -> None:
        self.probes = tuple(probes)
        self.parts = {kind.name: kind.part for kind in sources}
        self.rows: dict[TargetKey, Row] = {}
        self.touched: set[TargetKey] | None = None  # what may have changed since somebody last emptied it
        self.stale_after: tuple[float, ...] = (float("inf"),) * len(self.probes)
        self._now = now

    def set_intervals(self, intervals: Mapping[str, float]) -> None:
        """Seconds between looks, by source: what makes a result stale."""
        self.stale_after = tuple(STALE_AFTER * intervals[probe.source] for probe in self.probes)

    async def replace(self, targets: Sequence[Target], carried: Mapping[TargetKey, Carried]) -> list[Row]:
        """Watch exactly these targets from now on; gives the rows that are new or no longer the same.

        What is known of a target is kept. Made beside the old board in slices, and swapped in at once: at 10,000
        targets one piece would hold up every look.
        """
        rows: dict[TargetKey, Row] = {}
        turns = Turns()
        for start in range(0, len(targets), _SLICE):
            for target in targets[start : start + _SLICE]:
                old = self.rows.get(target.key)
                same = old is not None and (old.target is target or old.target == target)
                rows[target.key] = old if old is not None and same else self._row(target, old, carried)
            await turns.pause()
        fresh = [row for key, row in rows.items() if self.rows.get(key) is not row]
        for key, row in self.rows.items():
            row.gone = rows.get(key) is not row
            if row.gone:
                self.touch(key)
        self.rows = rows
        return fresh

    def _row(self, target: Target, old: Row | None, carried: Mapping[TargetKey, Carried]) -> Row:
        known = self.carry(old) if old is not None else carried.get(target.key, NOTHING_CARRIED)
        now = self._now()
        kept = self._kept(old, target) if old is not None else (None,) * len(self.probes)
        pairs = zip(self.probes, kept, strict=True)
        return Row(target, tuple(sheet or self._first_sheet(probe, target, now) for probe, sheet in pairs), known)

    def _kept(self, old: Row, target: Target) -> Sheets:
        """What still holds of a target that changed, until its next look: a new limit must not resolve every alert."""
        return tuple(
            sheet
            if target.limits[probe.name].enabled
            and getattr(old.target, self.parts[probe.source]) == getattr(target, self.parts[probe.source])
            and probe.applicable(old.target) == probe.applicable(target)
            else None
            for probe, sheet in zip(self.probes, old.sheets, strict=True)
        )

    def _first_sheet(self, probe: AnyProbe, target: Target, now: float) -> Sheet | None:
        if not target.limits[probe.name].enabled or not getattr(target, self.parts[probe.source]):
            return None
        settled = settle(probe.all_unknown(target, Unknown.WARMING_UP), {}, 1, now)
        return Sheet(now, settled.verdicts, settled.since, (), (), probe.past())

    def carry(self, row: Row) -> Carried:
        """What must be known of a target after a reload or a restart."""
        before = row.carried or NOTHING_CARRIED
        looked = {
            probe.name: sheet
            for probe, sheet in zip(self.probes, row.sheets, strict=True)
            if sheet is not None and probe.source in row.looks
        }
        return Carried(
            {part: getattr(row.target, part) for part in sorted(row.reached)},
            {**before.standings, **{name: sheet.standings() for name, sheet in looked.items()}},
            {**before.past, **{name: sheet.past for name, sheet in looked.items()}},
        )

    def touch(self, key: TargetKey) -> None:
        """The verdicts on this target may be others, or it is gone."""
        if self.touched is not None:
            self.touched.add(key)

    def snapshot(self) -> list[tuple[Row, Sheets]]:
        """All rows with what they export now. The one step of a scrape that is done in one piece."""
        return [(row, row.exported) for row in self.rows.values()]

    def oldest(self, now: float) -> tuple[float, ...]:
        """Beside `probes`: what was found before this says nothing any more at `now`; both in Unix seconds."""
        return tuple(now - seconds for seconds in self.stale_after)

    def fresh(self, sheets: Sheets, oldest: Sequence[float]) -> Iterator[tuple[int, Sheet, Verdicts]]:
        """Each sheet with its probe's index and the verdicts that a reader may see."""
        for index, sheet in enumerate(sheets):
            if sheet is not None:
                yield index, sheet, stale(sheet.verdicts) if sheet.at < oldest[index] else sheet.verdicts

    def conditions(self, row: Row) -> list[Standing]:
        """All conditions of one target as of now, trouble first."""
        found = []
        for index, sheet, verdicts in self.fresh(row.sheets, self.oldest(self._now())):
            aged = verdicts is not sheet.verdicts
            went_stale = sheet.at + self.stale_after[index]
            for verdict, since in zip(verdicts.all, sheet.since, strict=True):
                found.append(Standing(self.probes[index].name, verdict, went_stale if aged else since))
        return sorted(found, key=lambda each: _TROUBLE_FIRST[each.verdict.status])


_TROUBLE_FIRST = {Status.TRUE: 0, Status.UNKNOWN: 1, Status.FALSE: 2}


def escape(text: str) -> str:
    """A label's value as the text format wants it (Prometheus exposition formats, 0.0.4)."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _identity_labels(key: TargetKey) -> str:
    return ",".join(f'{name}="{escape(value)}"' for name, value in zip(key._fields, key, strict=True))


def _most_telling(sheets: Sheets) -> tuple[Sheets, int]:
    """The sheets with at most 50 subjects of the target, and how many subjects were left out."""
    if sum(len(sheet.since) + len(sheet.samples) for sheet in sheets if sheet is not None) <= EXPORTED_SUBJECTS:
        return sheets, 0
    rank: dict[tuple[int, str], int] = {}
    for index, sheet in enumerate(sheets):
        if sheet is not None:
            for subject, trouble in _subjects(sheet):
                rank[index, subject] = min(rank.get((index, subject), trouble), trouble)
    if len(rank) <= EXPORTED_SUBJECTS:
        return sheets, 0
    kept = set(sorted(rank, key=lambda at: rank[at])[:EXPORTED_SUBJECTS])
    narrowed = tuple(
        sheet and _only(sheet, {subject for place, subject in kept if place == index})
        for index, sheet in enumerate(sheets)
    )
    return narrowed, len(rank) - len(kept)


def _subjects(sheet: Sheet) -> Iterator[tuple[str, int]]:
    yield from ((each.subject, _TROUBLE_FIRST[each.status]) for each in sheet.verdicts.all if each.subject)
    # The first label of a value is its subject; a pool without a capacity has values and no verdict.
    yield from ((each.labels[0], _TROUBLE_FIRST[Status.FALSE]) for each in sheet.samples if each.labels)


def _only(sheet: Sheet, subjects: set[str]) -> Sheet:
    places = [place for place, each in enumerate(sheet.verdicts.all) if not each.subject or each.subject in subjects]
    return sheet._replace(
        verdicts=share(tuple(sheet.verdicts.all[place] for place in places)),
        since=tuple(sheet.since[place] for place in places),
        bad=(),
        samples=tuple(each for each in sheet.samples if not each.labels or each.labels[0] in subjects),
    )
