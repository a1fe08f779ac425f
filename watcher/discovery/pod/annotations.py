"""What do the annotations of a pod set? Its owner may say where to look, never what is right."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from watcher.config.kubernetes import Override
from watcher.discovery.pod.agent_config import MAX_CAPACITY
from watcher.discovery.pod.pod import SCRAPED_PATH, SCRAPED_PORT, SCRAPED_SCHEME, WATCH
from watcher.text.key_path import plain_name

MOST_POOLS = 50
NONE = "none"
"""What an annotation says where there is nothing, and nobody else can say so."""

_PATH = re.compile(r"/[A-Za-z0-9._~/-]{0,199}")
_POOL = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What annotations say; None where they do not."""

    port: int | None = None
    metrics_port: int | None = None
    metrics_path: str | None = None
    scraped_port: int | None = None  # these three of prometheus.io, which say one URL together
    scraped_path: str | None = None
    scraped_scheme: str | None = None
    opa_port: int | None = None  # 0: there is no OPA
    pool_capacity: int | Mapping[str, int] | None = None  # 0: there is no pool
    problems: tuple[str, ...] = ()


def read_overrides(annotations: Mapping[str, str], allowed: Collection[Override]) -> Overrides:
    """What may be set and is well written; the rest is a problem and changes nothing."""
    found: dict[str, Any] = {}
    problems: list[str] = []
    for name, (field, kind, read) in _FIELDS.items():
        if name not in annotations or (kind is not None and kind not in allowed):
            continue
        try:
            found[field] = read(annotations[name])
        except ValueError as error:
            problems.append(f"annotation {name}: expected {error}, got {plain_name(annotations[name])}")
    return Overrides(**found, problems=(*problems, *_ignored(annotations, allowed)))


def _ignored(annotations: Mapping[str, str], allowed: Collection[Override]) -> Iterator[str]:
    for name, value in annotations.items():
        if name == WATCH and value != "true":
            yield f"annotation {name}: {plain_name(value)} is ignored; only true says something"
        elif name.startswith(f"{WATCH}-"):
            kind = _FIELDS[name][1] if name in _FIELDS else None
            if kind is None:
                yield f"annotation {name[:100]} is ignored: it is not one that sets anything"
            elif kind not in allowed:
                yield f"annotation {name} is ignored: discovery.kubernetes.overrides does not list {kind}"


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise ValueError("a port from 1 to 65535")
    return int(text)


def _port_or_none(text: str) -> int:
    try:
        return 0 if text == NONE else _port(text)
    except ValueError as error:
        raise ValueError(f"{error}, or {NONE}") from error


def _path(text: str) -> str:
    if not _PATH.fullmatch(text):
        raise ValueError("a path such as /metrics")
    return text


def _scheme(text: str) -> str:
    if text not in ("http", "https"):
        raise ValueError("http or https")
    return text


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,7}", text) or not 0 < int(text) <= MAX_CAPACITY:
        raise ValueError(f"a whole number over 0, several as pool-a=50,pool-b=20, or {NONE}")
    return int(text)


def _pools(text: str) -> int | dict[str, int]:
    if "=" not in text:
        return 0 if text == NONE else _count(text)
    pairs = [pair.partition("=") for pair in text.split(",")]
    if len(pairs) > MOST_POOLS or not all(_POOL.fullmatch(pool) for pool, _, _ in pairs):
        raise ValueError(f"at most {MOST_POOLS} pools as pool-a=50,pool-b=20")
    return {pool: _count(count) for pool, _, count in pairs}


_FIELDS: dict[str, tuple[str, Override | None, Callable[[str], object]]] = {
    SCRAPED_PORT: ("scraped_port", None, _port),
    SCRAPED_PATH: ("scraped_path", None, _path),
    SCRAPED_SCHEME: ("scraped_scheme", None, _scheme),
    f"{WATCH}-port": ("port", Override.PORTS, _port),
    f"{WATCH}-metrics-port": ("metrics_port", Override.PORTS, _port),
    f"{WATCH}-opa-port": ("opa_port", Override.PORTS, _port_or_none),
    f"{WATCH}-metrics-path": ("metrics_path", Override.PATHS, _path),
    f"{WATCH}-pool-capacity": ("pool_capacity", Override.POOL_SIZES, _pools),
}
