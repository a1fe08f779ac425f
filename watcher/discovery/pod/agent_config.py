"""What does an agent's own config.yaml, as its ConfigMap has it, say to the watcher?"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import yaml

from probes.contract.target import DEFAULT_DECISION_PATH
from watcher.text.addresses import http_url
from watcher.text.key_path import kind_name, plain_name
from watcher.text.yaml_reader import UnsupportedYamlError, YamlReader
from watcher.text.yaml_scalars import agent_value

MAX_BYTES = 64 * 2**10
MAX_RECOVERY = 600.0
"""Seconds of a breaker's recovery that are believed: more would make its alert never come."""

MAX_NAME = 253
MAX_CAPACITY = 1_000_000
_MAX_WEIGHT = 4 * MAX_BYTES
_MAX_VALUES = 2000  # ten times what the SDK's own examples have; they are read in one turn of the loop
_MOST_TWICE = 5
"""Keys that stand twice and are told of one file."""

_PACKAGE = DEFAULT_DECISION_PATH.rpartition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """What of it is used. None: it does not say."""

    name: str | None = None
    max_connections: int | None = None
    recovery: float | None = None  # seconds until a breaker tries again
    provider: str | None = None  # of authorization
    opa_endpoint: str | None = None
    problems: tuple[str, ...] = ()
    doubtful: Mapping[str, str] = field(default_factory=dict)  # key path -> what is wrong with what it says
    unlearnt: str = ""  # why nothing of it is known, a part of a sentence
    is_final: bool = True  # False: another attempt may tell more
    at: tuple[str, str] | None = None  # the ConfigMap and the key that have it

    def doubt(self, *paths: str) -> str:
        """Why one of these is not known, a part of a sentence; empty where the config says it, or says nothing."""
        return self.unlearnt or next((self.doubtful[path] for path in paths if path in self.doubtful), "")


def unlearnt(why: str, *, is_final: bool = True) -> AgentConfig:
    """A config of which nothing is known, for this reason."""
    return AgentConfig(problems=(why,), unlearnt=why, is_final=is_final)


def read_config(text: str) -> AgentConfig:
    """The config in this text; whatever is wrong with it is a problem and never an error."""
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        return unlearnt(f"config.yaml is over {MAX_BYTES >> 10} KiB and was not read")
    reader = YamlReader(text, _MAX_WEIGHT, _MAX_VALUES, agent_value)
    try:
        document = reader.document()
    except (UnsupportedYamlError, yaml.YAMLError, ValueError) as error:
        first = (str(error).splitlines() or [""])[0]
        return unlearnt(f"config.yaml cannot be read: {first[:200]}")
    if not isinstance(document, dict):
        return unlearnt(f"config.yaml: expected a mapping, got {kind_name(document)}")
    config = _Reader(document).config()
    twice = tuple(
        f"config.yaml:{line}: {why[:200]}; agents take the last" for line, why in reader.mistakes[:_MOST_TWICE]
    )
    return replace(config, problems=(*twice, *config.problems))


class _Reader:
    def __init__(self, document: Mapping[str, object]) -> None:
        self._document = document
        self._problems: list[str] = []
        self._doubtful: dict[str, str] = {}

    def config(self) -> AgentConfig:
        config = AgentConfig(
            name=self._name(),
            max_connections=self._max_connections(),
            recovery=self._recovery(),
            provider=self._text("authorization.provider"),
            opa_endpoint=self._opa_endpoint(),
        )
        self._look_at_policy_path()
        return replace(config, problems=tuple(self._problems), doubtful=self._doubtful)

    def _value(self, path: str) -> object:
        value: object = self._document
        *sections, last = path.split(".")
        for section in sections:
            value = value.get(section) if isinstance(value, dict) else None
        if value is None:
            return None
        if isinstance(value, dict):
            return value.get(last)
        self._doubt(path, f"config.yaml: {'.'.join(sections)}: expected a mapping, got {kind_name(value)}")
        return None

    def _wrong(self, path: str, expected: str) -> None:
        self._doubt(path, f"config.yaml: {path}: expected {expected}, got {kind_name(self._value(path))}")

    def _doubt(self, path: str, why: str) -> None:
        self._doubtful[path] = why
        if why not in self._problems:
            self._problems.append(why)

    def _text(self, path: str) -> str | None:
        value = self._value(path)
        if value is not None and not isinstance(value, str):
            self._wrong(path, "text")
        return value if isinstance(value, str) else None

    def _name(self) -> str | None:
        name = self._text("agent.name")
        if name is not None and (not 0 < len(name) <= MAX_NAME or not name.isprintable() or "/" in name):
            self._wrong("agent.name", "a name without slashes")
            return None
        return name

    def _max_connections(self) -> int | None:
        path = "transport.connection_pool.max_connections"
        value = self._value(path)
        if value is None or (type(value) is int and 0 < value <= MAX_CAPACITY):
            return value
        self._wrong(path, "a whole number over 0")
        return None

    def _recovery(self) -> float | None:
        path = "transport.circuit_breaker.recovery_timeout_seconds"
        value = self._value(path)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_RECOVERY:
            self._wrong(path, f"seconds, at most {MAX_RECOVERY:g}")
            return None
        return float(value)

    def _opa_endpoint(self) -> str | None:
        path = "authorization.opa_endpoint"
        value = self._text(path)
        try:
            return None if value is None else http_url(value)
        except ValueError:
            self._wrong(path, "an http or https URL")
            return None

    def _look_at_policy_path(self) -> None:
        path = self._text("authorization.policy_path")
        if path is not None and path.strip("/") not in (_PACKAGE, DEFAULT_DECISION_PATH):
            self._problems.append(
                f"config.yaml: authorization.policy_path is {plain_name(path)}, but agents ask {DEFAULT_DECISION_PATH}"
            )
