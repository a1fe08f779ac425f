"""Which keys of a config are wrong, unknown or without effect, by what a version of the SDK knows?"""

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any

from probes.controls.evidence.agent_config import NOT_SET, AgentConfigFile, KeyPath
from probes.controls.judges.agent_config.case import as_flag, as_number
from probes.controls.judges.agent_config.shown import key_name, shown
from probes.controls.judges.texts import keys_of
from probes.controls.sdk.facts import ConfigKey, SdkVersion

_MISSPELT = 2  # edits
_HINTS = 100
"""Unknown keys of one file for which a known one is looked for: each costs half a millisecond."""

_LONGEST = 2048
"""Characters of a text that is held to a pattern."""


class Kind(Enum):
    """How bad it is."""

    WRONG = "wrong"  # the config is not valid
    UNKNOWN = "unknown"  # the SDK drops the key
    NO_EFFECT = "no effect"  # the SDK knows the key and does nothing with it


@dataclass(frozen=True, slots=True)
class KeyFinding:
    """What there is to say of one key."""

    kind: Kind
    place: KeyPath
    sentence: str

    @property
    def message(self) -> str:
        """A sentence with the key."""
        end = "" if self.sentence.endswith((".", "?")) else "."
        return f"{key_name(self.place)}: {self.sentence}{end}"


def key_findings(file: AgentConfigFile, sdk: SdkVersion) -> Iterator[KeyFinding]:
    """All of them, section by section."""
    yield from _Reading(file, sdk, *_sections(sdk)).mapping(file.document, "", ())


@lru_cache(maxsize=8)
def _sections(sdk: SdkVersion) -> tuple[dict[str, dict[str, ConfigKey]], frozenset[str]]:
    """The keys of each section by their names, and the paths of security keys and of sections that have one."""
    found: dict[str, dict[str, ConfigKey]] = {}
    secure: set[str] = set()
    for key in sdk.config:
        above, _, name = key.path.rpartition(".")
        found.setdefault(above, {})[name] = key
        if key.security:
            parts = key.path.split(".")
            secure |= {".".join(parts[:number]) for number in range(1, len(parts) + 1)}
    return found, frozenset(secure)


@lru_cache(maxsize=8)
def _alone(sdk: SdkVersion) -> dict[str, str]:
    """The paths of keys by names that no other key has."""
    names = Counter(key.path.rpartition(".")[2] for key in sdk.config)
    return {name: key.path for key in sdk.config if names[name := key.path.rpartition(".")[2]] == 1}


@dataclass(frozen=True, slots=True)
class _Reading:
    file: AgentConfigFile = field(repr=False)
    sdk: SdkVersion
    children: Mapping[str, Mapping[str, ConfigKey]] = field(repr=False)
    secure: frozenset[str] = field(repr=False)
    hints: Iterator[int] = field(default_factory=lambda: iter(range(_HINTS)), repr=False)

    def mapping(self, given: Mapping[str, object], path: str, place: KeyPath) -> Iterator[KeyFinding]:
        known = self.children[path]
        for name, value in given.items():
            key = known.get(name)
            if key is None:
                yield self._unknown(name, given, path, place)
            else:
                yield from self._known(key, value, (*place, name))
        for name, key in known.items():
            if key.required and name not in given:
                yield KeyFinding(Kind.WRONG, (*place, name), "missing, but required")

    def _known(self, key: ConfigKey, value: object, place: KeyPath) -> Iterator[KeyFinding]:
        if wrong := mistake(key, value):
            yield KeyFinding(Kind.WRONG, place, wrong)
            return
        if not key.used and not self._inside_the_unused(key.path):
            all_of_it = ", nor anything in it" if key.type == "mapping" else ""
            said = f"no effect: SDK {self.sdk.version} does not read it{all_of_it}"
            yield KeyFinding(Kind.NO_EFFECT, place, f"{said}. {key.note}" if key.note else said)
        if isinstance(value, dict) and key.path in self.children:
            yield from self.mapping(value, key.path, place)
        elif isinstance(value, list) and (items := f"{key.path}[]") in self.children:
            for number, item in enumerate(value):
                if isinstance(item, dict):
                    yield from self.mapping(item, items, (*place, number))
                else:
                    yield KeyFinding(Kind.WRONG, (*place, number), f"expected a mapping, got {shown(item)}")

    def _inside_the_unused(self, path: str) -> bool:
        above = path.replace("[]", "").rpartition(".")[0]
        return bool(above) and not self.sdk.uses(above)

    def _unknown(self, name: str, given: Mapping[str, object], path: str, place: KeyPath) -> KeyFinding:
        known = self.children[path]
        near = _near(name, known) if next(self.hints, None) is not None else ""
        for each, key in known.items():
            if each not in given and key.path in self.secure and (each == near or edits(name, each) <= _MISSPELT):
                said = f"unknown key next to a security key that is missing; did you mean {each}?"
                return KeyFinding(Kind.WRONG, (*place, name), said)
        if lost := self._security_key_in(given[name], near, path):
            said = f"unknown section, so its security key has no effect; did you mean {lost}?"
            return KeyFinding(Kind.WRONG, (*place, name), said)
        if meant := self._misplaced(name):
            said = f"unknown key at this place, and the security key {meant} is missing; did you mean that?"
            return KeyFinding(Kind.WRONG, (*place, name), said)
        said = f"unknown key, which SDK {self.sdk.version} drops"
        full = f"{path}.{name}".removeprefix(".")
        if always := self.sdk.always.get(full):
            return KeyFinding(Kind.UNKNOWN, (*place, name), f"{said}. {always}")
        return KeyFinding(Kind.UNKNOWN, (*place, name), f"{said}; did you mean {near}?" if near else said)

    def _security_key_in(self, value: object, near: str, path: str) -> str:
        """The path of a security key that an unknown section holds; empty where it holds none.

        A name of two words is a security key wherever it stands, `enabled` only in a section that is nearly its own.
        """
        if not isinstance(value, dict | list):
            return ""
        meant = {name: key for name, key in _alone(self.sdk).items() if key in self.secure and "_" in name}
        section = f"{path}.{near}".removeprefix(".") if near else ""
        meant |= {name: key.path for name, key in self.children.get(section, {}).items() if key.path in self.secure}
        plain = {_plain(name): key for name, key in meant.items()}
        keys = (_plain(str(place[-1])) for place in keys_of(value))
        return next((plain[key] for key in keys if key in plain), "")

    def _misplaced(self, name: str) -> str:
        """The path of the security key that alone has this name, where the file does not have it; else empty."""
        path = _alone(self.sdk).get(name, "")
        return path if path in self.secure and self.file.get(path) is NOT_SET else ""


