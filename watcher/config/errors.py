"""What is wrong with the config, where, and what was expected? One line a mistake."""

import re
from difflib import get_close_matches

from pydantic_core import ErrorDetails

from watcher.config.environment import Variable
from watcher.config.file import Document
from watcher.config.schema import known_keys
from watcher.text.key_path import Location, key_path, plain_name

_WORDING = (
    ("Input should be", "expected"),
    ("an object", "a mapping"),
    ("a valid dictionary", "a mapping"),
    ("a valid array", "a list"),
    ("a valid boolean", "true or false"),
    ("a valid integer", "a whole number"),
    ("a valid string", "text (a number or true needs quotes)"),
    ("a valid ", "a "),
    ("String should have", "expected text of"),
)

_SECRETS: tuple[Location, ...] = (("server", "basic_auth_users"),)
"""Below these nothing is printed: what is no hash may be a password."""


class Mistakes:
    """Collects what is wrong with `data`, which is the file with the environment's variables over it."""

    def __init__(self, document: Document, variables: tuple[Variable, ...], data: object) -> None:
        self._document, self._variables, self._data = document, variables, data
        self.found: list[tuple[int, str]] = [
            (line, f"{document.path}:{line}: {sentence}") for line, sentence in document.mistakes
        ]

    def add(self, place: Location, sentence: str) -> None:
        """Something is wrong with the value at this place, or with what is not there."""
        line, where = self._where(place)
        self.found.append((line, f"{where}: {key_path(place) or 'config'}: {sentence}"))

    def add_unknown(self, place: Location) -> None:
        """The key at the end of this place is not one that a config may have there."""
        known = known_keys(place[:-1])
        near = get_close_matches(str(place[-1]), known, n=1)
        expected = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}"
        self.add(place, f"unknown key, {expected}")

    def add_error(self, error: ErrorDetails, above: Location = ()) -> None:
        """One of pydantic's errors; `above`: where the validated value stands."""
        place, value = self._existing(above + error["loc"])
        match error["type"]:
            case "extra_forbidden":
                self.add_unknown(place)
            case "missing":
                self.add((*place, error["loc"][-1]), "missing, but required")
            case "value_error" | "assertion_error":
                sentence = str(error["ctx"]["error"])
                self.add(place + _named_key(sentence, value), sentence)
            case _:
                given = "something else" if place[:2] in _SECRETS else plain_name(error["input"])
                self.add(place, f"{_reworded(error['msg'])}, got {given}")

    def lines(self) -> list[str]:
        """The environment's first, then down the file."""
        return [text for _, text in sorted(self.found)]

    def where(self, place: Location) -> str:
        """The file and line, or the variable, that says what stands at this place."""
        return self._where(place)[1]

    def _where(self, place: Location) -> tuple[int, str]:
        line, mapping = self._document.find(place)
        for variable in reversed(self._variables):
            both = min(len(place), len(variable.place))
            alike = place[:both] == variable.place[:both]
            if alike and (len(variable.place) <= len(place) or not mapping):  # not where it only adds to a mapping
                return 0, variable.name
        return line, f"{self._document.path}:{line}"

    def _existing(self, location: Location) -> tuple[Location, object]:
        """The part of pydantic's location that is in the data: it also names alternatives of a type."""
        place: Location = ()
        value = self._data
        for part in location:
            inside = range(len(value)) if isinstance(value, list) else value if isinstance(value, dict) else ()
            if part in inside:
                place, value = (*place, part), value[part]  # type: ignore[index]  # a list or a dict with this part
        return place, value


def _named_key(sentence: str, value: object) -> Location:
    """A sentence about a mapping that begins with one of its keys is about that key."""
    word = re.match(r"\w+", sentence)
    return (word[0],) if word and isinstance(value, dict) and word[0] in value else ()


def _reworded(message: str) -> str:
    for theirs, ours in _WORDING:
        message = message.replace(theirs, ours)
    return message
