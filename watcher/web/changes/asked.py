"""Which changes does a query ask for? Every mistake in it is a sentence."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple, TypeVar

from probes.contract.units import parse_duration
from watcher.changes.change import Selection

DEFAULT_SINCE = "24h"
MOST, MOST_OFFSET = 10_000, 1_000_000
_LONGEST = 253  # characters of a name, as in Kubernetes
_NAMED = 100
FAILING, FAILING_NOW = "failing", "failing-now"
"""What `only` may say: what turned to failing, or of that what is failing still."""

T = TypeVar("T")


class AskedError(ValueError):
    """What is wrong with the query, in a sentence that names the parameter."""


class Asked(NamedTuple):
    """What is meant, and which part of it."""

    wanted: Selection
    limit: int
    offset: int
    now: bool = False  # of what is meant, only what is failing still


def asked(query: Mapping[str, str], known: Collection[str], now: float, limit: int, *, plain: bool = False) -> Asked:
    """Of a query; `known`: conditions and controls; `now`: Unix seconds; `limit`: where none is asked for. AskedError.

    `plain`: leave out what another change explains, unless `explained=true`.
    """
    name = query.get("condition", "")
    if name and name not in known:
        raise AskedError(f"condition: expected the name of a condition or the id of a control, got {name[:_NAMED]!r}")
    texts = {part: _text(query, part) for part in ("namespace", "agent", "pod")}
    explained = _choice(query, "explained", {"": not plain, "true": True, "false": False})
    since = moment("since", now, query.get("since") or DEFAULT_SINCE)
    until = moment("until", now, query["until"]) if query.get("until") else float("inf")
    only = _choice(query, "only", {"": "", FAILING: FAILING, FAILING_NOW: FAILING_NOW})
    wanted = Selection(since, until, name=name, plain=not explained, failing=bool(only), **texts)
    numbers = _number(query, "limit", limit, 1, MOST), _number(query, "offset", 0, 0, MOST_OFFSET)
    return Asked(wanted, *numbers, now=only == FAILING_NOW)


def _text(query: Mapping[str, str], part: str) -> str:
    text = query.get(part, "")
    if len(text) > _LONGEST:
        raise AskedError(f"{part}: expected at most {_LONGEST} characters, got {len(text)}")
    return text


def _choice(query: Mapping[str, str], part: str, choices: Mapping[str, T]) -> T:
    text = query.get(part, "")
    if text not in choices:
        raise AskedError(f"{part}: expected {' or '.join(filter(None, choices))}, got {text[:_NAMED]!r}")
    return choices[text]


def _number(query: Mapping[str, str], part: str, default: int, least: int, most: int) -> int:
    text = query.get(part, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise AskedError(f"{part}: expected a number from {least} to {most}, got {text[:_NAMED]!r}")
    return int(text)


def moment(part: str, now: float, text: str) -> float:
    """Unix seconds: so long ago, or a date; AskedError, which names the part of the query."""
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None and found.timestamp() >= 0:
            return found.timestamp()
    except (ValueError, OverflowError):
        pass
    example = "a duration such as 10m or 24h, or a time such as 2026-11-30T09:00:00Z"
    raise AskedError(f"{part}: expected {example}, got {text[:_NAMED]!r}")
