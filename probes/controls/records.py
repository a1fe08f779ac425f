"""Records: what people or pipelines say of a control, and whether such a record is valid at all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

from probes.controls.catalogue.control import Control
from probes.controls.catalogue.terms import (
    AttestableWhen,
    Automation,
    Bind,
    RecordKind,
    Scope,
)
from probes.controls.evidence import AgentRef

CLOCK_SKEW = 300.0
"""Seconds that a record may lie in the future."""
LONGEST_WAIVER = 90 * 86400.0
HOLDS_AFTER_REVISION = 30 * 86400.0
"""Seconds that records hold on after the meaning of their control changed."""


class WaiverReason(StrEnum):
    """Why a control need not be met for a while."""

    ACCEPTED_RISK = "accepted-risk"
    COMPENSATING_CONTROL = "compensating-control"
    FALSE_POSITIVE = "false-positive"
    PLANNED_FIX = "planned-fix"
    NOT_SUPPORTED = "not-supported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record as it was written. Times are Unix seconds."""

    id: str  # where it stands: `records.yaml:12`, `configmap/ns/name key`; one record keeps its own
    kind: RecordKind
    control: str
    revision: int
    environment: str
    namespace: str = ""
    agents: tuple[str, ...] = ()
    scope: Scope | None = None  # namespace or fleet, instead of agents
    image_digests: frozenset[str] = frozenset()
    policy_digest: str = ""
    config_digest: str = ""
    statement: str = ""
    evidence_url: str = ""
    evidence_sha256: str = ""
    by: str = ""
    approved_by: str = ""
    at: float  # of a pipeline's result: when it ran
    expires_at: float | None
    run_id: str = ""
    counts: Mapping[str, float] = field(default_factory=dict)
    reason: WaiverReason | None = None
    verified: Literal["signature", "source", "none"] = "none"

    def concerns(self, agent: AgentRef) -> bool:
        """Whether it speaks of this agent; names are compared as wholes."""
        if self.scope is Scope.FLEET:
            return True
        return self.namespace == agent.namespace and (self.scope is Scope.NAMESPACE or agent.agent in self.agents)

    def digests(self, bind: Bind) -> frozenset[str]:
        """What it is bound to."""
        if bind is Bind.IMAGE_DIGEST:
            return self.image_digests
        one = self.policy_digest if bind is Bind.POLICY_DIGEST else self.config_digest
        return frozenset({one} if one and bind is not Bind.NONE else ())


class Invalid(StrEnum):
    """Why a record does not count, by name."""

    UNKNOWN_CONTROL = "UnknownControl"
    NO_END = "NoEnd"
    ENDS_BEFORE_IT_BEGINS = "EndsBeforeItBegins"
    FUTURE_DATED = "FutureDated"
    VALIDITY_TOO_LONG = "ValidityTooLong"
    NOT_SIGNED = "NotSigned"
    SELF_APPROVED = "SelfApproved"
    OUTSIDE_AUTHORITY = "OutsideAuthority"
    NOT_WAIVABLE = "NotWaivable"
    NOT_NEEDED = "NotNeeded"
    WRONG_KIND = "WrongKind"
    WRONG_SCOPE = "WrongScope"
    NO_SUBJECT = "NoSubject"
    NOT_BOUND = "NotBound"
    NO_EVIDENCE = "NoEvidence"
    COUNT_MISSING = "CountMissing"
    NO_REASON = "NoReason"


class Problem(NamedTuple):
    """One thing that makes a record invalid."""

    name: Invalid
    message: str


@dataclass(frozen=True, slots=True)
class Authority:
    """Who may say what: patterns as in shells."""

    source: str  # of the record's id
    controls: tuple[str, ...] = ("*",)
    namespaces: tuple[str, ...] = ("*",)

    def allows(self, record: Record) -> bool:
        """Whether a record from this source may speak of its control and namespace."""
        return (
            fnmatchcase(record.id, self.source)
            and any(fnmatchcase(record.control, each) for each in self.controls)
            and any(fnmatchcase(record.namespace, each) for each in self.namespaces)
        )


