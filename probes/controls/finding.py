"""A finding: the verdict on one control and one agent, and what the next one must know of it."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
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
    verified: str = "none"
    approved_by: str = ""
    reason: str = ""  # of a waiver


class Witness(NamedTuple):
    """Whose evidence it was: a source, of one pod or (with an empty name) of the agent as a whole."""

    source: SourceName
    pod: str = ""


_NO_SUSPECTS: Mapping[Witness, float] = MappingProxyType({})
_NO_PODS: Mapping[str, State] = MappingProxyType({})


class Memory(NamedTuple):
    """What the next verdict must know of this one, beside what is shown."""

    suspects: Mapping[Witness, float] = _NO_SUSPECTS  # bad once: Unix seconds of that look
    blamed: frozenset[Witness] = frozenset()  # whose evidence made it fail
    nothing_since: float | None = None  # Unix seconds since when it is NoData or Observing on end

    @property
    def unconfirmed(self) -> frozenset[Witness]:
        """Who was bad once, and a second look decides; who was bad twice is blamed."""
        return frozenset(self.suspects) - self.blamed


NOTHING_REMEMBERED = Memory()


class Finding(NamedTuple):
    """The verdict on one control of one agent. A tuple: two hundred are made of each agent, again and again."""

    control: str
    state: State
    underlying: State  # what it would be without a waiver
    since: float  # Unix seconds
    reason: str = ""  # of fail, unknown, expired and waived
    assurance: Assurance | None = None  # of pass
    message: str = ""
    evidence: tuple[EvidenceShown, ...] = ()
    pods: Mapping[str, State] = _NO_PODS  # what was seen of single pods
    all_pods: int = 0  # `observed_pods`: so many of these are in `pods`
    next_decided_at: float | None = None  # Unix seconds
    evidence_lost_since: float | None = None  # Unix seconds: a fail whose evidence cannot be had any more
    record: RecordRef | None = None
    memory: Memory = NOTHING_REMEMBERED
