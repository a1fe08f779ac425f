"""What one look at a metrics page saw, and what it says of each wanted signal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from zlib import compress, decompress

from probes.contract import Reading
from probes.contract.signal import Absent, Found, Row, Series, Signal, SignalValues, Unreadable
from probes.readings.conformance import Conformance
from probes.readings.histograms import Histogram
from probes.readings.signal_reader import SignalReader, WantedSignals
from probes.readings.text_format import NOTHING, KeptLines

_EVIDENCE = 2000  # bytes
_OF_A_NAME = 300  # bytes of it: forty buckets would leave no room for the rest


class PageTrouble(StrEnum):
    """Why there is no page, beside the faults of the network."""

    HTTP_ERROR = "HTTPError"
    MALFORMED = "Malformed"
    TOO_LARGE = "TooLarge"
    UNAUTHORIZED = "Unauthorized"


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedPage(Reading):
    """What is held of a page until the next look."""

    status: int
    size: int  # bytes received
    filtered: bool
    squeezed: bytes  # by zlib, to a quarter: the lines that were used; of a name with many only the first
    redirected_to: str = ""

    def evidence(self) -> Mapping[str, object]:
        """The lines that were used, as they came but for exemplars."""
        lines = decompress(self.squeezed).decode(errors="replace").splitlines()
        found = {"status": self.status, "bytes": self.size, "filtered": self.filtered, "lines": lines}
        if self.redirected_to:
            found["redirected_to"] = self.redirected_to
        return found if self.asked_in == 1 else {**found, "asked_at": f"one of {self.asked_in} looks"}


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
            status=self.status,
            size=self.size,
            filtered=self.filtered,
            redirected_to=self.redirected_to,
            squeezed=compress(b"\n".join(_shown(self.kept.lines))[:_EVIDENCE], 1),
        )

    def _why_absent(self, rows: Sequence[Row]) -> str:
        bare = next((row.metric for row in rows if row.metric in self.kept.bare), "")
        if bare:
            return f"The page has {bare}, but without a sample."
        return f"The page has no {' or '.join(dict.fromkeys(row.metric for row in rows))}."
