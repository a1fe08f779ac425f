"""Does the OPA that an agent asks decide, decide rightly, and by a fresh policy?"""

from collections.abc import Iterator, Sequence

from probes.contract import (
    Evaluation,
    EvaluationContext,
    Metric,
    Observation,
    Probe,
    Sample,
    Unknown,
    Verdict,
    Vote,
)
from probes.contract.condition import Status
from probes.contract.reading import STALE_AFTER
from probes.opa import decisions
from probes.opa.bundles import BUNDLE_STALE, REVISION_SKEW, BundleContext, BundleHistory, judge_bundles, unknown_bundles
from probes.opa.history import OPAHistory, OPALimits
from probes.opa.measured import measured
from probes.readings.canary import BUILTIN, Question, question
from probes.readings.decision import Actual, CanaryAnswer, Expected, OPAReading
from probes.readings.opa_status import ASKED_IN, StatusReport

__all__ = ["PROBE", "OPAHistory", "OPALimits", "judge"]

BUNDLE_INFO = Metric(
    name="opa_bundle_info", help="The revision of a bundle that is active in OPA.", labels=("bundle", "revision")
)
BUNDLE_LAST_SUCCESS = Metric(
    name="opa_bundle_last_success_timestamp_seconds",
    help="Time of OPA's last successful request for a bundle, by OPA's clock.",
    labels=("bundle",),
)
DECISION_P95 = Metric(
    name="opa_decision_p95_seconds",
    help=f"What 95 of 100 of the last {decisions.DECISIONS} decisions took at most, while that is above the limit.",
)
DECISION_DURATION = Metric(
    name="opa_decision_duration_seconds",
    help="Time from the question to OPA's decision.",
    kind="histogram",
    fleet=True,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)
CANARY_TOTAL = Metric(
    name="opa_canary_total",
    help="Canaries asked, by expected and actual answer.",
    kind="counter",
    labels=("canary", "expected", "actual"),
    fleet=True,
)


def judge(reading: OPAReading, history: OPAHistory, context: EvaluationContext[OPALimits]) -> Evaluation[OPAHistory]:
    """All conditions of one look at an OPA."""
    answers = reading.answers
    timed = decisions.surely_timed(answers, context.limits.slow_after, context.lag)
    new = () if context.held_up else decisions.ticks(timed)
    held_up = context.held_up or len(timed) < len(answers)
    ticks = (*history.ticks, *new)[-decisions.DECISIONS :]
    report = _bundle_report(reading, context)
    about_bundles, bundles = _bundles(reading, history.bundles, context, report)
    slow = decisions.slow(answers, ticks, context.limits.slow_after, held_up=held_up)
    found = (
        decisions.unreachable(reading, context),
        *decisions.of_the_policy(answers, context.target.decision_path),
        slow,
        *about_bundles,
    )
    counted = tuple(each.canary for each in answers if each.expected is not Expected.ANY)
    return Evaluation(
        verdicts=tuple(verdict for verdict in found if verdict is not None),
        history=OPAHistory(ticks, bundles, history.counted if history.counted == counted else counted),
        samples=(*_samples(report), *_slowness(slow, ticks)),
        observations=tuple(_observations(answers, history.counted)),
        votes=_votes(report, context),
    )


def _bundle_report(reading: OPAReading, context: EvaluationContext[OPALimits]) -> StatusReport | None:
    """The report on bundles, where OPA answers and gave one lately."""
    report = reading.report
    return report if report is not None and not _why_unknown(reading, report, context) else None


def _why_unknown(reading: OPAReading, report: StatusReport, context: EvaluationContext[OPALimits]) -> Unknown | None:
    """Why a report says nothing now. An OPA of which one question breaks the connection is not asked for another."""
    if reading.silent or report.unknown is not None:
        return Unknown.SOURCE_FAILED if reading.silent else report.unknown
    old = context.now - report.at > STALE_AFTER * ASKED_IN * context.interval
    return Unknown.STALE if old else None


def _bundles(
    reading: OPAReading,
    history: tuple[BundleHistory, ...],
    context: EvaluationContext[OPALimits],
    report: StatusReport | None,
) -> tuple[list[Verdict], tuple[BundleHistory, ...]]:
    if report is not None and not report.bundles:
        return [], ()
    given = BundleContext(
        now=context.now,
        stale_after=context.limits.bundle_stale_after,
        once=context.once,
        vote_counts=context.vote_counts,
    )
    if report is not None:
        return judge_bundles(report, history, given)
    why = _why_unknown(reading, reading.report, context) if reading.report is not None else None
    return unknown_bundles(reading.report, why or Unknown.SOURCE_FAILED, given), history


def _samples(report: StatusReport | None) -> tuple[Sample, ...]:
    bundles = report.bundles if report is not None else ()
    return (
        *(Sample(BUNDLE_INFO, 1, (each.name, each.revision)) for each in bundles if each.activated),
        *(Sample(BUNDLE_LAST_SUCCESS, each.last_success, (each.name,)) for each in bundles if each.last_success > 0),
    )


def _slowness(slow: Verdict, ticks: tuple[int, ...]) -> tuple[Sample, ...]:
    p95 = decisions.p95_of(ticks) if slow.status is Status.TRUE else None  # else a fleet has thousands of them
    return () if p95 is None else (Sample(DECISION_P95, p95),)


def _votes(report: StatusReport | None, context: EvaluationContext[OPALimits]) -> tuple[Vote, ...]:
    bundles = report.bundles if report is not None else ()
    return tuple(Vote(each.name, context.target.opa or "", each.revision) for each in bundles)


def _observations(answers: Sequence[CanaryAnswer], counted: Sequence[str]) -> Iterator[Observation]:
    for each in answers:
        if each.expected is not Expected.ANY and each.canary not in counted:
            # Counters exist at 0 from the first look.
            yield from (Observation(CANARY_TOTAL, 0, (each.canary, each.expected, actual)) for actual in Actual)
        if not each.fresh or each.reply.impaired:
            continue
        if each.actual in decisions.REPORTED:
            yield Observation(DECISION_DURATION, each.reply.seconds)
        if each.expected is not Expected.ANY:
            yield Observation(CANARY_TOTAL, 1, (each.canary, each.expected, each.actual))


def _wants(limits: OPALimits) -> tuple[Question, ...]:
    return (*(BUILTIN if limits.builtin_canaries else ()), *map(question, limits.canaries))


PROBE: Probe[OPAReading, OPALimits, OPAHistory] = Probe(
    name="opa",
    source="opa",
    conditions=(*decisions.CONDITIONS, BUNDLE_STALE, REVISION_SKEW),
    limits=OPALimits,
    history=OPAHistory,
    judge=judge,
    metrics=(BUNDLE_INFO, BUNDLE_LAST_SUCCESS, DECISION_P95, DECISION_DURATION, CANARY_TOTAL),
    wants=_wants,
    measured=measured,
)
