"""What do the lines of a log have? Each is looked at once, and only counts remain.

1. Bytes arrive in pieces and are cut into lines; of one no more than LONGEST_LINE is kept, the rest is passed over.
2. A line is a JSON object or not. Of an object the fields at its top level are looked at: the checklist's seven.
3. The whole line is searched by the rules for secrets and personal data; only the names of rules are counted. What is
   escaped, however often, or in base64, is searched in plain too. So is the seam of two lines where a container
   runtime cut one that was too long for it.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import islice

from pydantic_core import from_json

from probes.contract.spiffe_id import parse_spiffe_id
from probes.controls.evidence import LogSample, Share
from probes.controls.evidence.witnesses.log_sample import BAD_LEVELS, by_part
from probes.controls.judges.secret_texts.covered import decoded, unescaped
from probes.controls.judges.secret_texts.personal_data import personal_rules
from probes.controls.judges.secret_texts.rules import secret_rules

LONGEST_LINE = 64 * 2**10
MOST_BYTES = 4 * 2**20
"""Of one sample."""

RUNTIMES_LONGEST = 16 * 2**10
"""Bytes of a line that container runtimes write as one; the rest of a longer one is the next."""

_SEAM = 300
"""Characters on both sides of it in which a secret is searched."""

LEVELS = ("TRACE", "DEBUG", "INFO", "NOTICE", "WARN", "WARNING", "ERROR", "CRITICAL", "FATAL")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)")
_DURATIONS = re.compile(r"duration|latency|elapsed|response_time|took", re.IGNORECASE)

_LONGEST_NAME, _MOST_NAMES = 64, 500
"""Of the fields of an audit record: characters, and how many."""

Fields = Mapping[str, object]


def _is_time(value: object) -> bool:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return False
    try:
        return datetime.fromisoformat(value.upper()).tzinfo is not None
    except ValueError:
        return False


def _is_level(value: object) -> bool:
    return isinstance(value, str) and value.upper() in LEVELS


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_named(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_spiffe_id(value: object) -> bool:
    return isinstance(value, str) and parse_spiffe_id(value) is not None


def _is_duration(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _any(_: Fields) -> bool:
    return True


def _of_request(line: Fields) -> bool:
    return any(key in line for key in ("path", "duration_ms", "request_id", "caller_id"))


def _ends_request(line: Fields) -> bool:
    return "status" in line or "status_code" in line or any(_DURATIONS.search(key) for key in line)


def _is_request(line: Fields) -> bool:
    return any(key in line for key in ("caller_id", "duration_ms", "path"))


AUDIT_KEYS = ("decision_id", "decision", "allowed", "allow")
"""At top level of a line that records a decision: OPA's decision logs have the first, agents' own one of the others."""


def is_audit_record(line: Fields) -> bool:
    """Whether it records what was decided."""
    return any(key in line for key in AUDIT_KEYS)


_FIELDS: Mapping[str, tuple[Callable[[Fields], bool], Callable[[object], bool]]] = {
    "timestamp": (_any, _is_time),
    "level": (_any, _is_level),
    "message": (_any, _is_text),
    "request_id": (_of_request, _is_named),
    "spiffe_id": (_any, _is_spiffe_id),
    "duration_ms": (_ends_request, _is_duration),
    "caller_id": (_of_request, _is_spiffe_id),
}
"""The checklist's seven: which lines should have it, and what it must be."""


class LogCounts:
    """Counts of the lines that it was handed."""

    def __init__(self) -> None:
        self._lines = self._objects = self._cut = 0
        self._of, self._has = Counter[str](), Counter[str]()
        self._requests = self._named = 0
        self._levels, self._found = Counter[str](), Counter[str]()
        self._bad = bytearray()  # of each line with a level, whether it is an error or a warning
        self._audits, self._audit_fields = 0, frozenset[str]()
        self._seam = ""  # the end of the line before, where a runtime cut it

    def add(self, line: bytes, *, cut: bool = False) -> None:
        """One line; `cut`: its end was passed over."""
        text = line.decode(errors="replace").strip()
        if not text:
            return
        self._lines += 1
        self._cut += cut
        fields = None if cut else _object(text)
        if fields is not None:
            self._objects += 1
            self._look_at(fields)
        plain = unescaped(text)
        found = {*secret_rules(plain), *personal_rules(plain)}
        if self._seam:
            found |= set(secret_rules(self._seam + text[:_SEAM])) - set(secret_rules(text[:_SEAM]))
        for each in decoded(plain):
            found.update(secret_rules(each))
        self._found.update(found)
        self._seam = text[-_SEAM:] if len(line) == RUNTIMES_LONGEST else ""

    def sample(self) -> LogSample:
        """What was counted so far."""
        return LogSample(
            lines=self._lines,
            objects=self._objects,
            cut=self._cut,
            fields={name: Share(self._of[name], self._has[name]) for name in _FIELDS},
            request_or_trace=Share(self._requests, self._named),
            levels=dict(self._levels),
            bad=by_part(self._bad),
            found=dict(self._found),
            audits=self._audits,
            audit_fields=self._audit_fields,
        )

    def _look_at(self, fields: Fields) -> None:
        for name, (should, is_right) in _FIELDS.items():
            if should(fields):
                self._of[name] += 1
                self._has[name] += name in fields and is_right(fields[name])
        if _is_request(fields):
            self._requests += 1
            self._named += _is_named(fields.get("request_id")) or _is_named(fields.get("trace_id"))
        if is_audit_record(fields):
            names = frozenset(islice((each for each in fields if len(each) <= _LONGEST_NAME), _MOST_NAMES))
            self._audit_fields = self._audit_fields & names if self._audits else names
            self._audits += 1
        level = fields.get("level")
        if isinstance(level, str) and level.upper() in LEVELS:
            self._levels[level.upper()] += 1
            self._bad.append(level.upper() in BAD_LEVELS)


class LineCutter:
    """Pieces of bytes to lines, of which no more than LONGEST_LINE is held."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest, self._rest, self._cut = longest, bytearray(), False

    def feed(self, piece: bytes) -> Iterator[tuple[bytes, bool]]:
        """The lines that end in it, and whether they were cut."""
        start = 0
        while (end := piece.find(b"\n", start)) >= 0:
            self._take(piece[start:end])
            yield from self.end()
            start = end + 1
        self._take(piece[start:])

    def end(self) -> Iterator[tuple[bytes, bool]]:
        """What is left of a line that has no end."""
        if self._rest:
            yield bytes(self._rest), self._cut
        self._rest.clear()
        self._cut = False

    def leave_off(self) -> None:
        """The line under way goes on, and no more of it is read."""
        self._cut = True

    def _take(self, part: bytes) -> None:
        room = self._longest - len(self._rest)
        self._rest += part[:room]
        self._cut |= len(part) > room


def _object(text: str) -> Fields | None:
    if not text.startswith("{"):
        return None
    try:
        found = from_json(text, allow_inf_nan=False)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
