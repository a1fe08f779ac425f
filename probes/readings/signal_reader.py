"""Reads the kept lines of one metrics page: each signal once, however many probes ask, and not more than its caps."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from probes.contract.signal import MAX_SUBJECTS, Dialect, Row, Series, Signal, SignalValues, Unreadable, values_of
from probes.contract.text import cut
from probes.readings.histograms import Histogram, read_histograms
from probes.readings.text_format import MAX_LINES, Allowance, KeptLines, Names, read_lines

SMALL = 1 << 15
"""Bytes of wanted lines that are read within one turn of the loop, whatever they say: a few milliseconds."""

_STEP = 1 << 13  # bytes of lines that are read at a time
_SHORT = 1024  # bytes of lines whose meaning is worth remembering
_HISTOGRAMS = 200  # that are read at a time: about a millisecond

T = TypeVar("T")

Reported = tuple[Row, list[Series]] | Unreadable | None
"""The samples of the first row that the page has; None where it has none."""

Histograms = Sequence[Histogram] | Unreadable | None
"""Those of a signal's first row; None where there are none in the form that libraries print."""


@dataclass(frozen=True, slots=True, eq=False)
class WantedSignals:
    """What is looked for in every page."""

    rows: Mapping[Signal, tuple[Row, ...]]  # the operator's before the built-in ones
    names: Names  # of samples, in the order of Kept.lines
    places: Mapping[Signal, tuple[int, ...]]  # in Kept.lines, of all sample names of all rows of the signal
    query: bytes  # asks for these names only
    kept: tuple[Signal, ...] = ()  # whose values are held until the next look
    narrowed: tuple[Signal, ...] = ()  # of which a row wants certain labels

    @classmethod
    def of(cls, signals: Sequence[Signal], dialects: Sequence[Dialect] = ()) -> "WantedSignals":
        """All names in which a page may say these signals."""
        rows = {one: (*(row for row in dialects if row.signal == one.name), *one.rows) for one in signals}
        names = dict.fromkeys(name for one in rows for row in rows[one] for name in _sample_names(one, row))
        query = "&".join(f"name%5B%5D={name}" for name in names)
        at = {name: place for place, name in enumerate(names)}
        places = {one: tuple(at[name] for row in rows[one] for name in _sample_names(one, row)) for one in rows}
        kept = tuple(one for one in rows if one.kept)
        narrowed = tuple(one for one in rows if any(row.where for row in rows[one]))
        return cls(rows, Names(names), places, query.encode(), kept, narrowed)

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


class SignalReader:
    """What the page says of each signal, read when it is first asked for; of a large page all of it beforehand."""

    __slots__ = ("_allowance", "_histograms", "_kept", "_series", "_values", "_wanted", "concluded", "place")

    def __init__(self, wanted: WantedSignals, kept: KeptLines) -> None:
        self._wanted, self._kept, self._allowance = wanted, kept, Allowance()
        self._series: dict[Signal, Reported] = {}
        self._histograms: dict[Signal, Histograms] = {}
        self._values: dict[Signal, SignalValues | Unreadable | None] = {}
        self.place: object = None  # let go with this
        self.concluded: tuple[object, object] | None = None  # premise and conclusion that all probes of a look share

    def is_large(self) -> bool:
        """Whether to read it in one turn of the loop may take too long."""
        return sum(map(len, self._kept.lines)) > SMALL

    def steps(self) -> Iterator[None]:
        """Read all that is wanted, a step of a few milliseconds at a time; TooCostlyError where it is too much."""
        for signal in self._wanted.rows:
            self._histograms[signal] = yield from self._read_histograms(signal)
            if self._histograms[signal] is not None:
                continue
            self._series[signal] = yield from self._read(signal)
            if signal.suffixes == ("",):  # a histogram has no values
                self.values(signal)
                yield

    def series(self, signal: Signal) -> Reported:
        """The samples of the first row that the page has."""
        if signal not in self._series:
            self._series[signal] = _at_once(self._read(signal))
        return self._series[signal]

    def histograms(self, signal: Signal) -> Histograms:
        """The histograms of the first row, each read once."""
        if signal not in self._histograms:
            self._histograms[signal] = _at_once(self._read_histograms(signal))
        return self._histograms[signal]

    def values(self, signal: Signal) -> SignalValues | Unreadable | None:
        """What those say, by subject."""
        if signal not in self._values:
            lines = tuple(map(self._kept.lines.__getitem__, self._wanted.places[signal]))
            if sum(map(len, lines)) <= _SHORT:
                self._values[signal] = _remembered(self._wanted, signal, lines, self._kept.overfull)
            else:
                self._values[signal] = _values(signal, self.series(signal))
        return self._values[signal]

    def _read(self, signal: Signal) -> Generator[None, None, Reported]:
        lines = [self._kept.lines[place] for place in self._wanted.places[signal]]
        return _first_reported(signal, self._wanted.rows[signal], lines, self._kept.overfull, self._allowance)

    def _read_histograms(self, signal: Signal) -> Generator[None, None, Histograms]:
        row = self._wanted.rows[signal][0]
        if "_bucket" not in signal.suffixes or row.where or row.metric + "_bucket" in self._kept.overfull:
            return None
        lines = self._kept.lines[self._wanted.places[signal][signal.suffixes.index("_bucket")]]
        if lines.count(b'le="+Inf"') > MAX_SUBJECTS:
            return Unreadable(f"{row.metric} has more than {MAX_SUBJECTS} histograms")
        found: list[Histogram] = []
        try:
            for one in read_histograms(lines):
                found.append(one)
                if len(found) % _HISTOGRAMS == 0:
                    yield
        except ValueError:
            return None
        return found or None


def _values(signal: Signal, reported: Reported) -> SignalValues | Unreadable | None:
    return values_of(signal, *reported) if isinstance(reported, tuple) else reported


# Several probes ask for the same signal, and a healthy fleet says the same lines again and again.
@lru_cache(maxsize=1024)
def _remembered(
    wanted: WantedSignals, signal: Signal, lines: tuple[bytes, ...], overfull: tuple[str, ...]
) -> SignalValues | Unreadable | None:
    return _values(signal, _at_once(_first_reported(signal, wanted.rows[signal], lines, overfull, Allowance())))


def _at_once(reading: Generator[None, None, T]) -> T:
    while True:
        try:
            next(reading)
        except StopIteration as end:
            found: T = end.value
            return found


def _first_reported(
    signal: Signal, rows: Sequence[Row], lines: Sequence[bytes], overfull: Sequence[str], allowance: Allowance
) -> Generator[None, None, Reported]:
    of_a_row = len(signal.suffixes)
    for number, row in enumerate(rows):
        found: list[Series] = []
        try:
            for name, block in zip(_sample_names(signal, row), lines[number * of_a_row :], strict=False):
                if block and (name in overfull or block.count(b"\n") >= MAX_LINES - 1):
                    return Unreadable(f"{row.metric}: more than {MAX_LINES - 1} series of {name}")
                for piece in _pieces(block):
                    found += _samples(name, row, piece, allowance)
                    yield
        except ValueError as error:
            return Unreadable(f"{row.metric}: {cut(str(error))}")
        if found:
            return row, found
    return None


def _pieces(block: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(block):
        end = block.find(b"\n", at + _STEP)
        end = len(block) if end < 0 else end
        yield block[at:end]
        at = end + 1


def _samples(name: str, row: Row, block: bytes, allowance: Allowance) -> list[Series]:
    found = [one for one in read_lines(block.decode().split("\n"), allowance) if one.name == name]
    return [one for one in found if row.where.items() <= one.labels.items()] if row.where else found
