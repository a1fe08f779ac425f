"""What one look at a metrics page saw, and what it says of each wanted signal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zlib import DEFLATED, compressobj, decompress

from probes.contract import Reading
from probes.contract.signal import Absent, Found, Row, Series, Signal, SignalValues, Unreadable
from probes.readings.conformance import Conformance
from probes.readings.histograms import Histogram
from probes.readings.signal_reader import SignalReader, WantedSignals
from probes.readings.text_format import NOTHING, KeptLines

_EVIDENCE = 2000  # bytes
_WINDOW_BITS, _MEMORY_LEVEL = 12, 5
"""Of zlib: what is larger than that is fetched from the system anew each time, which takes four times as long."""
_OF_A_NAME = 300  # bytes of it: forty buckets would leave no room for the rest
_KEPT_SUBJECTS = 100  # of a signal that is kept


class PageTrouble(StrEnum):
    """Why there is no page, beside the faults of the network."""

    HTTP_ERROR = "HTTPError"
    MALFORMED = "Malformed"
    TOO_LARGE = "TooLarge"
    UNAUTHORIZED = "Unauthorized"


class Families(NamedTuple):
    """Which of the wanted signals a page has, by their names. One object for all pages that are alike."""

    asked: frozenset[str]  # the signals that were looked for
    sampled: Mapping[str, tuple[str, ...]]  # names of the samples there are, of the first row that has one
    described: Mapping[str, str]  # a family that is described and has no sample
    ours: bool  # whether it has any family of AgentWeave's, wanted or not


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedPage(Reading):
    """What is held of a page until the next look."""

    status: int
    size: int  # bytes received
    filtered: bool
    squeezed: bytes  # by zlib, to a quarter: the lines that were used; of a name with many only the first
    redirected_to: str = ""
    trouble: PageTrouble | None = None
    families: Families
    kept: Mapping[str, Found]  # name of the signal -> what the page says; of those that are kept and that it has

    def evidence(self) -> Mapping[str, object]:
        """The lines that were used, as they came but for exemplars."""
        lines = decompress(self.squeezed).decode(errors="replace").splitlines()
        found = {"status": self.status, "bytes": self.size, "filtered": self.filtered, "lines": lines}
        if self.redirected_to:
            found["redirected_to"] = self.redirected_to
        return found if self.asked_in == 1 else {**found, "asked_at": f"one of {self.asked_in} attempts"}


def _shown(lines: Iterable[bytes]) -> list[bytes]:
    """By name, as far as they are shown."""
    return [block if len(block) <= _OF_A_NAME else _shortened(block) for block in lines if block]


def _shortened(block: bytes) -> bytes:
    """The first of the lines of one name, and how many there are more."""
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
    redirected_to: str = ""  # the URL that answered, where it is another one than was asked
    conformance: Conformance | None = None  # what a current Prometheus makes of the whole page; None: not inspected now
    reader: SignalReader = field(init=False)

    def __post_init__(self) -> None:
        """Begin to read: of a small page a signal when it is asked for."""
        object.__setattr__(self, "reader", SignalReader(self.wanted, self.kept))

    def charged(self, cpu: float) -> "MetricsPage":
        """The same, with the CPU (seconds) that it took to read."""
        return self._again(replace(self, cpu=cpu))

    def inspected(self, found: Conformance) -> "MetricsPage":
        """The same, with what a current Prometheus makes of the page asked for whole."""
        return self._again(replace(self, conformance=found))

    def having_ours(self) -> "MetricsPage":
        """The same, of a filtered page of which it is known that the whole one has families of AgentWeave's."""
        return self if self.kept.ours else self._again(replace(self, kept=replace(self.kept, ours=True)))

    def _again(self, page: "MetricsPage") -> "MetricsPage":
        object.__setattr__(page, "reader", self.reader)  # what was read stays read
        return page

    def values(self, signal: Signal) -> Found:
        """What the page says of a signal that was wanted, by subject."""
        return self.reader.values(signal) or Absent(self._why_absent(self.wanted.rows[signal]))

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
        return self.reader.series(signal) or Absent(self._why_absent(self.wanted.rows[signal]))

    def histograms(self, signal: Signal) -> Sequence[Histogram] | Unreadable | None:
        """The histograms of the signal's first row, where they are printed as libraries do; else `series` tells."""
        return self.reader.histograms(signal)

    def evidence(self) -> Mapping[str, object]:
        """The lines that were used, as they came."""
        return self.remembered().evidence()

    def remembered(self) -> "RememberedPage":
        """Without the lines that are no evidence: those of one agent can be as large as its page may be."""
        return RememberedPage(
            fault=self.fault,
            error=self.error,
            cpu=self.cpu,
            asked_in=self.asked_in,
            asked=self.asked,
            age=self.age,
            status=self.status,
            size=self.size,
            filtered=self.filtered,
            redirected_to=self.redirected_to,
            trouble=self.trouble,
            families=self._families(),
            kept=self._kept_values(),
            squeezed=_squeezed(b"\n".join(_shown(self.kept.lines))[:_EVIDENCE]),
        )

    def _families(self) -> Families:
        present = 0
        for place, block in enumerate(self.kept.lines):
            if block:
                present |= 1 << place
        found = _families_of(self.wanted, present, self.kept.bare, ours=self.kept.ours)
        return self._narrowed(found) if self.wanted.narrowed else found

    def _narrowed(self, found: Families) -> Families:
        """Of rows that want certain labels a line of the metric is not yet a sample."""
        read = {one.name: self.reader.series(one) for one in self.wanted.narrowed}
        without = {name: names for name, names in found.sampled.items() if name not in read}
        return found._replace(
            sampled=without | {name: (said[0].metric,) for name, said in read.items() if isinstance(said, tuple)}
        )

    def _kept_values(self) -> Mapping[str, Found]:
        """Of most agents nothing: their pages have none of these."""
        if not self.kept.lines:
            return _NOTHING_KEPT
        lines, places = self.kept.lines, self.wanted.places
        there = [one for one in self.wanted.kept if any(lines[place] for place in places[one])]
        return {one.name: _few(self.values(one)) for one in there} if there else _NOTHING_KEPT

    def _why_absent(self, rows: Sequence[Row]) -> str:
        bare = next((row.metric for row in rows if row.metric in self.kept.bare), "")
        if bare:
            return f"The metrics endpoint has {bare}, but without a sample."
        return f"The metrics endpoint has no {' or '.join(dict.fromkeys(row.metric for row in rows))}."