def problems(
    record: Record, controls: Mapping[str, Control], authorities: tuple[Authority, ...], now: float
) -> tuple[Problem, ...]:
    """All that makes this record invalid; empty: it is valid, which does not mean that it is still in force."""
    control = controls.get(record.control)
    found = [*_times(record, control, now), *_people(record)]
    if authorities and not any(each.allows(record) for each in authorities):
        found.append(Problem(Invalid.OUTSIDE_AUTHORITY, f"no authority lets {record.id} speak of this control there"))
    if control is None:
        return (Problem(Invalid.UNKNOWN_CONTROL, f"{record.control} is no control"), *found)
    found += _subject(record, control)
    found += _waiver(record, control) if record.kind is RecordKind.WAIVER else _result(record, control)
    return tuple(found)


def _times(record: Record, control: Control | None, now: float) -> list[Problem]:
    if record.expires_at is None:
        return [Problem(Invalid.NO_END, "it has no end")]
    found = []
    if record.at > now + CLOCK_SKEW:
        found.append(Problem(Invalid.FUTURE_DATED, "it is dated in the future"))
    if record.expires_at <= record.at:
        found.append(Problem(Invalid.ENDS_BEFORE_IT_BEGINS, "it ends before it begins"))
    longest = (
        LONGEST_WAIVER
        if record.kind is RecordKind.WAIVER
        else control and control.record and control.record.max_validity
    )
    # a bare date is the end of its day, so that a last day counts whole
    if longest and record.expires_at - record.at > longest + 86400:
        found.append(Problem(Invalid.VALIDITY_TOO_LONG, f"it holds longer than {longest / 86400:.0f} days"))
    return found


def _people(record: Record) -> list[Problem]:
    by, approver = (each.strip().casefold() for each in (record.by, record.approved_by))
    if not by:
        return [Problem(Invalid.NOT_SIGNED, "it does not say by whom it is")]
    if record.kind is RecordKind.PIPELINE:
        return []
    if not approver:
        return [Problem(Invalid.NOT_SIGNED, "it does not say who approved it")]
    return [Problem(Invalid.SELF_APPROVED, "the one who wrote it approved it")] if by == approver else []


def _subject(record: Record, control: Control) -> list[Problem]:
    if record.scope is None:
        there = record.namespace and record.agents
        return [] if there else [Problem(Invalid.NO_SUBJECT, "it names no namespace or no agents")]
    allowed = {Scope.NAMESPACE: (Scope.NAMESPACE,), Scope.FLEET: (Scope.NAMESPACE, Scope.FLEET)}.get(control.scope, ())
    if record.scope not in allowed:
        return [Problem(Invalid.WRONG_SCOPE, f"the control is judged by {control.scope}, not by {record.scope}")]
    if record.scope is Scope.NAMESPACE and not record.namespace:
        return [Problem(Invalid.NO_SUBJECT, "it names no namespace")]
    return []


def _waiver(record: Record, control: Control) -> list[Problem]:
    found = [] if control.waivable else [Problem(Invalid.NOT_WAIVABLE, "the control cannot be waived")]
    return found if record.reason else [*found, Problem(Invalid.NO_REASON, "it gives no reason of the list")]


def _result(record: Record, control: Control) -> list[Problem]:
    wanted = control.record
    if wanted is None:
        return [Problem(Invalid.NOT_NEEDED, "a machine decides this control")]
    if record.kind not in wanted.kinds:
        return [Problem(Invalid.WRONG_KIND, f"expected {' or '.join(wanted.kinds)}")]
    found = []
    if wanted.bind is not Bind.NONE and not record.digests(wanted.bind):
        found.append(Problem(Invalid.NOT_BOUND, f"it names no {wanted.bind.replace('_', ' ')}"))
    if not record.evidence_url.strip():
        found.append(Problem(Invalid.NO_EVIDENCE, "it has no evidence_url"))
    if record.kind is RecordKind.PIPELINE:
        missing = sorted({name for rule in wanted.counts for name in rule.needs} - record.counts.keys())
        found += [Problem(Invalid.COUNT_MISSING, f"it has no {name}") for name in missing]
    return found


def may_count(control: Control) -> bool:
    """Whether records can ever decide this control."""
    return control.automation is not Automation.AUTO or bool(set(control.attestable_when) - {AttestableWhen.ALWAYS})


def parse_time(value: object) -> float:
    """Unix seconds of an RFC 3339 time with an offset; a bare date is the end of that day in UTC. Else ValueError."""
    if isinstance(value, str):
        text = value.strip()
        value = date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("expected a time with an offset, such as 2026-11-23T09:00:00Z")
        return value.timestamp()
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC).timestamp() + timedelta(days=1).total_seconds()
    raise ValueError("expected a time such as 2026-11-23T09:00:00Z, or a date")
