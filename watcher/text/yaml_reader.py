"""Which values does a YAML text hold, and on which lines? What JSON cannot hold is refused."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import yaml

from watcher.text.key_path import key_path, kind_name

MAX_DEPTH = 64
MAX_WEIGHT = 128 * 2**20
"""Characters and nodes, with aliases written out."""

MAX_REPEATED = 2_000_000
"""Values that aliases repeat: a few characters can stand for any number, and each is looked at as often."""

Scalar = str | int | float | bool | None
Lines = dict[int, dict[str | int, int]]
"""The id of a mapping or list -> its key or index -> the line, from 1."""

Literals = dict[tuple[int, str], int]
"""The id of a mapping and a key whose value is a literal block -> the line of its `|`: its text begins on the next."""

_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]{1,300}|0o[0-7]{1,300}|0x[0-9a-fA-F]{1,300}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def plain_value(text: str) -> Scalar:
    """What an unquoted scalar stands for (YAML 1.2, section 10.3.2): `no` is text, and so are `.inf` and `.nan`."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "-+.0123456789":
        return text
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


class UnsupportedYamlError(Exception):
    """YAML, but of a kind that a config must not have; reading ends here."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line


@dataclass(frozen=True, slots=True)
class _Anchor:
    value: object
    weight: int
    values: int  # with its aliases written out
    height: int


class YamlReader:
    """Builds values from parser events: the library's own composer recurses in C until the process dies.

    Tags are refused; aliases and `<<` work within MAX_DEPTH, `max_weight` and `max_repeated`, the values that they
    repeat. Each value takes some microseconds: a text with more than `max_values` is refused. `mistakes` are lines
    and sentences: of two equal keys the last counts, as for PyYAML. `plain` says what an unquoted scalar stands for.
    """

    def __init__(
        self,
        text: str,
        max_weight: int = MAX_WEIGHT,
        max_values: int = MAX_WEIGHT,
        plain: Callable[[str], Scalar] = plain_value,
        max_repeated: int = MAX_REPEATED,
    ) -> None:
        self._plain = plain
        self.lines: Lines = {}
        self.literals: Literals = {}
        self.mistakes: list[tuple[int, str]] = []
        self._events: Iterator[yaml.Event] = iter(yaml.CSafeLoader(text).get_event, None)
        self._anchors: dict[str, _Anchor] = {}
        self._place: list[str | int] = []
        self._weight = self._deepest = 0
        self._max_weight, self._max_values, self._max_repeated = max_weight, max_values, max_repeated
        self._values = self._repeated = 0

    @property
    def values(self) -> int:
        """How many values were read so far, also where reading ended early."""
        return self._values

    @property
    def repeated(self) -> int:
        """How many more there are with aliases written out."""
        return self._repeated

    def document(self) -> object:
        """The one document of the text, None for an empty one; raises RefusedError or yaml.YAMLError."""
        documents: list[object] = []
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if documents:
                    raise self._refuse(event, "expected one YAML document, got a second one")
                documents.append(self._value(next(self._events)))
        return documents[0] if documents else None

    def _refuse(self, event: yaml.Event, why: str) -> UnsupportedYamlError:
        where = f"{key_path(tuple(self._place))}: " if self._place else ""
        return UnsupportedYamlError(_line(event), where + why)

    def _value(self, event: yaml.Event) -> object:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if not isinstance(event, yaml.NodeEvent) or event.anchor is None:
            return self._content(event)
        weight, values = self._weight, self._values + self._repeated
        deepest, self._deepest = self._deepest, 0
        value = self._content(event)
        height = max(0, self._deepest - len(self._place))
        values = self._values + self._repeated - values
        self._anchors[event.anchor] = _Anchor(value, self._weight - weight, values, height)
        self._deepest = max(deepest, self._deepest)
        return value

    def _content(self, event: yaml.Event) -> object:
        if not isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)):
            raise self._refuse(event, "expected a value")
        if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
            # Not which: what was meant as a password may begin with `!`, or with the `*` of an alias.
            raise self._refuse(event, "tags are not supported; a text that begins with ! needs quotes")
        if isinstance(event, yaml.ScalarEvent):
            self._weigh(event, 1 + len(event.value))
            return self._plain(event.value) if event.tag is None and event.implicit[0] else event.value
        self._weigh(event, 1)
        self._deepen(event, 1)
        return self._mapping() if isinstance(event, yaml.MappingStartEvent) else self._sequence()

    def _alias(self, event: yaml.AliasEvent) -> object:
        anchor = self._anchors.get(event.anchor or "")
        if anchor is None:
            raise self._refuse(
                event, "an alias of nothing that stands before it; a text that begins with * needs quotes"
            )
        self._repeated += anchor.values
        self._weigh(event, anchor.weight)
        self._deepen(event, anchor.height)
        return anchor.value

    def _weigh(self, event: yaml.Event, weight: int) -> None:
        self._weight += weight
        self._values += 1
        if self._values > self._max_values:
            raise self._refuse(event, f"more than {self._max_values} values")
        if self._weight > self._max_weight or self._repeated > self._max_repeated:
            raise self._refuse(event, "too large with its aliases written out")

    def _deepen(self, event: yaml.Event, height: int) -> None:
        self._deepest = max(self._deepest, len(self._place) + height)
        if self._deepest > MAX_DEPTH:
            raise self._refuse(event, f"nested too deeply, expected at most {MAX_DEPTH} levels")

    def _sequence(self) -> list[object]:
        found: list[object] = []
        lines = self.lines[id(found)] = {}
        events, place = self._events, self._place
        while type(event := next(events)) is not yaml.SequenceEndEvent:
            lines[len(found)] = _line(event)
            place.append(len(found))
            found.append(self._value(event))
            place.pop()
        return found

    def _mapping(self) -> dict[str, object]:
        found: dict[str, object] = {}
        lines = self.lines[id(found)] = {}
        merged: list[object] = []
        events, place = self._events, self._place
        while type(event := next(events)) is not yaml.MappingEndEvent:
            line = _line(event)
            key, merges = self._key(event)
            place.append(key)
            begin = next(events)
            value = self._value(begin)
            if merges:
                merged = (value if isinstance(value, list) else [value]) + merged
            else:
                if key in found:
                    where = key_path(tuple(self._place))
                    self.mistakes.append((line, f"{where}: the same key as on line {lines[key]}, expected it once"))
                found[key], lines[key] = value, line
                if type(begin) is yaml.ScalarEvent and begin.style == "|":
                    self.literals[id(found), key] = _line(begin)
                elif self.literals:
                    self.literals.pop((id(found), key), None)  # of what was dropped and had this id before
            place.pop()
        for source in merged:
            self._merge(found, source, event)
        return found

    def _key(self, event: yaml.Event) -> tuple[str, bool]:
        """The key, and whether it is `<<`, which stands for the keys of another mapping."""
        if not isinstance(event, yaml.ScalarEvent):
            raise self._refuse(event, "expected a plain key, got a mapping, a list or an alias")
        self._weigh(event, 1 + len(event.value))
        return event.value, event.value == "<<" and event.implicit[0]

    def _merge(self, found: dict[str, object], source: object, event: yaml.Event) -> None:
        if not isinstance(source, dict):
            raise self._refuse(event, f"<<: expected a mapping, got {kind_name(source)}")
        lines, theirs = self.lines[id(found)], self.lines[id(source)]
        for key in source.keys() - found.keys():
            found[key], lines[key] = source[key], theirs[key]


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
