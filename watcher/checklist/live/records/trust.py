"""Whom records are believed: who may say what, with which keys, and which of them must be signed."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import NamedTuple

from probes.controls.catalogue.control import Control
from probes.controls.records import Authority, Invalid, Problem, Record, Verified, Verify, problems
from watcher.checklist.live.records.envelope import Keys
from watcher.checklist.live.records.reading import ReadRecord

REVIEWED = "criteria.reviewed"
"""The control that is met by a review of the whole fleet."""


class Judged(NamedTuple):
    """One document of a source: valid where it has no problems."""

    id: str
    record: Record | None
    problems: tuple[Problem, ...]

    @property
    def valid(self) -> Record | None:
        """The record, where it counts."""
        return None if self.problems else self.record


@dataclass(frozen=True, slots=True)
class Trust:
    """What the operator's config says of records."""

    authorities: tuple[Authority, ...] = ()
    verify: Verify = Verify.OFF
    keys: Keys = field(default_factory=dict)  # those that can be read
    keyed: bool = False  # whether the config names any
    review_every: float = inf  # seconds for which a review of the fleet holds at most

    def judged(self, read: ReadRecord, controls: Mapping[str, Control], now: float) -> Judged:
        """The record of this document with who signed it, and all that makes it invalid; `now`: Unix seconds."""
        if read.record is None:
            return Judged(read.id, None, read.problems)
        signers = read.envelope.signers(self.keys) if read.envelope is not None else frozenset[str]()
        verified: Verified = "signature" if signers else "source" if self.authorities else "none"
        record = read.record
        if (record.signers, record.verified) != (signers, verified):
            record = replace(record, signers=signers, verified=verified)
        found = [*read.problems, *problems(record, controls, self.authorities, now, self.verify)]
        if read.envelope is not None and self.keyed and not signers:
            found.append(Problem(Invalid.WRONG_SIGNATURE, "none of the configured keys signed it"))
        return Judged(read.id, self._limited(record), tuple(found))

    def _limited(self, record: Record) -> Record:
        ends = record.at + self.review_every
        if record.control != REVIEWED or record.expires_at is None or record.expires_at <= ends:
            return record
        return replace(record, expires_at=ends)


def of_one_record(read: ReadRecord, judged: Judged) -> ReadRecord:
    """What was read, with the record of what it came to: who signed it is found anew each time, one record is enough.

    Not where its end was moved: that cannot be taken back.
    """
    if judged.record is None or judged.record is read.record or read.record is None:
        return read
    return read._replace(record=judged.record) if judged.record.expires_at == read.record.expires_at else read
