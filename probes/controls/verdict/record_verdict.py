"""What the records of one control and one agent say together: attested, failed, lapsed, or nothing.

1. Of those that speak of this agent, each digest that runs has its own; the worst digest is told. Of a release it is
   the digest that the newest rollout brought, whether it runs or was taken back.
2. The newest result that says enough breaks the rule: failed. Only a later result clears it: neither an attestation,
   nor that it ends, nor that it is taken away, nor another version on the label of the same digest. Of two of the same
   moment the failed one counts.
3. Else the newest record decides (of two of the same moment the one that ends first): it ended, it was taken away or
   its source is silent, it is of an older revision of the control, or it says too little; else attested. An older
   record does not take its place.
4. There is none for what runs, but one for what ran: lapsed.

Records that were seen and are gone are among those that are given; `Record.gone` says why.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import Enum
from functools import lru_cache

from probes.controls.catalogue.control import Control, SourceName, UnknownReason
from probes.controls.catalogue.counts import CountRule
from probes.controls.catalogue.terms import Bind, ExpiredReason, RecordKind, Scope
from probes.controls.evidence import EvidenceSet, Missing, RolloutRecord
from probes.controls.evidence.gathered import NOT_GIVEN
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
    lost: bool = False  # the record does not stand there any more
    in_force: Record | None = None  # the whole of it, where it attests: what it lists can be compared with what is seen


NOTHING = RecordVerdict(Outcome.NOTHING)
_WORST_FIRST = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.LAPSED, Outcome.NOTHING, Outcome.ATTESTED)
_REMOVED = UnknownReason.RECORD_REMOVED


def judge_records(control: Control, evidence: EvidenceSet, records: Iterable[Record], now: float) -> RecordVerdict:
    """Of valid records, and of those that were and are gone; `now`: Unix seconds."""
    if control.record is None:
        return NOTHING
    bind = control.record.bind
    mine = [
        each
        for each in records
        if each.control == control.id and each.kind in control.record.kinds and each.concerns(evidence.agent)
    ]
    if not mine:
        return NOTHING
    running = frozenset({""}) if bind is Bind.NONE else _bound_to(control, bind, evidence)
    there = [each for each in mine if each.gone is not _REMOVED]
    if isinstance(running, Missing):
        return _unreadable(there or mine, running)
    each_digest = [_of_digest(control, mine, digest, evidence.version, now) for digest in sorted(running)]
    worst = min(each_digest, key=lambda each: _WORST_FIRST.index(each.outcome), default=NOTHING)
    if worst.outcome is not Outcome.NOTHING or not there:
        return worst
    if not evidence.version and any(each.version for each in there):
        return _unreadable(there, _NO_VERSION)
    return _moved(control, there, some=any(each.outcome is Outcome.ATTESTED for each in each_digest))


def _bound_to(control: Control, bind: Bind, evidence: EvidenceSet) -> frozenset[str] | Missing:
    """What runs; of a release, what its rollout brought, also where it was taken back."""
    if control.scope is not Scope.RELEASE:
        return evidence.digests.get(bind, _NOT_READ)
    rollout = evidence.sources.get(SourceName.ROLLOUT, NOT_GIVEN)
    if isinstance(rollout, Missing):
        return rollout
    image = rollout.value.image if isinstance(rollout.value, RolloutRecord) else ""
    return frozenset({image}) if image else _NO_IMAGE


_NO_IMAGE = Missing(UnknownReason.NO_DATA, "No pod has told the digest of the image that the newest rollout brought.")
_NOT_READ = Missing(UnknownReason.SOURCE_MISSING, "The digest that runs is not known.")
_NO_VERSION = Missing(UnknownReason.SOURCE_MISSING, "The version that runs is not known.")


def _unreadable(mine: Sequence[Record], why: Missing) -> RecordVerdict:
    newest = max(mine, key=_age)
    return RecordVerdict(Outcome.UNKNOWN, reference(newest), why.reason, f"There is a record, but: {why.message}")


def _moved(control: Control, there: Sequence[Record], *, some: bool) -> RecordVerdict:
    newest = max(there, key=_age)
    message = (
        "Several digests run, and not each of them has a record."
        if some
        else "The newest record is bound to a version that does not run."
        if newest.version and not newest.image_digests
        else "The newest record is bound to another image than the newest rollout brought."
        if control.scope is Scope.RELEASE
        else "The newest record is bound to a digest that does not run any more."
    )
    return RecordVerdict(Outcome.LAPSED, reference(newest), ExpiredReason.DIGEST_CHANGED, message)


def _age(record: Record) -> tuple[float, bool, float]:
    """Of two of the same moment, one that stands there is the newer; of two that do, the one that ends first."""
    return record.at, record.gone is None, -(record.expires_at or 0.0)


def _of_digest(control: Control, mine: Sequence[Record], digest: str, version: str, now: float) -> RecordVerdict:
    bind = control.record.bind if control.record else Bind.NONE
    bound = [each for each in mine if not digest or digest in each.digests(bind)]
    of_version = [each for each in bound if each.is_for(version)]
    if failed := _failed(control, bound if digest else of_version):
        return failed
    return _in_force(control, max(of_version, key=_age), now) if of_version else NOTHING


def _failed(control: Control, bound: Sequence[Record]) -> RecordVerdict | None:
    runs = [each for each in bound if each.kind is RecordKind.PIPELINE and not _unmet(control, each)]
    newest = max(runs, key=lambda each: (each.at, bool(_broken(control, each)), each.gone is None), default=None)
    if newest is None or not (broken := _broken(control, newest)):
        return None
    if newest.gone is _REMOVED:
        told = "A failed result was taken away; only a later run clears it."
    else:
        told = f"The newest result breaks the rule: {', '.join(broken)}."
    return RecordVerdict(Outcome.FAILED, reference(newest), None, told, lost=newest.gone is not None)


def has_failed(control: Control, record: Record) -> bool:
    """Whether it is a result that says enough and breaks the rule."""
    return record.kind is RecordKind.PIPELINE and not _unmet(control, record) and bool(_broken(control, record))


def _rules(control: Control) -> tuple[CountRule, ...]:
    return control.record.counts if control.record else ()


def _unmet(control: Control, record: Record) -> list[str]:
    """What a result must have to say anything, and this one has not."""
    rules = (rule for rule in _rules(control) if rule.precondition and not rule.holds(record.counts))
    return [rule.text.removesuffix(" else NoData") for rule in rules]


def _broken(control: Control, record: Record) -> list[str]:
    return [
        f"{rule.text} (is {record.counts[rule.name]:g})" for rule in _rules(control) if not rule.holds(record.counts)
    ]


def _in_force(control: Control, newest: Record, now: float) -> RecordVerdict:
    said = reference(newest)
    if newest.expires_at is None or newest.expires_at <= now:
        ended = "The newest record has ended."
        return RecordVerdict(Outcome.LAPSED, said, ExpiredReason.ATTESTATION_EXPIRED, ended)
    if newest.gone is not None:
        return RecordVerdict(Outcome.UNKNOWN, said, newest.gone, _gone(newest), lost=True)
    if newest.revision != control.revision and now > _holds_until(control):
        message = f"It speaks of revision {newest.revision} of the control; now it is {control.revision}."
        return RecordVerdict(Outcome.LAPSED, said, ExpiredReason.CONTROL_REVISED, message)
    if newest.kind is RecordKind.PIPELINE and (unmet := _unmet(control, newest)):
        message = f"The newest result says too little: expected {', '.join(unmet)}."
        return RecordVerdict(Outcome.UNKNOWN, said, UnknownReason.NO_DATA, message)
    who = f" by {newest.by}" if newest.by else ""
    return RecordVerdict(Outcome.ATTESTED, said, None, f"A valid {newest.kind} record{who} says so.", in_force=newest)


def _gone(record: Record) -> str:
    if record.gone is _REMOVED:
        return "The newest record that was seen was taken away."
    return "There was a record; where it stood cannot be read now."


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
        and each.gone is None
        and each.is_for(evidence.version)
        and each.expires_at is not None
        and each.expires_at > now
        and (each.revision == control.revision or now <= _holds_until(control))
    ]
    last = max(in_force, key=lambda each: each.expires_at or 0.0, default=None)
    return reference(last) if last and control.waivable else None


def lapses_at(control: Control, record: Record, now: float) -> float:
    """Unix seconds of the next moment at which time alone lets this record of the control lapse."""
    revised = _holds_until(control) if record.revision != control.revision else 0.0
    return min((each for each in (record.expires_at or 0.0, revised) if each > now), default=float("inf"))


_shared = lru_cache(maxsize=8192)(RecordRef)  # a thousand agents rest on the same


def reference(record: Record) -> RecordRef:
    """What a finding keeps of a record."""
    return _shared(
        record.id,
        record.kind,
        record.at,
        record.expires_at or 0.0,
        record.by,
        record.evidence_url,
        record.verified,
        record.approved_by,
        str(record.reason or ""),
    )
