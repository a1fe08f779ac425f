"""Metrics pages in the text formats (Prometheus 0.0.4, OpenMetrics 1.0): finds the wanted lines and reads them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from probes.contract import say_bytes
from probes.contract.signal import Series

MAX_LINES = 3003
"""Lines kept of one name: a thousand subjects in three states, and one more that tells that there are more."""

MAX_BUCKETS = 20_020
"""Lines kept of the buckets of a histogram, which have a form that is read fast: a thousand histograms of twenty."""

MAX_KEPT = 2 << 20
"""Bytes of a page's wanted lines: of a thousand subjects in every signal a third of that."""

_MAX_LINE = 4096
_MAX_LABELS = 64
_MAX_ODD = 8192  # characters of a page that the library has to read: 40 us for a short line, 3 ms for a long one
_PAGE_LABELS = 50_000

_QUOTED = r'"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
# Names with dots come in quotes to whoever accepts UTF-8 in them, as OpenTelemetry's libraries print them.
_LABEL = rf'(?:(?!__)[a-zA-Z_][a-zA-Z0-9_]*|"(?!__)[a-zA-Z0-9_./:-]+")={_QUOTED}'
_LABELS = re.compile(r'"?([a-zA-Z0-9_./:-]+)"?="([^"\\]*(?:\\.[^"\\]*)*)"')
_NUMBER = r"(?:[0-9.eE+-]+|NaN|[+-]?Inf)"
_TIME = r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_PLAIN = re.compile(
    rf"[ \t]*([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{{({_LABEL}(?:,{_LABEL})*,?)?\}})?"
    rf"[ \t]+({_NUMBER})(?:[ \t]+{_TIME})?[ \t\r]*",
)
_EXEMPLAR = re.compile(
    rf'^((?:[^#"\n]*{_QUOTED})*[^#"\n]*[^#"\s])[ \t]+#[ \t]+\{{(?:{_LABEL}(?:,{_LABEL})*,?)?\}}'
    rf"[ \t]+{_NUMBER}(?:[ \t]+{_TIME})?(?=[ \t\r]*$)".encode(),
    re.MULTILINE,
)
"""What OpenMetrics adds to a counter or a bucket: a trace to look at. Outside of quotes a `#` begins nothing else."""
_ESCAPE = re.compile(r'\\[\\n"]')
_ESCAPED = {r"\\": "\\", r"\n": "\n", r"\"": '"'}
_SAMPLE = re.compile(rb"^[ \t\r]*[^#\s][^\n]*", re.MULTILINE)
# No group is possessive: Python before 3.11.5 finds the wrong end of it (gh-106052).
_NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*+"
_RUN = re.compile(
    rf'^[ \t]*+(?:({_NAME})[{{ \t]|\{{"({_NAME})"[,}} ]).*+(?:\n[ \t]*+\1[{{ \t].*+)*'.encode(), re.MULTILINE
)
"""Lines of one name, one after the other as libraries print them; or one with its name in quotes (OpenMetrics 2)."""


class NotAPageError(ValueError):
    """What was received is no metrics page."""


class TooCostlyError(Exception):
    """The page has more than is read of one; the message says of what."""


class Allowance:
    """How much may still be read of one page, beside plain lines with few labels."""

    __slots__ = ("labels", "odd")

    def __init__(self) -> None:
        self.odd, self.labels = _MAX_ODD, _PAGE_LABELS

    def spend(self, labels: int) -> None:
        """Read these labels too."""
        self.labels -= labels
        if self.labels < 0:
            raise TooCostlyError(f"its wanted lines have more than {_PAGE_LABELS} labels")


@dataclass(frozen=True, slots=True)
class KeptLines:
    """The wanted lines of a page, as they came."""

    lines: tuple[bytes, ...]  # in the order of the wanted names
    overfull: tuple[str, ...] = ()  # names that have more lines than are read
    bare: tuple[str, ...] = ()  # names that the page describes, without a sample
    ours: bool = False  # whether the page has any family of AgentWeave's, wanted or not


NOTHING = KeptLines(())


class Names:
    """The names of wanted samples, made ready once for all pages."""

    def __init__(self, names: Iterable[str]) -> None:
        self.texts = {name.encode(): name for name in names}
        self.most = {name: MAX_BUCKETS if name.endswith(b"_bucket") else MAX_LINES for name in self.texts}
        # OpenMetrics describes a counter by its name without the ending.
        self.described = [(name, each) for name in self.texts for each in {name, name.removesuffix(b"_total")}]


