"""What one look at a metrics page saw, and what it says of each wanted signal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from zlib import compress, decompress

from probes.contract import Reading
from probes.contract.signal import Absent, Dialect, Found, Row, Series, Signal, SignalValues, Unreadable, values_of
from probes.readings.text_format import MAX_LINES, NOTHING, KeptLines, Names, read_lines

_EVIDENCE = 2000  # bytes
_OF_A_NAME = 300  # bytes of it: forty buckets would leave no room for the rest
_SHORT = 1024  # bytes of lines whose meaning is worth remembering


class PageTrouble(StrEnum):
    """Why there is no page, beside the faults of the network."""

    HTTP_ERROR = "HTTPError"
    MALFORMED = "Malformed"
    TOO_LARGE = "TooLarge"
    UNAUTHORIZED = "Unauthorized"


@dataclass(frozen=True, slots=True, eq=False)
class WantedSignals:
    """What is looked for in every page."""

    rows: Mapping[Signal, tuple[Row, ...]]  # the operator's before the built-in ones
    names: Names  # of samples, in the order of Kept.lines
    places: Mapping[Signal, tuple[int, ...]]  # in Kept.lines, of all sample names of all rows of the signal
    query: bytes  # asks for these names only

    @classmethod
    def of(cls, signals: Sequence[Signal], dialects: Sequence[Dialect] = ()) -> "WantedSignals":
        """All names in which a page may say these signals."""
        rows = {one: (*(row for row in dialects if row.signal == one.name), *one.rows) for one in signals}
        names = dict.fromkeys(name for one in rows for row in rows[one] for name in _sample_names(one, row))
        query = "&".join(f"name%5B%5D={name}" for name in names)
        at = {name: place for place, name in enumerate(names)}
        places = {one: tuple(at[name] for row in rows[one] for name in _sample_names(one, row)) for one in rows}
        return cls(rows, Names(names), places, query.encode())

    def lacking(self, kept: KeptLines) -> int:
        """The signals of which a page has no line, as bits: ten thousand of these are remembered."""
        bits = 0
        for signal, places in enumerate(self.places.values()):
            for place in places:
                if kept.lines[place]:
                    break
            else:
                bits |= 1 << signal
        return bits


def _sample_names(signal: Signal, row: Row) -> list[str]:
    return [row.metric + suffix for suffix in signal.suffixes]


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedPage(Reading):
    """What is held of a page until the next look."""

    status: int
    size: int  # bytes received
    filtered: bool
    squeezed: bytes  # by zlib, to a quarter: the lines that were used; of a name with many only the first

    def evidence(self) -> Mapping[str, object]:
        """The lines that were used, as they came."""
        lines = decompress(self.squeezed).decode(errors="replace").splitlines()
        return {"status": self.status, "bytes": self.size, "filtered": self.filtered, "lines": lines}


def _shortened(block: bytes) -> bytes:
    """The lines of one name, or the first of them and how many there are more."""
    if len(block) <= _OF_A_NAME:
        return block
    end = block.rfind(b"\n", 0, _OF_A_NAME)
    more = block.count(b"\n", end + 1) + 1
    return block[:_OF_A_NAME] if end < 0 else b"%b\n(%d more lines)" % (block[:end], more)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsPage(Reading):
    """One look at a page. Ten thousand of these live at once, so lines stay bytes until a probe asks."""

    trouble: PageTrouble | None = None
    status: int = 0
    size: int = 0  # bytes received
    filtered: bool = False  # whether only the wanted names were asked for
    wanted: WantedSignals
    kept: KeptLines = NOTHING

    def values(self, signal: Signal) -> Found:
        """What the page says of a signal that was wanted, by subject."""
        lines, overfull = self._lines(signal), self.kept.overfull
        read = _remembered if sum(map(len, lines)) <= _SHORT else _read
        return read(self.wanted, signal, lines, overfull) or Absent(self._why_absent(self.wanted.rows[signal]))

    def value(self, signal: Signal) -> float | Absent | Unreadable:
        """What the page says of a signal without subjects."""
        found = self.values(signal)
        if not isinstance(found, SignalValues):
            return found
        if signal.unnamed in found.by_subject and len(found.by_subject) == 1:
            return found.by_subject[signal.unnamed]
        return Unreadable(next(iter(found.unreadable.values()), f"several subjects in {signal.name}"))

    def series(self, signal: Signal) -> tuple[Row, list[Series]] | Absent | Unreadable:
        """The samples of the first row that the page has; for counters, histograms and summaries."""
        rows = self.wanted.rows[signal]
        return _first_reported(signal, rows, self._lines(signal), self.kept.overfull) or Absent(self._why_absent(rows))

    def block(self, signal: Signal, row: Row, suffix: str) -> bytes:
        """The lines of one sample name of a row, as they came, for what has too many to read them one by one."""
        number = self.wanted.rows[signal].index(row) * len(signal.suffixes) + signal.suffixes.index(suffix)
        return self.kept.lines[self.wanted.places[signal][number]]

    def _lines(self, signal: Signal) -> tuple[bytes, ...]:
        kept = self.kept.lines
        return tuple([kept[place] for place in self.wanted.places[signal]])

    def evidence(self) -> Mapping[str, object]:
        """The lines that were used, as they came."""
        return self.remembered().evidence()

    def remembered(self) -> "RememberedPage":
        """Without the lines that are no evidence: those of one agent can be as large as its page may be."""
        return RememberedPage(
            fault=self.fault,
            error=self.error,
            status=self.status,
            size=self.size,
            filtered=self.filtered,
            squeezed=compress(b"\n".join([_shortened(block) for block in self.kept.lines if block])[:_EVIDENCE], 1),
        )

    def _why_absent(self, rows: Sequence[Row]) -> str:
        bare = next((row.metric for row in rows if row.metric in self.kept.bare), "")
        if bare:
            return f"The page has {bare}, but without a sample."
        return f"The page has no {' or '.join(dict.fromkeys(row.metric for row in rows))}."


def _read(
    wanted: WantedSignals, signal: Signal, lines: tuple[bytes, ...], overfull: tuple[str, ...]
) -> SignalValues | Unreadable | None:
    found = _first_reported(signal, wanted.rows[signal], lines, overfull)
    return values_of(signal, *found) if isinstance(found, tuple) else found


# Several probes ask for the same signal, and a healthy fleet says the same lines again and again.
_remembered = lru_cache(maxsize=1024)(_read)


def _first_reported(
    signal: Signal, rows: Sequence[Row], lines: Sequence[bytes], overfull: Sequence[str]
) -> tuple[Row, list[Series]] | Unreadable | None:
    of_a_row = len(signal.suffixes)
    for number, row in enumerate(rows):
        blocks = zip(_sample_names(signal, row), lines[number * of_a_row :], strict=False)
        try:
            found = [one for name, block in blocks if block for one in _samples(name, row, block, overfull)]
        except ValueError as error:
            return Unreadable(f"{row.metric}: {error}")
        if found:
            return row, found
    return None


def _samples(name: str, row: Row, block: bytes, overfull: Sequence[str]) -> list[Series]:
    if name in overfull:
        raise ValueError(f"more than {MAX_LINES - 1} series of {name}")
    found = [one for one in read_lines(block.decode().split("\n")) if one.name == name]
    return [one for one in found if row.where.items() <= one.labels.items()] if row.where else found
