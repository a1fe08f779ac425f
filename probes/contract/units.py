"""Durations and sizes as people write them (`30s`, `512Mi`), and back."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {
    "": 1,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
}
_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,15})?"  # of a length that no float turns into infinity
_DURATION = re.compile(rf"(?:{_NUMBER}(?:ms|s|m|h|d))+")
_DURATION_PART = re.compile(rf"({_NUMBER})(ms|s|m|h|d)")
_SIZE = re.compile(rf"({_NUMBER})(Ki|Mi|Gi|Ti|k|M|G|T|)")


def parse_duration(text: object) -> float:
    """Seconds of `500ms`, `30s`, `5m`, `1h30m`; ValueError for anything else, a bare number too."""
    if not isinstance(text, str) or not _DURATION.fullmatch(text):
        msg = f"expected a duration such as 500ms, 30s, 5m or 24h, got {text!r}"
        raise ValueError(msg)
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(text))


def parse_size(text: object) -> int:
    """Bytes of `512Mi`, `2Gi`, `8M` or a bare number; ValueError for anything else."""
    match = None if isinstance(text, bool) else _SIZE.fullmatch(str(text))
    if match is None:
        msg = f"expected a size such as 512Mi or 2Gi, got {text!r}"
        raise ValueError(msg)
    return int(float(match[1]) * _BYTES[match[2]])


Seconds = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$", "examples": ["500ms", "30s", "5m"]}),
]
"""A config value in seconds, written as a duration."""

Bytes = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema({"type": ["string", "integer"], "pattern": f"^{_SIZE.pattern}$", "examples": ["512Mi", "2Gi"]}),
]
"""A config value in bytes, written as a size."""


def say_duration(seconds: float) -> str:
    """`5m0s`, `1h30m`, `2d4h`, `450ms`: two units at most, for people."""
    sign, left = ("-", -seconds) if seconds < 0 else ("", seconds)
    if left * 1000 < 999.5:
        return f"{sign}{left * 1000:.0f}ms"
    whole = round(left)
    days, hours, minutes, secs = whole // 86400, whole // 3600 % 24, whole // 60 % 60, whole % 60
    if days:
        return f"{sign}{days}d{hours}h"
    if hours:
        return f"{sign}{hours}h{minutes}m"
    return f"{sign}{minutes}m{secs}s" if minutes else f"{sign}{secs}s"


def say_bytes(size: float) -> str:
    """`812 B`, `1.5 MiB`: for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(round(size, 0 if unit == "B" else 1)) < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


@lru_cache(maxsize=1024)  # of one target or agent most moments are the same
def utc(moment: float) -> str:
    """A time in Unix seconds as `2026-11-23T09:00:00Z`."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"


def clock_time(moment: float) -> str:
    """The time of day of Unix seconds, in UTC: `09:15`."""
    return f"{datetime.fromtimestamp(moment, UTC):%H:%M}"
