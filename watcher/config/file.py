"""What does the config file say, and on which line?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from watcher.text.key_path import Location, kind_name
from watcher.text.printable import printable
from watcher.text.yaml_reader import Lines, UnsupportedYamlError, YamlReader

MAX_FILE_BYTES = 64 * 2**20


class ConfigError(Exception):
    """The config cannot be used. `mistakes`: one line each, naming file, line and key path."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = tuple(printable(mistake) for mistake in mistakes)
        super().__init__("\n".join(self.mistakes))


@dataclass(frozen=True, slots=True)
class Document:
    """The values of a file as JSON would have them, and what is wrong with how they are written."""

    path: Path
    data: dict[str, object]
    lines: Lines = field(default_factory=dict)
    mistakes: tuple[tuple[int, str], ...] = ()  # line and sentence

    def find(self, place: Location) -> tuple[int, bool]:
        """The line of the innermost key or item on the way to `place`, from 1, and whether that is `place` itself."""
        line = 1
        value: object = self.data
        for part in place:
            lines = self.lines.get(id(value), {}) if isinstance(value, (dict, list)) else {}
            if part not in lines:
                return line, False
            line, value = lines[part], value[part]  # type: ignore[index]  # what has lines is a dict or a list
        return line, isinstance(value, dict)


def read_document(path: Path) -> Document:
    """The one YAML document in `path`, whatever its keys mean; an empty file says nothing.

    Raises ConfigError where the file cannot be read, is over MAX_FILE_BYTES, or is not YAML.
    """
    text = _text(path)
    reader = YamlReader(text)
    try:
        data = reader.document()
    except UnsupportedYamlError as error:
        raise ConfigError([f"{path}:{error.line}: {error}"]) from error
    except yaml.YAMLError as error:
        raise ConfigError([f"{path}:{_not_yaml(error, text)}"]) from error
    if data is None:
        return Document(path, {})
    if not isinstance(data, dict):
        raise ConfigError([f"{path}:1: expected a mapping with sections such as discovery, got {kind_name(data)}"])
    return Document(path, data, reader.lines, tuple(reader.mistakes))


def beside_the_file(value: Any, directory: Path) -> Any:
    """A setting, or a model or tuple of these, whose relative paths are those of files beside the config file."""
    if isinstance(value, Path):
        return directory / value  # which is `value` where that is absolute
    if isinstance(value, BaseModel):
        fields = {name: getattr(value, name) for name in type(value).model_fields}
        moved = {name: beside_the_file(each, directory) for name, each in fields.items()}
        changed = {name: each for name, each in moved.items() if each is not fields[name]}
        return value.model_copy(update=changed) if changed else value
    if isinstance(value, tuple) and any(isinstance(each, (BaseModel, Path)) for each in value):
        return tuple(beside_the_file(each, directory) for each in value)
    return value


def _not_yaml(error: yaml.YAMLError, text: str) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        return f"{mark.line + 1}: column {mark.column + 1}: not YAML: {error.problem or error.context}"
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f"{line}: not YAML: {error.reason}, got character #x{error.character:04x}"
    return f"1: not YAML: {error}"


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError([f"{path}: the config file cannot be read: {reason}"]) from error
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigError([f"{path}: the config file is too large, expected at most {MAX_FILE_BYTES >> 20} MiB"])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path}:{line}: not YAML: expected UTF-8, got byte 0x{raw[error.start]:02x}"]) from error
