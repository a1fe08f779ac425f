"""Do the agent's connection pools run out?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

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
    Target,
    Unknown,
    Verdict,
    say_duration,
    shared_sample,
)
from probes.contract.condition import Window
from probes.contract.signal import MAX_SUBJECTS, Absent, Row, Signal, SignalValues, unreported
from probes.history.counters import GAP, say_anew
from probes.history.process import NOBODY, PROCESS, Answered, Process, all_clear, follow
from probes.pool.trend import Rise, is_bridged, layout, meets
from probes.readings.metrics_page import MetricsPage

POOL_IN_USE = Signal(
    name="pool_in_use",
    unnamed="default",
    rows=(
        Row(metric="agentweave_connection_pool_active", subject=("pool",), summed=True),
        Row(metric="agentweave_active_connections", subject=("pool",), summed=True),
    ),
)


class PoolLimits(Limits):
    """When a connection pool is trouble."""

    saturated_ratio: float = Field(default=0.80, gt=0, lt=1, description="in use / capacity")
    exhaustion_within: Seconds = Field(
        default=1800.0, gt=0, description="a rise over this long, predicted as far ahead"
    )


SATURATED = ConditionKind(
    name="PoolSaturated",
    severity=Severity.WARNING,
    subject="pool",
    true_when="More of a connection pool is in use than `saturated_ratio`.",
    all_clear="The pool has room.",
    repeated=True,
    needs=("pool_capacity",),
)
EXHAUSTED = ConditionKind(
    name="PoolExhausted",
    severity=Severity.CRITICAL,
    subject="pool",
    true_when="All connections of a pool are in use: the next call waits or fails.",
    all_clear="The pool has connections left.",
    repeated=True,
    needs=("pool_capacity",),
)
PREDICTED = ConditionKind(
    name="PoolExhaustionPredicted",
    severity=Severity.WARNING,
    subject="pool",
    true_when="The use of a pool rose all through `exhaustion_within` and will meet its capacity within as long again.",
    all_clear="The use of the pool does not rise towards its capacity.",
    needs=("pool_capacity",),
    window=Window("exhaustion_within"),
)
IN_USE = Metric(name="pool_in_use", help="Connections of a pool in use.", labels=("pool",))
CAPACITY = Metric(name="pool_capacity", help="Connections that a pool may have, as configured.", labels=("pool",))
EXHAUSTION = Metric(
    name="pool_exhaustion_timestamp_seconds",
    help="When a pool whose use rises will be full; absent where nothing can be told.",
    labels=("pool",),
    moment=True,
)


@dataclass(frozen=True, slots=True)
class PoolHistory:
    """How the use of each pool went."""

    pools: Mapping[str, Rise] = field(default_factory=dict)
    process: Process = NOBODY
    renewed: float | None = None  # when a new process was first seen, in seconds that only time moves


def judge(page: MetricsPage, history: PoolHistory, context: EvaluationContext[PoolLimits]) -> Evaluation[PoolHistory]:
    """Judge one page."""
    if page.error:
        return Evaluation(verdicts=PROBE.all_unknown(context.target, Unknown.SOURCE_FAILED), history=history)
    if not context.target.pool_capacity:
        return Evaluation(verdicts=(), history=history)
    found = page.values(POOL_IN_USE)
    if isinstance(found, SignalValues):
        found = _with_capacity(found, context.target)
    if not isinstance(found, SignalValues):
        missing = [verdict for kind in PROBE.conditions for verdict in unreported(kind, found, context.limits)]
        return Evaluation(verdicts=tuple(missing), history=history)
    history = _seen(page, found, history, context)
    verdicts: list[Verdict] = []
    samples: list[Sample] = []
    for name, in_use in found.by_subject.items():
        capacity = _capacity(context.target, name)
        full_at = _full_at(history.pools[name], in_use, capacity, context)
        verdicts += _now(name, in_use, capacity, history.process, context.limits)
        verdicts.append(_later(name, history, full_at, context))
        samples += _samples(name, in_use, capacity, full_at)
    for name, why in found.unreadable.items():
        verdicts += [kind.unknown(Unknown.MALFORMED, why, name) for kind in PROBE.conditions]
    return Evaluation(verdicts=tuple(verdicts), history=history, samples=tuple(samples))


def _capacity(target: Target, pool: str) -> int:
    given = target.pool_capacity
    return given if isinstance(given, int) else (given or {}).get(pool, 0)


def _with_capacity(found: SignalValues, target: Target) -> SignalValues | Absent:
    by_subject = {name: value for name, value in found.by_subject.items() if _capacity(target, name) > 0}
    unreadable = {name: why for name, why in found.unreadable.items() if _capacity(target, name) > 0}
    if by_subject or unreadable:
        return SignalValues(by_subject, unreadable)
    return Absent(
        f"No pool of the page has a capacity, such as {min((*found.by_subject, *found.unreadable), default='')}."
    )


def _seen(
    page: MetricsPage, found: SignalValues, history: PoolHistory, context: EvaluationContext[PoolLimits]
) -> PoolHistory:
    process, answered = follow(history.process, page, context)
    renewed = context.now if answered is Answered.NEW else history.renewed
    before = {} if answered is Answered.NEW else history.pools
    length, blocks = layout(context.limits.exhaustion_within, context.interval)
    pools = {
        name: before.get(name, Rise()).add(in_use, context.now, length, blocks)
        for name, in_use in found.by_subject.items()
    }
    # A pool that a page leaves out, such as one without a connection, is bridged like a look that was not made.
    gone = (name for name in before if name not in pools and is_bridged(before[name], context.now, length))
    pools |= {name: before[name] for name in islice(gone, MAX_SUBJECTS - len(pools))}
    return PoolHistory(pools, process, renewed)


def _full_at(rise: Rise, in_use: float, capacity: int, context: EvaluationContext[PoolLimits]) -> float | None:
    length, blocks = layout(context.limits.exhaustion_within, context.interval)
    if len(rise.means) < blocks or in_use * 2 <= capacity:
        return None
    left = meets(rise.means, length, capacity)
    return None if left is None else context.now + left


def _now(name: str, in_use: float, capacity: int, process: Process, limits: PoolLimits) -> Iterator[Verdict]:
    say = f"{in_use:g} of {capacity} connections of pool {name} are in use."
    for kind, bad in ((SATURATED, in_use / capacity > limits.saturated_ratio), (EXHAUSTED, in_use >= capacity)):
        yield kind.true(say, subject=name) if bad else all_clear(kind, process, name)


def _later(name: str, history: PoolHistory, full_at: float | None, context: EvaluationContext[PoolLimits]) -> Verdict:
    within, rise = context.limits.exhaustion_within, history.pools[name]
    length, blocks = layout(within, context.interval)
    if len(rise.means) < blocks:
        return PREDICTED.unknown(Unknown.WARMING_UP, _anew(len(rise.means) * length, history, rise, context), name)
    if full_at is None or full_at - context.now > within:
        return all_clear(PREDICTED, history.process, name)
    left = say_duration(full_at - context.now)
    return PREDICTED.true(f"Pool {name} has filled for {say_duration(within)} and is full in {left}.", subject=name)


def _anew(watched: float, history: PoolHistory, rise: Rise, context: EvaluationContext[PoolLimits]) -> str:
    is_new = history.renewed is not None and context.now - history.renewed <= context.limits.exhaustion_within
    if not (is_new or rise.anew):
        return ""
    return say_anew(watched, context.limits.exhaustion_within, "the process is new" if is_new else GAP)


def _samples(name: str, in_use: float, capacity: int, full_at: float | None) -> Iterator[Sample]:
    capacity_sample = shared_sample(CAPACITY, capacity, (name,))
    yield Sample(IN_USE, in_use, capacity_sample.labels)
    yield capacity_sample
    if full_at is not None:
        yield Sample(EXHAUSTION, full_at, (name,))


PROBE = Probe(
    name="pool",
    source="agent_metrics",
    conditions=(SATURATED, EXHAUSTED, PREDICTED),
    limits=PoolLimits,
    history=PoolHistory,
    judge=judge,
    metrics=(IN_USE, CAPACITY, EXHAUSTION),
    wants=lambda _: (POOL_IN_USE, *PROCESS),
)
