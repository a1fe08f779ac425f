"""What was counted in the newest lines of an agent's log. No line of it is here, nor any part of one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from probes.controls.evidence.gathered import NOT_GIVEN, Missing


class Share(NamedTuple):
    """Of lines that should have something, those that have it."""

    of: int
    has: int

    @property
    def ratio(self) -> float:
        """Of one; 1 where no line should have it."""
        return self.has / self.of if self.of else 1.0


_NO_LINES = Share(0, 0)

BAD_LEVELS = ("WARN", "WARNING", "ERROR", "CRITICAL", "FATAL")
"""Levels of errors and warnings."""

PARTS = 20
"""Into which the lines of a sample are cut, to tell those that lie together from those that come each for itself."""


def by_part(bad: bytes | bytearray) -> tuple[int, ...]:
    """How many of each part are bad, of lines in order that are 1 where they are and 0 where not; none of no lines."""
    ends = [number * len(bad) // PARTS for number in range(PARTS + 1)]
    return tuple(sum(bad[start:end]) for start, end in pairwise(ends)) if bad else ()


class Arrived(NamedTuple):
    """How many lines of one settled pod the store has."""

    pod: str
    hour: int  # of the last hour
    quarter: int  # of the last 15 min


class Retention(NamedTuple):
    """How long a store keeps what it has, as its own config says."""

    refuted: str  # why that is no retention, a sentence; empty where it may be one
    ref: str


@dataclass(frozen=True, slots=True)
class LogSample:
    """Source `logs`."""

    lines: int
    objects: int  # of these, JSON objects
    cut: int = 0  # lines that are longer than is read of one; neither JSON nor not
    fields: Mapping[str, Share] = field(default_factory=dict)  # each of the checklist's seven, at top level
    request_or_trace: Share = _NO_LINES  # request_id or trace_id, of lines that belong to a request
    levels: Mapping[str, int] = field(default_factory=dict)  # in capitals
    bad: tuple[int, ...] = ()  # errors and warnings in each of PARTS parts of the lines that have a level, in order
    found: Mapping[str, int] = field(default_factory=dict)  # rule for secrets or personal data -> lines that match
    audits: int = 0  # lines that record a decision on a caller
    audit_fields: frozenset[str] = frozenset()  # that all of these have at top level; told only where a record lists it
    audited: int | None = None  # such lines that the store has of the last hour; None: it was not asked
    arrived: tuple[Arrived, ...] | Missing = NOT_GIVEN
    retention: Retention | Missing = NOT_GIVEN