def mistake(key: ConfigKey, value: object) -> str:
    """What is wrong with the value of a known key; empty where nothing is."""
    if not _TYPES[key.type](value):
        quotes = key.type == "text" and isinstance(value, int | float)
        more = ", which needs quotes" if quotes and not isinstance(value, bool) else ""
        return f"expected {_NAMES[key.type]}, got {shown(value)}{more}"
    if key.values and value not in key.values:
        meant = [each for each in key.values if isinstance(value, str) and len(value) > 2 and each.startswith(value)]
        hint = f"; did you mean {meant[0]}?" if meant else ""
        expected = " or ".join(each for each in key.values if each not in key.unsafe)
        return f"expected {expected}, got {shown(value)}{hint}"
    if key.pattern and isinstance(value, str):
        if len(value) > _LONGEST:
            return f"a text of over {_LONGEST} characters"
        if not re.fullmatch(key.pattern, value):
            return f"expected a text that matches {key.pattern}"
    return _outside(key, value)


def _outside(key: ConfigKey, value: object) -> str:
    number = as_number(value)
    if number is None:
        return ""
    if key.least is not None and number < key.least:
        return f"expected at least {key.least:g}, got {shown(number)}"
    if key.most is not None and number > key.most:
        return f"expected at most {key.most:g}, got {shown(number)}"
    return ""


def _is_integer(value: object) -> bool:
    number = as_number(value)
    exact = not isinstance(value, str) or "e" not in value.lower()
    return exact and number is not None and number.is_integer()


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "number": lambda value: as_number(value) is not None,
    "integer": _is_integer,
    "boolean": lambda value: as_flag(value) is not None,
    "list": lambda value: isinstance(value, list),
    "mapping": lambda value: isinstance(value, dict),
}
_NAMES = {
    "text": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "list": "a list",
    "mapping": "a mapping",
}


def _near(name: str, known: Mapping[str, ConfigKey]) -> str:
    """The known key that a person may have meant, also in another style of writing; empty where there is none."""
    if len(name) > 64:
        return ""
    plain = {_plain(each): each for each in known}
    found = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=0.75)
    return plain[found[0]] if found else ""


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def edits(one: str, other: str) -> int:
    """Levenshtein's distance: letters put in, left out or changed; 3 for all that is farther apart than 2."""
    if abs(len(one) - len(other)) > _MISSPELT:
        return _MISSPELT + 1
    ours, others = Counter(one), Counter(other)  # most pairs are told apart by their letters, which costs less
    if max((ours - others).total(), (others - ours).total()) > _MISSPELT:
        return _MISSPELT + 1
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        above, row = row, [number]
        for column, theirs in enumerate(other, 1):
            row.append(min(above[column] + 1, row[-1] + 1, above[column - 1] + (letter != theirs)))
        if min(row) > _MISSPELT:
            break
    return min(row[-1], _MISSPELT + 1)
