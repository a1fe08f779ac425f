"""What a version of the SDK does, as data: files of YAML beside this module, one a version."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import ClassVar, Literal

from pydantic import ConfigDict

_STRICT = ConfigDict(extra="forbid", hide_input_in_errors=True)
Scalar = str | bool | int | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigKey:
    """One key of the agent's config.yaml that this version's model has."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    path: str  # `transport.tls_min_version`; items of a list are `agent.capabilities[].name`
    type: Literal["text", "number", "integer", "boolean", "list", "mapping"]
    used: bool  # whether the agent that runs does anything with it
    required: bool = False
    values: tuple[str, ...] = ()  # the closed list of a text; empty: any
    unsafe: tuple[str, ...] = ()  # those of `values` that are not for production, and so are not recommended
    pattern: str = ""  # a regular expression that a text must match as a whole
    least: float | None = None  # of a number
    most: float | None = None
    default: Scalar = None  # what stands where the file has no such key; None: nothing
    security: bool = False  # one of the keys that the checklist's security lines rest on
    note: str = ""  # what to know of it, one sentence


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SdkVersion:
    """What one version does. One is equal to itself alone, so that what is made of it once is found again."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    version: str
    config: tuple[ConfigKey, ...]
    always: Mapping[str, str] = field(default_factory=dict)  # what it does without a key: `transport.retry.jitter`
    metrics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of the checklist's names: what it exports
    recorded: tuple[str, ...] = ()  # which of its metrics anything in it ever sets
    health_paths: tuple[str, ...]
    opa_path: str  # which it asks of OPA, whatever its config says
    taken_from: str = ""  # of a version that is not known: the one whose keys these are

    @property
    def order(self) -> tuple[int, ...]:
        """What versions are sorted by."""
        return _order(self.version)

    @property
    def known(self) -> bool:
        """Whether these are its own facts. Else what it does with a key, and without one, is not known."""
        return not self.taken_from

    def key(self, path: str) -> ConfigKey | None:
        """What is known of this key; None where the version's model does not have it."""
        return _by_path(self).get(path)

    def uses(self, path: str) -> bool:
        """Whether the agent that runs does anything with this key."""
        known = self.key(path)
        return known is not None and known.used


@dataclass(frozen=True, slots=True)
class SdkFacts:
    """All known versions, oldest first."""

    versions: tuple[SdkVersion, ...]

    @property
    def newest(self) -> SdkVersion:
        """What is taken where no version is given."""
        return self.versions[-1]

    def of(self, version: str) -> SdkVersion:
        """The facts of this version. Of one that is not known the keys of the next older one, else of the oldest,
        without what that does where a key is not there."""
        return _nearest(self.versions, version)


@lru_cache(maxsize=64)
def _nearest(versions: tuple[SdkVersion, ...], version: str) -> SdkVersion:
    older = [each for each in versions if each.order <= _order(version)]
    nearest = older[-1] if older else versions[0]
    same = nearest.order == _order(version) and version.replace(".", "").isdecimal()
    return nearest if same else _taken(nearest, version)


def _taken(known: SdkVersion, version: str) -> SdkVersion:
    keys = tuple(replace(each, default=None) for each in known.config)
    return replace(known, version=version, config=keys, always={}, taken_from=known.version)


@lru_cache(maxsize=32)
def _by_path(version: SdkVersion) -> Mapping[str, ConfigKey]:
    return {each.path: each for each in version.config}


@lru_cache(maxsize=32)
def _order(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in version.split(".") if part.isdecimal()]
    return tuple(numbers + [0] * (3 - len(numbers)))
