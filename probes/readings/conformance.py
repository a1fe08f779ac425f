"""Could a current Prometheus scrape this page? By the lexers of Prometheus 3 (model/textparse/promlex.l and others)."""

import re
from collections.abc import Iterator
from math import isinf
from typing import NamedTuple

from probes.contract import Unknown

REASONS = ("ByteOrderMark", "LineEnds", "FamilyName", "EndInTheMiddle", "Timestamp", "ContentType", "Syntax")

_STEP = 1 << 13  # bytes that are read at a time
_LONGEST = 1 << 15  # bytes of a line: a quoted label may go over several of what we call a line
_SHOWN = 60  # characters of a line

_NAME = rb"[a-zA-Z_:][a-zA-Z0-9_:]*+"
_LABEL_NAME = rb'(?:[a-zA-Z_][a-zA-Z0-9_]*+|"(?!")[^"\\]*(?:\\.[^"\\]*)*")'
_ANY_NAME = rb'(?:%b|"[^"\\]*(?:\\.[^"\\]*)*")' % _NAME
_QUOTED_NAME = rb'"(?!")[^"\\]*(?:\\.[^"\\]*)*"'
_FLOAT = rb"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?"
_VALUE = rb"(?:%b|[+-]?(?:[iI][nN][fF](?:[iI][nN][iI][tT][yY])?)|[nN][aA][nN])" % _FLOAT

_LABEL = rb'%b[ \t]*=[ \t]*"[^"\\]*(?:\\.[^"\\]*)*"[ \t]*(?:,[ \t]*)?' % _LABEL_NAME
_TEXT_SAMPLE = (
    rb"[ \t]*(?:%b[ \t]*(?:\{[ \t]*((?:%b)*)\}[ \t]*)?|\{[ \t]*((?:%b)*)%b[ \t]*(?:,[ \t]*((?:%b)*))?\}[ \t]*)"
    rb"(%b)(?=[ \t\n]|\Z)[ \t]*" % (_NAME, _LABEL, _LABEL, _QUOTED_NAME, _LABEL, _VALUE)
)
_TEXT_META = (
    rb"[ \t]*#[ \t]+HELP[ \t]+%b(?![\x80-\xff])[^\n]*"
    rb"|[ \t]*#[ \t]+TYPE[ \t]+%b[^\n](?:counter|gauge|histogram|summary|untyped)"
    rb"|[ \t]*#(?![ \t]+(?:HELP|TYPE)[ \t])[^\n]*|[ \t]*" % (_ANY_NAME, _ANY_NAME)
)

_OPEN_LABEL = rb'%b="[^"\\\n]*(?:\\.[^"\\\n]*)*"' % _LABEL_NAME
_OPEN_SAMPLE = rb"(?:%b(?:\{((?:%b(?:,%b)*,?)?)\})?|\{((?:%b,)*)%b((?:,%b)*),?\}) (%b)(?=[ \n])" % (
    *(_NAME, _OPEN_LABEL, _OPEN_LABEL, _OPEN_LABEL, _QUOTED_NAME, _OPEN_LABEL, _VALUE),
)
_TRACE = rb'(?:[a-zA-Z_][a-zA-Z0-9_]*+|"[^"\\\n]*(?:\\.[^"\\\n]*)*")="[^"\\\n]*(?:\\.[^"\\\n]*)*"'
_EXEMPLAR = rb"(?: # \{(?:%b(?:,%b)*,?)?\} (%b)(?: (%b))?)?" % (_TRACE, _TRACE, _VALUE, _FLOAT)
_OPEN_META = (
    rb"# (?:HELP|UNIT) %b [^\n]*"
    rb"|# TYPE %b (?:counter|gauge|histogram|gaugehistogram|summary|info|stateset|unknown)" % (_ANY_NAME, _ANY_NAME)
)


class _Format(NamedTuple):
    """A text format: its lines, the beginning of a sample up to what stands in place of its timestamp, and those."""

    line: re.Pattern[bytes]
    timed: re.Pattern[bytes]
    time: re.Pattern[bytes]


