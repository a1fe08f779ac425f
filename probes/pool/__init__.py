"""Do the agent's connection pools run out?"""

from collections.abc import Iterator
from itertools import islice

from probes.contract import (
    Evaluation,
    EvaluationContext,
    Probe,
    Sample,
    Target,
    Unknown,
    Verdict,
    say_duration,
    shared_sample,
)
from probes.contract.signal import MAX_SUBJECTS, Absent, Row, Signal, SignalValues, unreported
from probes.history.counters import GAP, say_anew
from probes.history.process import PROCESS, Answered, Process, all_clear, follow
from probes.pool.history import (
    CAPACITY,
    EXHAUSTED,
    EXHAUSTION,
    IN_USE,
    PREDICTED,
    SATURATED,
    PoolHistory,
    PoolLimits,
    capacity_of,
)
from probes.pool.measured import measured
from probes.pool.picture import bars, pictures
from probes.pool.trend import Rise, is_bridged, layout, meets
from probes.readings.metrics_page import MetricsPage

__all__ = ["POOL_IN_USE", "PROBE", "PoolHistory", "PoolLimits", "judge"]

POOL_IN_USE = Signal(
    name="pool_in_use",
    unnamed="default",
    rows=(
        Row(metric="agentweave_connection_pool_active", subject=("pool",), summed=True),
        Row(metric="agentweave_active_connections", subject=("pool",), summed=True),
    ),
)


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
        capacity = capacity_of(context.target, name)
        full_at = _full_at(history.pools[name], in_use, capacity, context)
        verdicts += _now(name, in_use, capacity, history.process, context.limits)
        verdicts.append(_later(name, history, full_at, context))
        samples += _samples(name, in_use, capacity, full_at)
    for name, why in found.unreadable.items():
        verdicts += [kind.unknown(Unknown.MALFORMED, why, name) for kind in PROBE.conditions]
    return Evaluation(verdicts=tuple(verdicts), history=history, samples=tuple(samples))


def _with_capacity(found: SignalValues, target: Target) -> SignalValues | Absent:
    by_subject = {name: value for name, value in found.by_subject.items() if capacity_of(target, name) > 0}
    unreadable = {name: why for name, why in found.unreadable.items() if capacity_of(target, name) > 0}
    if by_subject or unreadable:
        return SignalValues(by_subject, unreadable)
    return Absent(
        f"No pool of the metrics endpoint has a capacity, such as "
        f"{min((*found.by_subject, *found.unreadable), default='')}."
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
    pictures=pictures,
    bars=bars,
    measured=measured,
)
