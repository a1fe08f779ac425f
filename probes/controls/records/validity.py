"""Whether a record counts at all, and why not, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import NamedTuple

from probes.controls.catalogue.control import Control
from probes.controls.catalogue.terms import AttestableWhen, Automation, Bind, RecordKind, Scope
from probes.controls.records.identities import is_somebody, same_person
from probes.controls.records.record import Record

CLOCK_SKEW = 300.0
"""Seconds that a record may lie in the future."""
LONGEST_WAIVER = 90 * 86400.0
_PIPELINE = RecordKind.PIPELINE


class Verify(StrEnum):
    """Which records must be signed."""

    OFF = "off"
    PIPELINES = "pipelines"
    ALL = "all"


class Invalid(StrEnum):
    """Why a record does not count, by name."""

    MALFORMED = "Malformed"  # not as the schema has it
    TOO_MANY = "TooMany"
    WRONG_SIGNATURE = "WrongSignature"
    WRONG_STATEMENT = "WrongStatement"  # the in-toto statement around it says otherwise
    NOT_VERIFIED = "NotVerified"
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
    """Who may say what: patterns as in shells. One with keys lets only those say it that one of them signed."""

    source: str  # `configmap:records/security-*`, `file:/etc/records/*`
    controls: tuple[str, ...] = ("*",)
    namespaces: tuple[str, ...] = ("*",)
    keys: frozenset[str] = frozenset()  # names

    def allows(self, record: Record) -> bool:
        """Whether a record from this source may speak of its control and namespace; of the fleet, of all of them."""
        namespace = "" if record.scope is Scope.FLEET else record.namespace
        return (
            fnmatchcase(record.source, self.source)
            and (not self.keys or bool(self.keys & record.signers))
            and any(fnmatchcase(record.control, each) for each in self.controls)
            and any(fnmatchcase(namespace, each) for each in self.namespaces)
        )


def problems(
    record: Record,
    controls: Mapping[str, Control],
    authorities: tuple[Authority, ...],
    now: float,
    verify: Verify = Verify.OFF,
) -> tuple[Problem, ...]:
    """All that makes this record invalid; empty: it is valid, which does not mean that it is still in force."""
    control = controls.get(record.control)
    found = [*_times(record, control, now), *_people(record)]
    if authorities and not any(each.allows(record) for each in authorities):
        told = f"no authority lets {record.source} speak of this control there"
        found.append(Problem(Invalid.OUTSIDE_AUTHORITY, told))
    if not record.signers and (verify is Verify.ALL or (verify is Verify.PIPELINES and record.kind is _PIPELINE)):
        found.append(Problem(Invalid.NOT_VERIFIED, "it is not signed, and records.verify asks for a signature"))
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
    granted = 0.0 if record.expires_at % 86400 else 86399.0
    if longest and record.expires_at - record.at > longest + granted:
        found.append(Problem(Invalid.VALIDITY_TOO_LONG, f"it holds longer than {longest / 86400:.0f} days"))
    return found


def _people(record: Record) -> list[Problem]:
    if not is_somebody(record.by):
        return [Problem(Invalid.NOT_SIGNED, "it does not say by whom it is")]
    if record.kind is RecordKind.PIPELINE:
        return []
    if not is_somebody(record.approved_by):
        return [Problem(Invalid.NOT_SIGNED, "it does not say who approved it")]
    same = same_person(record.by, record.approved_by)
    return [Problem(Invalid.SELF_APPROVED, "the one who wrote it approved it")] if same else []


def _subject(record: Record, control: Control) -> list[Problem]:
    if record.scope is not None and (record.agents or (record.namespace and record.scope is Scope.FLEET)):
        told = f"it names {'agents' if record.agents else 'a namespace'}, and yet speaks of the whole {record.scope}"
        return [Problem(Invalid.WRONG_SCOPE, told)]
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
    if wanted is None or not may_count(control):
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
