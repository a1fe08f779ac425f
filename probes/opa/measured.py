"""What was measured for each condition of an OPA that passes: answers, canaries, decisions and bundles."""

from collections.abc import Iterator, Sequence

from probes.contract import say_duration
from probes.contract.picture import Measured, PictureContext
from probes.opa import decisions
from probes.opa.bundles import BUNDLE_STALE, REVISION_SKEW
from probes.opa.history import OPAHistory, OPALimits
from probes.readings.decision import Actual, CanaryAnswer, Expected, OPAReading
from probes.readings.opa_status import OPABundle, StatusReport

Context = PictureContext[OPALimits]


def measured(history: OPAHistory, context: Context) -> Iterator[Measured]:
    """Of the newest look, and of the decisions before it that count."""
    reading = context.reading
    if context.stale or not isinstance(reading, OPAReading):
        return
    yield from _of_answers(reading.answers)
    yield from _of_canaries(reading.answers)
    p95, limit = decisions.p95_of(history.ticks), say_duration(context.limits.slow_after)
    if p95 is not None:
        count = decisions.DECISIONS
        yield Measured(
            decisions.DECISION_SLOW, f"The p95 of {count} decisions is {say_duration(p95)}, the limit {limit}."
        )
    if reading.report is not None:
        for each in reading.report.bundles:
            yield from _of_bundle(each, reading.report, context)


def _of_answers(answers: Sequence[CanaryAnswer]) -> Iterator[Measured]:
    answered = [each for each in answers if each.actual is not Actual.UNREACHABLE]
    if answered:
        slowest = say_duration(max(each.reply.seconds for each in answered))
        said = f"It answered {len(answered)} of {len(answers)} questions, the slowest in {slowest}."
        yield Measured(decisions.OPA_UNREACHABLE, said)
    good = sum(each.actual in decisions.REPORTED for each in answers)
    yield Measured(decisions.DECISION_ERROR, f"{good} of {len(answers)} answers were such.")


def _of_canaries(answers: Sequence[CanaryAnswer]) -> Iterator[Measured]:
    denied = [each for each in answers if each.expected in (Expected.DENY, Expected.NOT_ALLOW)]
    if denied:
        let_in = sum(each.actual is Actual.ALLOW for each in denied)
        yield Measured(decisions.WRONG_ALLOW, f"{let_in} of {len(denied)} were.")
    allowed = [each for each in answers if each.expected is Expected.ALLOW]
    if allowed:
        kept_out = sum(each.actual is Actual.DENY for each in allowed)
        yield Measured(decisions.WRONG_DENY, f"{kept_out} of {len(allowed)} were.")
    canaries = [each for each in answers if each.expected in (Expected.ALLOW, Expected.DENY)]
    if canaries:
        decided = sum(each.actual in decisions.DECIDED for each in canaries)
        said = f"{decided} of {len(canaries)} canaries were decided."
        yield from (Measured(kind, said) for kind in (decisions.POLICY_MISSING, decisions.DEFAULT_MISSING))


def _of_bundle(bundle: OPABundle, report: StatusReport, context: Context) -> Iterator[Measured]:
    asked = max(0.0, -context.since(report.at))
    if bundle.last_success > 0:
        ago = max(0.0, report.clock - bundle.last_success) + asked
        limit = say_duration(context.limits.bundle_stale_after)
        yield Measured(BUNDLE_STALE, f"Last fetched {say_duration(ago)} ago, the limit is {limit}.", bundle.name)
    revision = f"revision {bundle.revision}" if bundle.revision else "a version without a revision"
    yield Measured(REVISION_SKEW, f"Active {say_duration(asked)} ago: {revision}.", bundle.name)
