"""What the record of the newest rollout decides: the checklist's post-deploy verification and its release template.

1. A record of another revision than the one that runs says nothing of what runs.
2. A line that passed or failed stays as it was decided. One that is undecided, or that nothing here is told by, is
   unknown: never a pass.
3. What the template asks beside the lines is told by when pods were Ready, what fired, and whether it was taken back.
"""

from collections.abc import Callable, Iterable

from probes.contract.text import cut
from probes.contract.units import utc
from probes.controls.catalogue.control import Control, FactKey, SourceName, UnknownReason
from probes.controls.evidence import EvidenceSet, Missing, RolloutRecord, Seen
from probes.controls.judging import Facts, Says, Statement, fact, judge

_SOURCE = SourceName.ROLLOUT
_QUARTER = 900.0
LINES = (
    "postdeploy.immediate.pods-running",
    "postdeploy.immediate.health-passing",
    "postdeploy.immediate.logs-normal",
    "postdeploy.immediate.metrics-available",
    "postdeploy.short.traffic-routing",
    "postdeploy.short.error-rate-normal",
    "postdeploy.short.latency-normal",
    "postdeploy.short.authorization-working",
    "postdeploy.short.no-breakers-open",
    "postdeploy.long.memory-stable",
    "postdeploy.long.cpu-stable",
    "postdeploy.long.pool-healthy",
    "postdeploy.long.svid-rotation-working",
    "postdeploy.long.no-opa-errors",
    "release.post.resources-stable",
)
"""Controls that are lines of the record, or several of them together."""

RecordJudge = Callable[[RolloutRecord, Control, Facts], Statement]


def _judge(*controls: str) -> Callable[[RecordJudge], RecordJudge]:
    """Register who is asked of a record."""

    def register(function: RecordJudge) -> RecordJudge:
        @judge(*controls, of=[_SOURCE])
        def of_record(control: Control, evidence: EvidenceSet, facts: Facts) -> Iterable[Statement]:
            found = evidence.of(_SOURCE, RolloutRecord)
            return (function(found.value, control, facts),) if isinstance(found, Seen) else ()

        return function

    return register


@_judge(*LINES)
def line(record: RolloutRecord, control: Control, _: Facts) -> Statement:
    """Of one or several lines: the first that failed, else the first that is not decided."""
    if not record.is_running:
        return _of_another(record)
    lines = record.lines.get(control.id, ())
    failed = [each for each in lines if each.state == "fail"]
    waiting = [each for each in lines if each.state == "undecided"]
    passed = [each for each in lines if each.state == "pass"]
    if failed:
        return _bad(failed[0].message or f"{failed[0].name}: it failed.", failed[0].decided_at)
    if waiting:
        first = waiting[0]
        reason = UnknownReason.SETTLING if first.is_open else UnknownReason.NO_DATA
        return _unclear(reason, first.message or f"{first.name} is not decided yet.", first.next_at)
    if len(passed) < len(lines) or not lines:
        told = next((each.message for each in lines if each.state != "pass"), "")
        off = UnknownReason.NOT_ENABLED if control.opt_in is not None else UnknownReason.NO_DATA
        return _unclear(off if lines else UnknownReason.NO_DATA, told or "Its record does not have this line.")
    at = max((each.decided_at for each in passed if each.decided_at is not None), default=None)
    return _good(" ".join(each.message for each in passed if each.message) or "It passed.", at)


@_judge("release.deploy.production")
def deployed(record: RolloutRecord, _: Control, __: Facts) -> Statement:
    """Whether all wanted pods of the revision were Ready at the same time."""
    if not record.is_running:
        return _of_another(record)
    if record.ready_at is not None:
        return _good(f"All pods of revision {record.revision} were Ready {utc(record.ready_at)}.", record.ready_at)
    if record.stuck:
        return _bad(record.stuck)
    told = f"Begun {utc(record.began_at)}; {record.pods or 'no pods are Ready yet'}."
    return _unclear(UnknownReason.SETTLING, told, record.began_at + _QUARTER)


@_judge("release.post.no-alerts-fired")
def no_alerts_fired(record: RolloutRecord, _: Control, __: Facts) -> Statement:
    """Whether a condition was true in the first hour for as long as its alert waits."""
    if not record.is_running:
        return _of_another(record)
    if record.alerts:
        first, more = record.alerts[0], len(record.alerts) - 1
        others = f" ({more} more)" if more else ""
        return _bad(
            f"{first.name} on {first.pod} was true from {utc(first.at)} on, so its alert fired{others}.", first.at
        )
    if not record.hour_is_over:
        return _unclear(
            UnknownReason.SETTLING, "The first hour is not over; no alert fired so far.", record.hour_ends_at
        )
    if not record.hour_was_seen:
        return _unclear(UnknownReason.NO_DATA, "The watcher did not see all of the first hour.")
    return _good("No condition of its pods was true for as long as its alert waits.", record.hour_ends_at)


@fact(FactKey.ROLLED_BACK)
def rolled_back(evidence: EvidenceSet, _: Facts) -> bool | Missing:
    """Whether the newest rollout was taken back; while it may still be, that is not known."""
    found = evidence.of(_SOURCE, RolloutRecord)
    if isinstance(found, Missing):
        return found
    record = found.value
    if record.end == "rolled_back":
        return True
    if record.end or record.is_over:
        return False
    return Missing(UnknownReason.SETTLING, "The newest rollout may still be taken back.", record.over_at)


@_judge("release.rollback.executed")
def executed(record: RolloutRecord, _: Control, __: Facts) -> Statement:
    """When no pod of the revision was left any more."""
    if record.end != "rolled_back" or record.ended_at is None:
        return _unclear(UnknownReason.SETTLING, "It was not taken back.", record.over_at)
    return _good(f"No pod of revision {record.revision} is left since {utc(record.ended_at)}.", record.ended_at)


@_judge("release.rollback.previous-healthy")
def previous_healthy(record: RolloutRecord, _: Control, facts: Facts) -> Statement:
    """Whether all pods of the revision before were Ready within a quarter of an hour."""
    if record.end != "rolled_back" or record.ended_at is None:
        return _unclear(UnknownReason.SETTLING, "It was not taken back.", record.over_at)
    if record.previous_healthy_at is not None:
        at = record.previous_healthy_at
        return _good(f"All pods of the revision before were Ready {utc(at)}.", at)
    if not record.others_run:
        return _unclear(UnknownReason.NO_DATA, "No pod of the revision before runs.")
    due = record.ended_at + _QUARTER
    if facts.now >= due:
        return _bad("15 min after the rollback the pods of the revision before are not all Ready.")
    return _unclear(UnknownReason.SETTLING, "The pods of the revision before are not all Ready yet.", due)


def _of_another(record: RolloutRecord) -> Statement:
    came = "it was taken back" if record.end == "rolled_back" else "another one runs"
    return _unclear(UnknownReason.NO_DATA, f"The newest record is of revision {record.revision}: {came}.")


def _good(message: str, at: float | None = None) -> Statement:
    return Statement(_SOURCE, Says.GOOD, cut(message), observed_at=at)


def _bad(message: str, at: float | None = None) -> Statement:
    return Statement(_SOURCE, Says.BAD, cut(message), observed_at=at)


def _unclear(reason: UnknownReason, message: str, next_at: float | None = None) -> Statement:
    return Statement(_SOURCE, Says.UNCLEAR, cut(message), reason=reason, next_at=next_at)