_TEXT = _Format(
    re.compile(rb"(?:%b([0-9]+)?[ \t]*|%b)(?:\n|\Z)" % (_TEXT_SAMPLE, _TEXT_META)),
    re.compile(rb"%b([^\s#]\S*)" % _TEXT_SAMPLE),
    re.compile(rb"[0-9]+"),
)
_OPENMETRICS = _Format(
    re.compile(rb"(?:%b(?: (%b))?%b|%b)\n" % (_OPEN_SAMPLE, _FLOAT, _EXEMPLAR, _OPEN_META)),
    re.compile(rb"%b ([^\s#]\S*)" % _OPEN_SAMPLE),
    re.compile(_FLOAT),
)

_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER = re.compile(rf'\s*;\s*({_WORD})\s*=\s*({_WORD}|"[^"\\]*(?:\\.[^"\\]*)*")')
_MEDIA_TYPE = re.compile(rf"\s*({_WORD}/{_WORD})")
_LABELS = re.compile(rb'(%b)[ \t]*=[ \t]*"([^"\\]*(?:\\.[^"\\]*)*)"' % _LABEL_NAME)
_UNIT = re.compile(rb"# UNIT (%b) ([^\n]*)" % _ANY_NAME)
_BEGINNING = re.compile(rb"[ \t]*(?:#[ \t]+(?:HELP|TYPE|UNIT)[ \t]+)?(%b|[^ \t{#][^ \t{]*)?" % _QUOTED_NAME)
_MOST_TIME, _DIGITS = 2**63 - 1, 19  # milliseconds


class Conformance(NamedTuple):
    """What a current Prometheus makes of a page."""

    reason: str = ""  # one of REASONS; empty where it can scrape the page
    why: str = ""  # a sentence: what it refuses, or why that could not be told
    unknown: Unknown | None = None  # it could not be told

    @property
    def refused(self) -> bool:
        """Whether it cannot."""
        return bool(self.reason)


class PageInspector:
    """Sees what is made of a whole page, which is UTF-8 and has a sample, while it arrives in parts of any length."""

    def __init__(self, content_type: str) -> None:
        self._form, why = _format_of(content_type)
        self.found: Conformance | None = None if self._form else Conformance("ContentType", why)
        self._rest, self._before = b"", 0  # what could not be told yet, and the lines before it
        self._begins = True

    def feed(self, part: bytes, *, last: bool) -> Iterator[None]:
        """Read on, a few lines at a time; `found` says what came out, after the last part at the latest."""
        if self._form is None or self.found is not None:
            return
        page, at, paused = self._rest + part, 0, 0
        while at < len(page) and (last or len(page) - at > _LONGEST):
            after = self._read(self._form, page, at)
            if isinstance(after, Conformance):
                self.found = after
                break
            at = after
            if at - paused >= _STEP:
                paused = at
                yield
        self._before += page.count(b"\n", 0, at)
        self._rest = page[at:] if self.found is None else b""
        if last and self.found is None:
            no_end = Conformance("Syntax", "The metrics endpoint does not end with # EOF.")
            self.found = Conformance() if self._form is _TEXT else no_end

    def _read(self, form: _Format, page: bytes, at: int) -> int | Conformance:
        """Where the line that begins here ends; of the page there are more bytes than a line may have, or its end."""
        if self._begins and page.startswith(b"\xef\xbb\xbf"):
            return Conformance("ByteOrderMark", "The metrics endpoint begins with a byte order mark.")
        self._begins = False
        if form is _OPENMETRICS and page.startswith(b"# EOF", at) and page[at + 5 : at + 6] in (b"", b"\n"):
            return Conformance() if len(page) <= at + 6 else self._refusal(page, at, "EndInTheMiddle", form)
        line = form.line.match(page, at, at + _LONGEST)
        if line is None and len(page) > at + _LONGEST and b"\n" not in page[at : at + _LONGEST]:
            return self._too_long(page, at)
        if line is None or not _is_sound(line, form):
            return self._refusal(page, at, "", form)
        return self._too_long(page, at) if line.end() == at + _LONGEST < len(page) else line.end()

    def _number(self, page: bytes, at: int) -> int:
        return self._before + page.count(b"\n", 0, at) + 1

    def _too_long(self, page: bytes, at: int) -> Conformance:
        number = self._number(page, at)
        why = f"Line {number} of the whole page is too long to inspect: more than {_LONGEST} bytes."
        return Conformance(unknown=Unknown.MALFORMED, why=why)

    def _refusal(self, page: bytes, at: int, reason: str, form: _Format) -> Conformance:
        end = page.find(b"\n", at, at + _LONGEST) + 1 or min(len(page), at + _LONGEST)
        line = page[at:end].rstrip(b"\n")
        reason = reason or _reason_of(line, form)
        shown = line.decode(errors="replace").rstrip("\r")[:_SHOWN]
        return Conformance(reason, f"Line {self._number(page, at)} {_WHY[reason]}: {shown!r}.")


