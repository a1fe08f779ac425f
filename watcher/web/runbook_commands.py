"""Which of an alert's values may stand in a command that somebody pastes into a shell?"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,252}")
_BASE = re.compile(r"https?://(?:[A-Za-z0-9][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_ALLOWED = {"NAMESPACE": _NAME, "AGENT": _NAME, "POD": _NAME, "SUBJECT": _SUBJECT, "WATCHER": _BASE}
_PLACEHOLDER = re.compile(rf"\$(?:({'|'.join(_ALLOWED)})\b|\{{({'|'.join(_ALLOWED)})\}})")


@dataclass(frozen=True, slots=True)
class PlaceholderValues:
    """What to fill in: `fit` for the placeholders that have a safe value, `unfit` names those that have another."""

    fit: Mapping[str, str]
    unfit: frozenset[str]


def safe_values(given: Mapping[str, str]) -> PlaceholderValues:
    """Sort values by placeholder, such as `POD`; an empty one was not given."""
    named = {name: value for name, value in given.items() if value}
    fit = {name: value for name, value in named.items() if _ALLOWED[name].fullmatch(value)}
    return PlaceholderValues(fit, frozenset(named.keys() - fit.keys()))


def placeholders(commands: str) -> list[str]:
    """The names of all placeholders in these commands, each once."""
    used = {plain or braced for plain, braced in _PLACEHOLDER.findall(commands)}
    return [name for name in _ALLOWED if name in used]


def filled(commands: str, values: PlaceholderValues) -> str:
    """The commands with every value that fits; what has none stays a variable of the shell."""
    return _PLACEHOLDER.sub(lambda found: values.fit.get(found[1] or found[2], found[0]), commands)
