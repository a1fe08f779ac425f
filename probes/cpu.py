"""Does the agent use up the CPU that it may have?"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pydantic import Field

from probes.contract import (
    ConditionKind,
    Evaluation,
    EvaluationContext,
    Limits,
    Metric,
    Probe,
    Sample,
    Seconds,
    Severity,
    Unknown,
    Verdict,
    say_duration,
    shared_sample,
)
from probes.contract.condition import Window
from probes.contract.picture import Level, Measured, Picture, PictureContext, Series, Tone, Unit
from probes.contract.signal import CPU_SECONDS, Absent, Unreadable, unreported
from probes.history.counters import Grown, Growth, beginning, steps
from probes.history.process import IN_TURN, NOBODY, PROCESS, Process, follow, in_turn
from probes.readings.metrics_page import MetricsPage


class CPULimits(Limits):
    """When the use of CPU is trouble."""

    high_ratio: float = Field(
        default=0.90, gt=0, lt=1, description="failing when CPU use / cpu_limit is above this, over `window`"
    )
    window: Seconds = Field(default=300.0, ge=1, description="window over which the use is averaged")


HIGH = ConditionKind(
    name="CPUHigh",
    severity=Severity.CRITICAL,
    true_when="Over `window` the process used more of its CPU limit than `high_ratio`.",
    all_clear="The process has CPU left below its limit.",
    needs=("cpu_limit",),
    window=Window("window"),
)
USAGE = Metric(name="cpu_usage_cores", help="CPU that one process uses, over the probe's window; absent while unknown.")
LIMIT = Metric(name="cpu_limit_cores", help="CPU limit of the agent, as configured.")


@dataclass(frozen=True, slots=True)
class CPUHistory:
    """The CPU time that was seen."""

    used: Growth = field(default_factory=Growth)
    process: Process = NOBODY


def judge(page: MetricsPage, history: CPUHistory, context: EvaluationContext[CPULimits]) -> Evaluation[CPUHistory]:
    """Judge one page."""
    limit, window = context.target.cpu_limit, context.limits.window
    if not limit:
        return Evaluation(verdicts=(), history=history)
    if page.error:
        return Evaluation(verdicts=(HIGH.unknown(Unknown.SOURCE_FAILED),), history=history)
    process, answered = follow(history.process, page, context)
    seconds = page.value(CPU_SECONDS)
    if isinstance(seconds, Absent | Unreadable):
        return Evaluation(verdicts=unreported(HIGH, seconds, context.limits), history=CPUHistory(history.used, process))
    used = history.used.add((seconds,), answered, context.now, window, context.interval)
    remembered, of_limit = CPUHistory(used, process), shared_sample(LIMIT, limit)
    grown = None if process.in_turn else used.over(window, context.interval)
    if grown is None:
        verdict = in_turn(HIGH) if process.in_turn else used.warming_up(HIGH, window)
        return Evaluation(verdicts=(verdict,), history=remembered, samples=(of_limit,))
    samples = (Sample(USAGE, grown.by[0] / grown.seconds), of_limit)
    return Evaluation(verdicts=(_high(grown, limit, context.limits),), history=remembered, samples=samples)


def _high(grown: Grown, limit: float, limits: CPULimits) -> Verdict:
    cores = grown.by[0] / grown.seconds
    if cores / limit <= limits.high_ratio:
        return HIGH.false()
    return HIGH.true(
        lambda: f"Over {say_duration(grown.seconds)} one process used {cores:.2f} of the {limit:g} cores it may have."
    )


def pictures(history: CPUHistory, context: PictureContext[CPULimits]) -> Iterator[Picture]:
    """The use over `window`, part by part as it is remembered, beside the limit."""
    limit, parts, window = context.target.cpu_limit, history.used.all_parts(), context.limits.window
    if not limit or not parts:
        return
    start = beginning(parts, window, context.interval, context.now)
    yield Picture(
        title="Cores in use by one process",
        text=_said(limit, history, context),
        conditions=(HIGH,),
        start=start,
        end=0.0,
        unit=Unit.CORES,
        series=(Series("in use", steps(parts, 0, start, context.now)),),
        levels=(
            Level("limit", limit, Tone.CRITICAL),
            Level("high above", context.limits.high_ratio * limit, Tone.WARNING),
        ),
    )


def measured(history: CPUHistory, context: PictureContext[CPULimits]) -> Iterator[Measured]:
    """The use over `window`, where it is known."""
    limit = context.target.cpu_limit
    if limit and context.value(USAGE) is not None:
        yield Measured(HIGH, f"{_said(limit, history, context)} More than {context.limits.high_ratio:.0%} is high.")


def _said(limit: float, history: CPUHistory, context: PictureContext[CPULimits]) -> str:
    cores, window = context.value(USAGE), context.limits.window
    grown = history.used.over(window, context.interval)
    if history.process.in_turn:
        return IN_TURN
    if cores is None or grown is None:
        over = say_duration(window)
        return f"The use over {over} is unknown; the limit is {limit:g} cores."
    over = say_duration(grown.seconds)
    return f"Over {over} {cores:.2f} of {limit:g} cores were in use, {cores / limit:.0%}."


PROBE = Probe(
    name="cpu",
    source="agent_metrics",
    conditions=(HIGH,),
    limits=CPULimits,
    history=CPUHistory,
    judge=judge,
    metrics=(USAGE, LIMIT),
    wants=lambda _: PROCESS,
    pictures=pictures,
    measured=measured,
)
