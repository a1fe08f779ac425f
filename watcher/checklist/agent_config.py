"""What does an agent's config.yaml hold, key by key and with lines, for the judges of the checklist?"""

from collections.abc import Iterator

import yaml

from probes.controls.evidence import AgentConfigFile
from probes.controls.evidence.agent_config import KeyPath
from watcher.text.printable import printable
from watcher.text.yaml_reader import Lines, UnsupportedYamlError, YamlReader
from watcher.text.yaml_scalars import agent_value

MAX_BYTES = 2**20
"""A ConfigMap holds no more."""

_UNRENDERED = "a template that is not rendered ({{); give the config as the agent gets it"
_MAX_VALUES = 10_000  # fifty times what the SDK's own examples have
_MAX_WEIGHT = 2 * MAX_BYTES


class _BrokenError(Exception):
    """It is no config: lines and sentences that say why."""

    def __init__(self, *mistakes: tuple[int, str]) -> None:
        super().__init__(*mistakes)
        self.mistakes = tuple((line, printable(why)) for line, why in mistakes)


def read_agent_config(raw: bytes, sdk_version: str, *, in_place: bool | None) -> AgentConfigFile:
    """The config in this text of UTF-8; what is wrong with it stands in `broken`, without any of its values."""
    try:
        document, lines = _document(raw)
    except _BrokenError as error:
        return AgentConfigFile({}, {}, sdk_version, in_place, error.mistakes)
    return AgentConfigFile(document, lines, sdk_version, in_place)


def _document(raw: bytes) -> tuple[dict[str, object], dict[KeyPath, int]]:
    text = _text(raw)
    reader = YamlReader(text, _MAX_WEIGHT, _MAX_VALUES, agent_value)
    try:
        document = reader.document()
    except UnsupportedYamlError as error:
        raise _BrokenError((error.line, _or_unrendered(str(error), text, error.line))) from None
    except yaml.YAMLError as error:
        raise _not_yaml(error, text) from None
    if not isinstance(document, dict):
        kind = "nothing" if document is None else "a list" if isinstance(document, list) else "a single value"
        raise _BrokenError((1, f"expected a mapping with sections such as agent, got {kind}"))
    if reader.mistakes:
        raise _BrokenError(*reader.mistakes)
    return document, dict(_places(document, reader.lines))


def _text(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise _BrokenError((1, f"over {MAX_BYTES >> 10} KiB, which no ConfigMap holds; it was not read"))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _BrokenError((line, f"not YAML: expected UTF-8, got byte 0x{raw[error.start]:02x}")) from None


def _or_unrendered(why: str, text: str, *lines: int) -> str:
    """`why`, or that one of these lines is a template of Helm's or the like."""
    given = text.split("\n")
    return _UNRENDERED if any("{{" in "".join(given[line - 1 : line]) for line in lines) else why


def _not_yaml(error: yaml.YAMLError, text: str) -> _BrokenError:
    """Where and why, without the text around: it may hold a secret."""
    if isinstance(error, yaml.MarkedYAMLError):
        marks = [mark.line + 1 for mark in (error.problem_mark, error.context_mark) if mark] or [1]
        why = f"not YAML: {error.problem or error.context}"
        return _BrokenError((marks[0], _or_unrendered(why, text, *marks)))
    if isinstance(error, yaml.reader.ReaderError):
        return _BrokenError((1, f"not YAML: {error.reason}"))
    return _BrokenError((1, "not YAML"))


def _places(value: object, lines: Lines) -> Iterator[tuple[KeyPath, int]]:
    """The line of each key and item; with aliases written out they may be many more than there are values."""
    stack: list[tuple[object, KeyPath]] = [(value, ())]
    left = 2 * _MAX_VALUES
    while stack:
        found, place = stack.pop()
        if not isinstance(found, dict | list):
            continue
        for key, line in lines[id(found)].items():
            left -= 1
            if left < 0:
                raise _BrokenError((1, f"more than {2 * _MAX_VALUES} values with its aliases written out"))
            yield (*place, key), line
            stack.append((found[key], (*place, key)))  # type: ignore[index]  # its own key or index
