"""A finding: the verdict on one control and one agent, and what the next one must know of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from probes.controls.catalogue.control import Assurance, SourceName
from probes.controls.catalogue.terms import RecordKind


class State(StrEnum):
    """The seven states of a finding."""

    PASS = "pass"  # noqa: S105  a verdict
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"
    ATTESTED = "attested"
    EXPIRED = "expired"
    WAIVED = "waived"


class EvidenceShown(NamedTuple):
    """What a finding rests on."""

    source: SourceName
    ref: str
    observed_at: float  # Unix seconds
    summary: str
    pod: str = ""


class RecordRef(NamedTuple):
    """The record that a finding rests on, or that waives it."""

    id: str
    kind: RecordKind
    at: float  # Unix seconds
    expires_at: float
    by: str = ""
    evidence_url: str = ""
    digests: frozenset[str] = frozenset()
    failed: bool = False  # a pipeline's result that breaks the rule
    verified: str = "none"


class Witness(NamedTuple):
    """Whose evidence it was: a source, of one pod or (with an empty name) of the agent as a whole."""

    source: SourceName
    pod: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the next verdict must know of this one, beside what is shown."""

    suspects: Mapping[Witness, float] = field(default_factory=dict)  # bad once: Unix seconds of that look
    blamed: frozenset[Witness] = frozenset()  # whose evidence made it fail
    nothing_since: float | None = None  # Unix seconds since when it is NoData or Observing on end
    record: RecordRef | None = None  # the newest that was ever seen to count


NOTHING_REMEMBERED = Memory()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The verdict on one control of one agent."""

    control: str
    state: State
    underlying: State  # what it would be without a waiver
    reason: str = ""  # of fail, unknown, expired and waived
    assurance: Assurance | None = None  # of pass
    message: str = ""
    since: float  # Unix seconds
    evidence: tuple[EvidenceShown, ...] = ()
    pods: Mapping[str, State] = field(default_factory=dict)  # what was seen of single pods
    all_pods: int = 0  # `observed_pods`: so many of these are in `pods`
    next_decided_at: float | None = None  # Unix seconds
    evidence_lost_since: float | None = None  # Unix seconds: a fail whose evidence cannot be had any more
    record: RecordRef | None = None
    memory: Memory = NOTHING_REMEMBERED
