"""What does the environment say of the config? `AGENTWEAVE_WATCHER_<SECTION>__<KEY>` overrides the file."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from watcher.config.file import ConfigError
from watcher.config.sections import sections
from watcher.text.key_path import Location

PREFIX = "AGENTWEAVE_WATCHER_"
NESTED = "__"
_INJECTED = r"_SERVICE_HOST|_SERVICE_PORT(_[A-Z0-9_]+)?|_PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PORT|PROTO|ADDR))?)?"


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable that is for the config, and what it says, as part of a config."""

    name: str
    place: Location
    layer: dict[str, object]


def read_variables(environ: Mapping[str, str]) -> tuple[Variable, ...]:
    """Lists and mappings are given as JSON, all else as in the file. Raises ConfigError for text that is not UTF-8.

    A name without `__` is left alone: Kubernetes injects `AGENTWEAVE_WATCHER_PORT` for a Service of that name.
    """
    texts = {
        name: text
        for name, text in sorted(environ.items())
        if name.startswith(PREFIX) and NESTED in name.removeprefix(PREFIX)
    }
    broken = [name for name, text in texts.items() if not _is_utf8(name + text)]
    if broken:
        raise ConfigError([f"{name}: expected UTF-8, got other bytes" for name in broken])
    return tuple(_read(texts)) if texts else ()


def unread_names(environ: Mapping[str, str]) -> list[str]:
    """Names that look like the config's and set nothing of it; without those that Kubernetes injects for a Service."""
    services = [
        name.removesuffix("_SERVICE_HOST")
        for name in environ
        if name.endswith("_SERVICE_HOST") and f"{name.removesuffix('HOST')}PORT" in environ
    ]
    injected = re.compile(f"({'|'.join(map(re.escape, services))})({_INJECTED})") if services else None
    return [
        name
        for name in sorted(environ)
        if name.upper().startswith(PREFIX)
        and not (name.startswith(PREFIX) and NESTED in name.removeprefix(PREFIX))
        and not (injected and injected.fullmatch(name))
    ]


def overridden(below: Mapping[str, object], above: Mapping[str, object]) -> dict[str, object]:
    """`below` with the keys of `above`; where both have a mapping, key by key."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = overridden(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged


def _read(texts: dict[str, str]) -> list[Variable]:
    from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict  # noqa: PLC0415  a tenth of a second

    class Variables(sections(), BaseSettings):  # type: ignore[misc]  # made at run time
        model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter=NESTED, strict=True, defer_build=True)

    source = EnvSettingsSource(Variables)
    places = {name: tuple(name.removeprefix(PREFIX).lower().split(NESTED)) for name in texts}
    return [Variable(name, places[name], _layer(source, name, places[name], text)) for name, text in texts.items()]


def _layer(source: Any, name: str, place: tuple[str, ...], text: str) -> dict[str, object]:
    source.env_vars = {name.lower(): text}
    try:
        layer: dict[str, object] = json.loads(json.dumps(source(), default=str, allow_nan=False))
    except (ValueError, RecursionError):
        layer = {}
    if layer:
        return layer
    # Nothing that the library can place or read: the model says what is wrong with it as it stands.
    return _nested(place, text)


def _nested(place: tuple[str, ...], text: str) -> dict[str, object]:
    first, *rest = place
    return {first: _nested(tuple(rest), text) if rest else text}


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