def _format_of(content_type: str) -> tuple[_Format | None, str]:
    """How a page of this type is read (Go's mime.ParseMediaType), or why it is not."""
    if not content_type:
        return None, "The metrics endpoint has no Content-Type."
    found, version = _media_type_of(content_type)
    if found == "text/plain":
        return _TEXT, ""
    if found == "application/openmetrics-text" and version != "2.0.0":
        return _OPENMETRICS, ""
    return None, f"Its Content-Type is {content_type[:_SHOWN]!r}."


def _media_type_of(content_type: str) -> tuple[str, str]:
    """In lower case, with its version; nothing where it cannot be read."""
    found = _MEDIA_TYPE.match(content_type)
    at, parameters = found.end() if found else 0, list[tuple[str, str]]()
    while parameter := _PARAMETER.match(content_type, at):
        at = parameter.end()
        parameters.append((parameter[1].lower(), parameter[2].strip('"')))
    by_name = dict(parameters)
    if found is None or content_type[at:].strip() not in ("", ";") or len(by_name) < len(parameters):
        return "", ""
    return found[1].lower(), by_name.get("version", "")


def _is_sound(line: re.Match[bytes], form: _Format) -> bool:
    """What the form of a line does not say: numbers that are too large, labels that stand twice, units."""
    labels, before, after, value, time, *of_exemplar = line.groups()
    if value is None:
        return form is _TEXT or _has_unit(line[0])  # to the older format that is a comment
    if not (_is_in_range(value) and all(_is_in_range(each) for each in of_exemplar if each)):
        return False
    if time is not None and not _is_time(time, form):
        return False
    said = labels if before is None else b"%b,%b" % (before, after or b"")
    return not said or _names_stand_once(said)


def _is_in_range(number: bytes) -> bool:
    return not isinf(float(number)) or number.lstrip(b"+-")[:1].isalpha()


def _is_time(text: bytes, form: _Format) -> bool:
    if not form.time.fullmatch(text):
        return False
    digits = text.lstrip(b"0") or b"0"
    return _is_in_range(text) if form is _OPENMETRICS else len(digits) <= _DIGITS and int(digits) <= _MOST_TIME


def _names_stand_once(labels: bytes) -> bool:
    """An empty label is none, and takes those of its name with it (`Builder.Reset` of model/labels)."""
    pairs = [(name.strip(b'"'), value) for name, value in _LABELS.findall(labels)]
    names = [name for name, _ in pairs]
    if b"__name__" in names:
        return False
    if len(set(names)) < len(names):
        empty = {name for name, value in pairs if not value}
        names = [name for name in names if name not in empty]
    return len(set(names)) == len(names)


def _has_unit(line: bytes) -> bool:
    found = _UNIT.match(line)
    return found is None or not found[2] or found[1].strip(b'"').endswith(b"_" + found[2])


_WHY = {
    "LineEnds": "ends in CR LF",
    "FamilyName": "has a name that is none",
    "EndInTheMiddle": "is the end, and more follows",
    "Timestamp": "has a timestamp that is none",
    "Syntax": "cannot be read",
}


def _reason_of(line: bytes, form: _Format) -> str:
    without = line.removesuffix(b"\r") + b"\n"
    if line.endswith(b"\r") and (without == b"# EOF\n" or not without.strip() or form.line.match(without)):
        return "LineEnds"
    name = _BEGINNING.match(line)
    if name is not None and name[1] and not re.fullmatch(_ANY_NAME, name[1].rstrip(b"\r")):
        return "FamilyName"
    timed = form.timed.match(line + b"\n")
    return "Timestamp" if timed is not None and not _is_time(timed[timed.lastindex or 0], form) else "Syntax"
