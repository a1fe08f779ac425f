"""Conditions: the named faults that probes can find, and what a look says of them."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from probes.contract.limits import Limits
from probes.contract.units import say_duration


class Status(StrEnum):
    """True always means trouble; unknown is a state of its own and never a default to good."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """What comes first where verdicts are listed: trouble, then what is not known."""
        return _RANKS[self]


_RANKS = {Status.TRUE: 0, Status.UNKNOWN: 1, Status.FALSE: 2}


class Severity(StrEnum):
    """Critical pages now; a warning is for working hours."""

    CRITICAL = "critical"
    WARNING = "warning"


class Unknown(StrEnum):
    """Why a verdict cannot be told: the closed list of the contract, section 5."""

    WARMING_UP = "WarmingUp"
    HISTORY_INTERRUPTED = "HistoryInterrupted"
    NOT_HELD_YET = "NotHeldYet"
    NEVER_REACHED = "NeverReached"
    SOURCE_FAILED = "SourceFailed"
    SIGNAL_ABSENT = "SignalAbsent"
    FACT_UNKNOWN = "FactUnknown"
    MALFORMED = "Malformed"
    UNAUTHORIZED = "Unauthorized"
    NO_TRUST_BUNDLE = "NoTrustBundle"
    STALE = "Stale"
    WATCHER_IMPAIRED = "WatcherImpaired"
    PROBE_ERROR = "ProbeError"


Message = str | Callable[[], str]
"""A sentence for a person, or how to make it: most are never read, so most are never made."""


class Window(NamedTuple):
    """How much history a condition needs before it can be told: a setting of the probe, a time, or a count of looks."""

    setting: str = ""  # name of the field of the probe's limits that says the seconds
    seconds: float = 0.0
    looks: int = 0

    def length(self, limits: Limits, interval: float) -> float:
        """Seconds, by the limits of a target that is looked at every `interval` seconds."""
        of_setting = float(getattr(limits, self.setting)) if self.setting else 0.0
        return of_setting + self.seconds + self.looks * interval

    @property
    def said(self) -> str:
        """The same for people: the name of the setting, a time, a count; empty where nothing is needed."""
        setting = f"`{self.setting}`" if self.setting else ""
        seconds = say_duration(self.seconds) if self.seconds else ""
        return " and ".join(filter(None, (setting, seconds, f"{self.looks} probe results" if self.looks else "")))


NO_WINDOW = Window()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConditionKind:
    """One named fault. The instances are constants of the probe's module."""

    name: str  # CamelCase; the alert is AgentWeave + name
    severity: Severity
    true_when: str  # one sentence, for docs and for people
    all_clear: str  # one sentence, what false means
    reasons: tuple[str, ...] = ()  # closed list; none given: the condition's own name
    repeated: bool = False  # true only after `failures` bad looks in a row
    subject: str = ""  # what one target may have several of: "callee", "pool", "bundle"; for people
    needs: tuple[str, ...] = ()  # fields of the target, beyond the source's endpoint, without which it does not apply
    window: Window = NO_WINDOW  # of history; none is needed where one good look tells

    def true(self, message: Message, reason: str = "", subject: str = "") -> "Verdict":
        """The look found this fault; `reason` must be one of the kind's own."""
        reason = reason or self.name
        if reason not in (self.reasons or (self.name,)):
            msg = f"{reason} is not a reason of {self.name}"
            raise ValueError(msg)
        return Verdict(self, Status.TRUE, reason, subject, message)

    def false(self, subject: str = "", remark: str = "") -> "Verdict":
        """The look says that this fault is not there; `remark`: a sentence on what it saw all the same."""
        return _false(self, subject, remark)

    def unknown(self, reason: Unknown, message: Message = "", subject: str = "") -> "Verdict":
        """The look cannot tell, for this reason."""
        if isinstance(message, str) and len(message) <= _SHORT:  # and empty for the reason's own words
            return _unknown(self, reason, subject, message)
        return Verdict(self, Status.UNKNOWN, reason, subject, message)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one look says of one condition (and subject) of one target."""

    kind: ConditionKind
    status: Status
    reason: str
    subject: str
    message: Message

    @property
    def text(self) -> str:
        """The message as a sentence."""
        said = self.message if isinstance(self.message, str) else self.message()
        return f"{self.subject}: {said}" if self.subject and self.status is Status.FALSE else said


_WHY_UNKNOWN = {
    Unknown.WARMING_UP: "Needs more history before it can be judged.",
    Unknown.HISTORY_INTERRUPTED: "Its history is interrupted again and again.",
    Unknown.NOT_HELD_YET: "One probe result cannot show how long this has held.",
    Unknown.NEVER_REACHED: "Nothing ever answered there; a network policy may keep only the watcher out.",
    Unknown.SOURCE_FAILED: "The probe failed; another condition of the same result says why.",
    Unknown.SIGNAL_ABSENT: "The metrics endpoint does not have the metric that this needs.",
    Unknown.FACT_UNKNOWN: "A fact about the target that this needs could not be discovered.",
    Unknown.MALFORMED: "What was received cannot be read.",
    Unknown.UNAUTHORIZED: "The watcher is not allowed to ask (401 or 403).",
    Unknown.NO_TRUST_BUNDLE: "There is no confirmed trust bundle to verify against.",
    Unknown.STALE: "The newest probe result is older than three intervals.",
    Unknown.WATCHER_IMPAIRED: "The watcher itself is impaired, so silence says nothing about the agent.",
    Unknown.PROBE_ERROR: "The probe raised an error on this result: this is a bug of the watcher.",
}


_SHORT = 200
"""Characters of a message that whole fleets may have in common, such as how much history there is; longer are rare."""


# Healthy verdicts are the same objects for the whole fleet: a quarter of a million of them at 10,000 agents. Not more
# than this are kept of those that no agent has any longer: subjects come from outside.
@lru_cache(maxsize=16384)
def _false(kind: ConditionKind, subject: str, remark: str) -> Verdict:
    return Verdict(kind, Status.FALSE, "", subject, f"{kind.all_clear} {remark}" if remark else kind.all_clear)


@lru_cache(maxsize=16384)
def _unknown(kind: ConditionKind, reason: Unknown, subject: str, message: str) -> Verdict:
    window = kind.window.said if reason is Unknown.WARMING_UP else ""
    usual = f"Needs up to {window} of history before it can be judged." if window else _WHY_UNKNOWN[reason]
    return Verdict(kind, Status.UNKNOWN, reason, subject, message or usual)
