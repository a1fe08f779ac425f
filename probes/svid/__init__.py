"""Does an agent serve a certificate that its peers can trust, and will it go on doing so?"""

from dataclasses import replace

from probes.contract import Evaluation, EvaluationContext, Metric, Probe, Sample, Unknown, Verdict, shared_sample
from probes.readings.certificate import Leaf
from probes.readings.handshake import Handshake
from probes.svid.expiry import (
    SVID_EXPIRED,
    SVID_EXPIRY_IMMINENT,
    SVID_ROTATION_OVERDUE,
    expired,
    expiry_imminent,
    rotation_overdue,
)
from probes.svid.history import NOT_AFTER, NOT_BEFORE, SvidHistory, SvidLimits
from probes.svid.identity import SERVED, SVID_WRONG_IDENTITY, served_id, wrong_identity
from probes.svid.measured import measured
from probes.svid.picture import bars, pictures
from probes.svid.reachability import AGENT_UNREACHABLE, TLS_MISSING, tls_missing, unreachable
from probes.svid.trust import SVID_NOT_TRUSTED, not_trusted

__all__ = ["PROBE", "SvidHistory", "SvidLimits", "judge"]


LAST_ROTATION = Metric(
    name="svid_last_rotation_timestamp_seconds",
    help="When a new SVID was last seen in place of the previous one.",
    moment=True,
)
ROTATIONS = Metric(name="svid_rotations_total", help="New SVIDs seen in place of the previous one.", kind="counter")


def judge(reading: Handshake, history: SvidHistory, context: EvaluationContext[SvidLimits]) -> Evaluation[SvidHistory]:
    """All conditions of one look at an mTLS port."""
    if context.is_stale(reading):
        lost = (kind.unknown(Unknown.STALE, reading.error) for kind in PROBE.conditions[1:])
        verdicts = (unreachable(reading, context), *lost)
        return Evaluation(verdicts=verdicts, history=history, samples=_samples(None, history))
    history = _after(reading.leaf, _looked(reading, history, context), context)
    *of_the_leaf, identity = _of_the_leaf(reading, context)
    return Evaluation(
        verdicts=(unreachable(reading, context), tls_missing(reading), *of_the_leaf, identity),
        history=history,
        samples=(*_samples(reading.leaf, history), *served_id(reading.leaf, identity)),
    )


def _of_the_leaf(reading: Handshake, context: EvaluationContext[SvidLimits]) -> tuple[Verdict, ...]:
    leaf, limits, date = reading.leaf, context.limits, context.date
    if leaf is None:
        # A handshake without a readable certificate has no other condition that says why.
        why = Unknown.MALFORMED if reading.completed else Unknown.SOURCE_FAILED
        return tuple(kind.unknown(why) for kind in PROBE.conditions[2:])
    doubt = context.clock_doubt
    of_time = (
        expired(leaf, date),
        expiry_imminent(leaf, reading.issuers, date, limits.expiry_imminent_ratio),
        rotation_overdue(leaf, date, limits.rotation_overdue_ratio),
    )
    return (
        *(tuple(each.kind.unknown(Unknown.WATCHER_IMPAIRED, doubt) for each in of_time) if doubt else of_time),
        not_trusted(reading, leaf, date, limits.clock_skew, doubt),
        wrong_identity(leaf, context.target.spiffe_ids, reading.trust_domain, _unlearnt(context)),
    )


def _unlearnt(context: EvaluationContext[SvidLimits]) -> str:
    """Why it is not known who the agent should be; empty where it is, or where nobody says it."""
    return "" if context.limits.when_absent == "ignore" else context.target.unlearnt.get("spiffe_ids", "")


def _looked(reading: Handshake, history: SvidHistory, context: EvaluationContext[SvidLimits]) -> SvidHistory:
    served = history.served.looked(reading, context.now)
    return history if served is history.served else replace(history, served=served)


def _after(leaf: Leaf | None, history: SvidHistory, context: EvaluationContext[SvidLimits]) -> SvidHistory:
    """Replicas behind one address alternate their serials: only one that was issued later is a rotation."""
    if leaf is None or leaf.serial == history.serial:
        return history
    if leaf.not_before > context.date + context.limits.clock_skew:
        return history  # a start in the future would hide every rotation until then
    dates = (leaf.not_before, leaf.not_after)
    if not history.serial:
        return replace(history, serial=leaf.serial, dates=dates)
    if dates <= history.dates:
        return history
    served = history.served.rotated(history.dates, context.date)
    return SvidHistory(leaf.serial, dates, context.now, history.rotations + 1, served)


def _samples(leaf: Leaf | None, history: SvidHistory) -> tuple[Sample, ...]:
    dates = () if leaf is None else (Sample(NOT_BEFORE, leaf.not_before), Sample(NOT_AFTER, leaf.not_after))
    rotated = () if history.last_rotation is None else (Sample(LAST_ROTATION, history.last_rotation),)
    return (*dates, *rotated, shared_sample(ROTATIONS, history.rotations))


PROBE = Probe(
    name="svid",
    source="handshake",
    conditions=(
        AGENT_UNREACHABLE,
        TLS_MISSING,
        SVID_EXPIRED,
        SVID_EXPIRY_IMMINENT,
        SVID_ROTATION_OVERDUE,
        SVID_NOT_TRUSTED,
        SVID_WRONG_IDENTITY,
    ),
    limits=SvidLimits,
    history=SvidHistory,
    judge=judge,
    metrics=(NOT_BEFORE, NOT_AFTER, LAST_ROTATION, ROTATIONS, SERVED),
    pictures=pictures,
    bars=bars,
    measured=measured,
)