def _squeezed(lines: bytes) -> bytes:
    squeeze = compressobj(1, DEFLATED, _WINDOW_BITS, _MEMORY_LEVEL)
    return squeeze.compress(lines) + squeeze.flush()


_NOTHING_KEPT: Mapping[str, Found] = {}


def _few(found: Found) -> Found:
    """What is said of a hundred subjects at most: ten thousand agents have one of these each."""
    if not isinstance(found, SignalValues) or len(found.by_subject) + len(found.unreadable) <= _KEPT_SUBJECTS:
        return found
    return Unreadable(f"more than {_KEPT_SUBJECTS} subjects")


@lru_cache(maxsize=256)
def _families_of(wanted: WantedSignals, present: int, bare: tuple[str, ...], *, ours: bool) -> Families:
    """`present`: the places in the kept lines where there are some, as bits."""
    sampled: dict[str, tuple[str, ...]] = {}
    described: dict[str, str] = {}
    for signal, rows in wanted.rows.items():
        places = iter(wanted.places[signal])
        for row in rows:
            names = [row.metric + suffix for suffix in signal.suffixes if present >> next(places) & 1]
            if names and signal.name not in sampled:
                sampled[signal.name] = tuple(names)
        lacking = (row.metric for row in rows if row.metric in bare)
        if signal.name not in sampled and (metric := next(lacking, "")):
            described[signal.name] = metric
    return Families(frozenset(one.name for one in wanted.rows), sampled, described, ours)