class Scan:
    """Finds the lines of wanted samples in a page that comes in pieces of whole lines."""

    def __init__(self, names: Names) -> None:
        self._names = names.texts
        self._described, self._most = names.described, names.most
        self._runs: dict[bytes, list[bytes]] = {}
        self._counts: dict[bytes, int] = {}  # lines in them
        self._kept = 0  # bytes in them
        self._bare: dict[bytes, None] = {}
        self._ours = False
        self.has_a_sample = False

    def feed(self, piece: bytes) -> None:
        """Keep the piece's wanted lines; NotAPageError where this cannot be a page, TooCostlyError beyond MAX_KEPT."""
        if b"\0" in piece:
            raise NotAPageError("it is binary")
        if not piece.isascii():
            _check_utf8(piece)
        if not self.has_a_sample and (first := _SAMPLE.search(piece)):
            _check_sample(first[0])
            self.has_a_sample = True
        self._ours = self._ours or b"\nagentweave_" in piece or b"# TYPE agentweave_" in piece
        self._ours = self._ours or piece.startswith(b"agentweave_")
        for run in _RUN.finditer(piece):
            name = run[1] or run[2]
            if name in self._names and (count := self._counts.get(name, 0)) < self._most[name]:
                self._keep(name, run[0], count + run[0].count(b"\n") + 1)
        if self._kept > MAX_KEPT:
            raise TooCostlyError(f"its wanted lines are more than {say_bytes(MAX_KEPT)}")
        families = {part.partition(b" ")[0] for part in piece.split(b"# TYPE ")[1:]}
        for name, family in self._described:
            if family in families and name not in self._runs:
                self._bare[name] = None

    def end(self, bare: tuple[str, ...] = ()) -> KeptLines:
        """What was kept; `bare` are names that are known to be described, though this page does not say so."""
        overfull = tuple([self._names[name] for name, count in self._counts.items() if count >= self._most[name]])
        described = tuple([self._names[name] for name in self._bare if name not in self._runs])
        lines = tuple([b"\n".join(self._runs.get(name, ())) for name in self._names])
        return KeptLines(lines, overfull, described or bare, self._ours)

    def _keep(self, name: bytes, run: bytes, count: int) -> None:
        """All lines of a name, `count` with these; of too many, which nobody judges, the first three."""
        run = _shortened(run) if len(run) > _MAX_LINE or b" # {" in run else run
        runs = self._runs.setdefault(name, [])
        runs.append(run)
        self._kept, self._counts[name] = self._kept + len(run), count
        if count >= self._most[name]:
            self._kept -= sum(map(len, runs))
            runs[:] = b"\n".join(runs).split(b"\n", 3)[:3]
            self._kept += sum(map(len, runs))


def _shortened(run: bytes) -> bytes:
    """The same lines without exemplars, which nobody judges; and of one that is too long enough to tell that it is."""
    if b" # {" in run:
        run = _EXEMPLAR.sub(rb"\1", run)
    if len(run) <= _MAX_LINE:
        return run
    lines = run.split(b"\n")
    return b"\n".join(map(_cut, lines)) if max(map(len, lines)) > _MAX_LINE else run


def _cut(line: bytes) -> bytes:
    """Enough of it to be too long in characters as well, and none of them in half."""
    return line[: 4 * _MAX_LINE + 4].decode(errors="ignore")[: _MAX_LINE + 1].encode()


def read_lines(lines: Iterable[str], allowance: Allowance) -> list[Series]:
    """The samples of these lines.

    ValueError where one cannot be read, or where reading takes too long; TooCostlyError where there is too much.
    """
    found = []
    for line in lines:
        plain = _PLAIN.fullmatch(line) if len(line) <= _MAX_LINE else None
        if plain:
            name, labels, value = plain.groups()
            found.append(Series(name, _read_labels(labels) if labels else {}, float(value)))
        else:
            allowance.odd -= len(line)
            if allowance.odd < 0 or len(line) > _MAX_LINE:
                raise ValueError("its lines are too long, or too many are written in an unusual way")
            found.append(read_line(line))
    allowance.spend(sum([len(one.labels) for one in found]))
    return found


def read_line(line: str) -> Series:
    """One sample as the library reads it; ValueError where it cannot."""
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415  it loads ssl and a server

    families = list(text_string_to_metric_families(line))
    if not families:
        raise ValueError("no sample in the line")
    sample = families[0].samples[0]
    return Series(sample.name, _few(sample.labels), float(sample.value))


def _read_labels(text: str) -> dict[str, str]:
    found = _LABELS.findall(text)
    if "\\" in text:
        found = [(name, _ESCAPE.sub(_unescape, value)) for name, value in found]
    labels = dict(found)
    if len(labels) < len(found):
        raise ValueError("a label occurs twice in a line")
    return _few(labels)


def _unescape(match: re.Match[str]) -> str:
    return _ESCAPED[match[0]]


def _few(labels: dict[str, str]) -> dict[str, str]:
    if len(labels) > _MAX_LABELS:
        raise ValueError(f"a line has {len(labels)} labels, at most {_MAX_LABELS} are read")
    return labels


def _check_utf8(piece: bytes) -> None:
    try:
        piece.decode()
    except UnicodeDecodeError as error:
        raise NotAPageError("it is not UTF-8") from error


def _check_sample(line: bytes) -> None:
    text = line[:_MAX_LINE].decode(errors="replace")
    try:
        read_lines([text], Allowance())
    except ValueError as error:
        raise NotAPageError(f"it starts with {text[:40]!r}, which is no sample") from error
