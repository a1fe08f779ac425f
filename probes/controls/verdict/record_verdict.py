"""What the records of one control and one agent say together: attested, failed, lapsed, or nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import Enum

from probes.controls.catalogue.control import Control, UnknownReason
from probes.controls.catalogue.counts import CountRule
from probes.controls.catalogue.terms import Bind, ExpiredReason, RecordKind
from probes.controls.evidence import EvidenceSet, Missing
from probes.controls.finding import RecordRef
from probes.controls.records import HOLDS_AFTER_REVISION, Record


class Outcome(Enum):
    """What records come to."""

    NOTHING = "nothing"
    ATTESTED = "attested"
    FAILED = "failed"
    LAPSED = "lapsed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RecordVerdict:
    """What they come to, by which record and why."""

    outcome: Outcome
    record: RecordRef | None = None
    reason: ExpiredReason | UnknownReason | None = None
    message: str = ""


NOTHING = RecordVerdict(Outcome.NOTHING)
_WORST_FIRST = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.LAPSED, Outcome.NOTHING, Outcome.ATTESTED)


def judge_records(
    control: Control, evidence: EvidenceSet, records: Iterable[Record], remembered: RecordRef | None, now: float
) -> RecordVerdict:
    """Of valid records; `remembered` is the newest that ever counted, so that taking one away is seen.

    If several digests run, each needs its record; the worst of them is told.
    """
    if control.record is None:
        return NOTHING
    bind = control.record.bind
    mine = [
        each
        for each in records
        if each.control == control.id and each.kind in control.record.kinds and each.concerns(evidence.agent)
    ]
    running = frozenset({""}) if bind is Bind.NONE else evidence.digests.get(bind, _NOT_READ)
    if isinstance(running, Missing):
        return _unreadable(mine, running) if mine else NOTHING
    each_digest = [_of_digest(control, mine, digest, remembered, now) for digest in sorted(running)]
    worst = min(each_digest, key=lambda each: _WORST_FIRST.index(each.outcome), default=NOTHING)
    if worst.outcome is Outcome.NOTHING and bind is not Bind.NONE and mine:
        return _moved(mine, some=any(each.outcome is Outcome.ATTESTED for each in each_digest))
    return worst


_NOT_READ = Missing(UnknownReason.SOURCE_MISSING, "The digest that runs is not known.")


def _unreadable(mine: Sequence[Record], why: Missing) -> RecordVerdict:
    newest = max(mine, key=lambda each: each.at)
    return RecordVerdict(Outcome.UNKNOWN, reference(newest), why.reason, f"There is a record, but: {why.message}")


def _moved(mine: Sequence[Record], *, some: bool) -> RecordVerdict:
    newest = max(mine, key=lambda each: each.at)
    message = (
        "Several digests run, and not each of them has a record."
        if some
        else "The newest record is bound to a digest that does not run any more."
    )
    return RecordVerdict(Outcome.LAPSED, reference(newest), ExpiredReason.DIGEST_CHANGED, message)


def _of_digest(
    control: Control, mine: Sequence[Record], digest: str, remembered: RecordRef | None, now: float
) -> RecordVerdict:
    bind = control.record.bind if control.record else Bind.NONE
    bound = [each for each in mine if not digest or digest in each.digests(bind)]
    runs = [each for each in bound if each.kind is RecordKind.PIPELINE]
    newest_run = max(runs, key=lambda each: each.at, default=None)
    newest = max(bound, key=lambda each: each.at, default=None)
    if removed := _removed(remembered, newest, digest, now):
        return removed
    if newest_run and (broken := _broken(control, newest_run)):
        message = f"The newest result breaks the rule: {', '.join(broken)}."
        return RecordVerdict(Outcome.FAILED, reference(newest_run, failed=True), None, message)
    return _in_force(control, newest, now) if newest else NOTHING


def _removed(remembered: RecordRef | None, newest: Record | None, digest: str, now: float) -> RecordVerdict | None:
    """A record that was seen and is gone: an older one does not take its place."""
    if remembered is None or (digest and digest not in remembered.digests):
        return None
    if newest is not None and newest.at >= remembered.at:
        return None
    if remembered.failed:
        return RecordVerdict(
            Outcome.FAILED, remembered, None, "A failed result was taken away; only a later run clears it."
        )
    if remembered.expires_at <= now:
        return RecordVerdict(Outcome.LAPSED, remembered, ExpiredReason.ATTESTATION_EXPIRED, _ENDED)
    gone = "The newest record that was seen was taken away."
    return RecordVerdict(Outcome.UNKNOWN, remembered, UnknownReason.RECORD_REMOVED, gone)


_ENDED = "The newest record has ended."


def _rules(control: Control) -> tuple[CountRule, ...]:
    return control.record.counts if control.record else ()


def _unmet(control: Control, record: Record) -> list[str]:
    """What a result must have to say anything, and this one has not."""
    rules = (rule for rule in _rules(control) if rule.precondition and not rule.holds(record.counts))
    return [rule.text.removesuffix(" else NoData") for rule in rules]


def _broken(control: Control, record: Record) -> list[str]:
    if _unmet(control, record):
        return []
    return [
        f"{rule.text} (is {record.counts[rule.name]:g})" for rule in _rules(control) if not rule.holds(record.counts)
    ]


def _in_force(control: Control, newest: Record, now: float) -> RecordVerdict:
    said = reference(newest)
    if newest.expires_at is None or newest.expires_at <= now:
        return RecordVerdict(Outcome.LAPSED, said, ExpiredReason.ATTESTATION_EXPIRED, _ENDED)
    if newest.revision != control.revision and now > _holds_until(control):
        message = f"It speaks of revision {newest.revision} of the control; now it is {control.revision}."
        return RecordVerdict(Outcome.LAPSED, said, ExpiredReason.CONTROL_REVISED, message)
    if newest.kind is RecordKind.PIPELINE and (unmet := _unmet(control, newest)):
        message = f"The newest result says too little: expected {', '.join(unmet)}."
        return RecordVerdict(Outcome.UNKNOWN, said, UnknownReason.NO_DATA, message)
    who = f" by {newest.by}" if newest.by else ""
    return RecordVerdict(Outcome.ATTESTED, said, None, f"A valid {newest.kind} record{who} says so.")


def _holds_until(control: Control) -> float:
    if control.revised is None:
        return 0.0
    return datetime.combine(control.revised, time(), UTC).timestamp() + HOLDS_AFTER_REVISION


def waiver_of(control: Control, evidence: EvidenceSet, records: Iterable[Record], now: float) -> RecordRef | None:
    """The waiver in force that ends last, where the control can be waived."""
    in_force = [
        each
        for each in records
        if each.kind is RecordKind.WAIVER
        and each.control == control.id
        and each.concerns(evidence.agent)
        and each.expires_at is not None
        and each.expires_at > now
    ]
    last = max(in_force, key=lambda each: each.expires_at or 0.0, default=None)
    return reference(last) if last and control.waivable else None


def reference(record: Record, *, failed: bool = False) -> RecordRef:
    """What a finding keeps of a record."""
    return RecordRef(
        record.id,
        record.kind,
        record.at,
        record.expires_at or 0.0,
        record.by,
        record.evidence_url,
        record.image_digests or frozenset({record.policy_digest, record.config_digest} - {""}),
        failed,
        record.verified,
    )
