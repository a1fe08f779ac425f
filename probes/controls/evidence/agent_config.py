"""The agent's own config.yaml, with the line of every key."""

from collections.abc import Mapping
from dataclasses import dataclass

KeyPath = tuple[str | int, ...]


class NotSet:
    """What a key is that the file does not have; None is a value."""


NOT_SET = NotSet()


@dataclass(frozen=True, slots=True)
class AgentConfigFile:
    """Source `agent_config`. Of a text that is no YAML mapping, or has a key twice, `broken` says why, and nothing else
    is known of it."""

    document: Mapping[str, object]
    lines: Mapping[KeyPath, int]  # of each key and list item, from 1; () is where the config begins
    sdk_version: str  # which the agent runs, or which is taken
    in_place: bool | None  # before the process started; True for what is yet to be deployed, None where not known
    broken: tuple[tuple[int, str], ...] = ()  # line and sentence; the document is empty then
    of_some: bool = False  # other pods of the agent have another one, or one that is not known

    def get(self, path: str) -> object:
        """The value at `transport.tls_min_version`; NOT_SET where the file has none."""
        found: object = self.document
        for key in path.split("."):
            if not isinstance(found, dict) or key not in found:
                return NOT_SET
            found = found[key]
        return found

    def line(self, path: str) -> int | None:
        """The line of the key at `transport.retry`, or of the nearest key above it that the file has."""
        return self.line_at(tuple(path.split(".")))

    def line_at(self, place: KeyPath) -> int | None:
        """The same, by keys and numbers of list items."""
        return next((self.lines[place[:n]] for n in range(len(place), -1, -1) if place[:n] in self.lines), None)
