"""What Prometheus knows of one agent: the rules that watch it, and figures of its series."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from probes.controls.catalogue.control import UnknownReason

WATCHDOG = "AgentWeaveWatchdog"
"""The shipped alert that always fires."""

ENOUGH_DECISIONS = 20
"""In an hour, of which audit records can be missed."""


class Health(StrEnum):
    """How the last evaluation of a rule went."""

    OK = "ok"
    ERR = "err"
    UNKNOWN = "unknown"  # it was not evaluated yet


class AlertRule(NamedTuple):
    """One alerting rule, as it is loaded."""

    name: str
    group: str
    health: Health
    error: str  # of its last evaluation; empty where there was none
    late: bool  # not evaluated within three of its intervals
    firing: bool
    severity: str
    runbook_url: str
    control: (
        str  # which control it answers, by its label, the map of the config or our names; empty: none that is known
    )
    labels: tuple[tuple[str, str], ...]  # that it gives its alerts
    untellable: str = ""  # why it cannot be told which series it selects, a part of a sentence


class ObjectiveRule(NamedTuple):
    """One rule of a service level objective that some generator made."""

    name: str
    objective: str
    health: Health


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The rules that concern the checklist; the same for all agents."""

    alerts: tuple[AlertRule, ...] = ()
    objectives: tuple[ObjectiveRule, ...] = ()
    unread: str = ""  # why there may be more of them, a sentence


class Untold(NamedTuple):
    """Why something could not be asked."""

    reason: UnknownReason
    message: str  # a sentence


class Fired(NamedTuple):
    """An alert on the agent that fired lately; Unix seconds."""

    name: str
    first_at: float
    last_at: float


class Flapped(NamedTuple):
    """How an alert on the agent came and went over 7 days."""

    name: str
    share: float  # of the time in which it fired; 0 where that is not too long
    days: int  # on which it started more often than the catalogue allows


class Counted(NamedTuple):
    """What of so many went wrong."""

    all: float
    bad: float


class Peak(NamedTuple):
    """The most requests a second that an agent had in 30 days: the highest 5-min mean."""

    requests_per_second: float | None  # None: there is none of the days that are known
    whole: bool  # each of the days is known


class Decided(NamedTuple):
    """How many authorization decisions an agent counted in an hour."""

    at: float  # Unix seconds: the end of the hour
    decisions: float
    whole: bool  # each of its pods told


@dataclass(frozen=True, slots=True)
class Cluster:
    """What is the same for all agents of a cluster; None where nothing tells."""

    spans: Counted | None = None  # of collectors, in one hour: exported, and of these failed
    secret_writes: Counted | None = None  # in 24 h: encoded for storage, and of these by the identity transformer


NOTHING_TOLD = Cluster()
NO_PEAK = Peak(None, whole=False)


@dataclass(frozen=True, slots=True)
class PrometheusLook:
    """Source `prometheus`. Rules are told by their place in the book.

    `selected`: those that had series of this agent within 7 days. `conditional`: those that will have some as soon as
    a condition of the watcher is known. What no rule selects is a fact only where nothing is `untold` and `known`.
    """

    book: RuleBook
    selected: frozenset[int] = frozenset()
    conditional: frozenset[int] = frozenset()
    objectives: frozenset[int] = frozenset()  # that had series of this agent
    untold: Untold | None = None  # why it is not known which rules select the agent
    known: bool = False  # the agent had series an hour ago
    measured: frozenset[str] = frozenset()  # pods of which it has CPU and memory
    measures: Untold | None = None  # why it is not known of which
    unscraped: Mapping[str, str] = field(default_factory=dict)  # pod -> why it is not scraped, a part of a sentence
    scraped: frozenset[str] = frozenset()  # pods with a target, all of which are up
    throttled: Mapping[str, float] = field(default_factory=dict)  # pod -> share of the CPU periods of one hour
    fired: tuple[Fired, ...] = ()
    flapped: tuple[Flapped, ...] = ()
    cluster: Cluster = NOTHING_TOLD
    peak: Peak = NO_PEAK
    decided: tuple[Decided, ...] = ()  # of the last 3 h, the oldest first
    exported: frozenset[str] | None = None  # of the families that its records list, those with series in 24 h, in small
    # letters; None: it was not asked

    def rule(self, number: int) -> AlertRule:
        """One of the book."""
        return self.book.alerts[number]
