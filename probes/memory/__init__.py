"""Does the agent's memory come near its limit, or rise towards it for good?"""

from dataclasses import replace
from functools import lru_cache

from probes.contract import (
    ConditionKind,
    Evaluation,
    EvaluationContext,
    Probe,
    Sample,
    Unknown,
    Verdict,
    say_bytes,
    say_duration,
    shared_sample,
)
from probes.contract.signal import Absent, Row, Signal, Unreadable, unreported
from probes.history.process import PROCESS, Answered, Followed, all_clear, follow
from probes.memory.drift import BLOCK, LEAST_FOR_DRIFT, LEAST_FOR_EXHAUSTION, Exhaustion, drift, exhaustion
from probes.memory.floors import extended, levels
from probes.memory.history import (
    DRIFT,
    FULL_AT,
    HIGH,
    LIMIT_BYTES,
    PREDICTED,
    RSS_BYTES,
    SLOPE,
    MemoryHistory,
    MemoryLimits,
)
from probes.memory.measured import measured
from probes.memory.picture import bars, pictures
from probes.readings.metrics_page import MetricsPage

__all__ = ["PROBE", "RSS", "MemoryHistory", "MemoryLimits", "judge", "remember"]

RSS = Signal(name="memory", rows=(Row(metric="process_resident_memory_bytes"),))

_BRIDGED = 18
"""Blocks without a look that are filled in: three hours. After a longer pause the history starts anew."""


_PATIENCE = 2  # blocks
_RECENT = 6  # blocks: an hour
_STAYS = 0.98


def judge(
    page: MetricsPage, history: MemoryHistory, context: EvaluationContext[MemoryLimits]
) -> Evaluation[MemoryHistory]:
    """Judge one page; the history is judged when a block of ten minutes ends."""
    if page.error:
        return Evaluation(verdicts=PROBE.all_unknown(context.target, Unknown.SOURCE_FAILED), history=history)
    rss, followed = page.value(RSS), follow(history.process, page, context)
    if isinstance(rss, Absent | Unreadable):
        kinds = PROBE.applicable(context.target)
        return Evaluation(
            verdicts=tuple(each for kind in kinds for each in unreported(kind, rss, context.limits)), history=history
        )
    history = remember(rss, followed, history, context)
    limit = context.target.memory_limit
    if not limit:
        return Evaluation(verdicts=(_drift(history, context),), history=history, samples=_samples(rss, None, history))
    verdicts = (
        _high(rss, limit, history, context.limits),
        _drift(history, context),
        _predicted(history, limit, context),
    )
    return Evaluation(verdicts=verdicts, history=history, samples=_samples(rss, limit, history))


def remember(
    rss: float, followed: Followed, history: MemoryHistory, context: EvaluationContext[MemoryLimits]
) -> MemoryHistory:
    """The history with `rss` bytes more, of the process that answered; a new process has none."""
    block = int(context.now // BLOCK)
    passed = block - history.block
    process = followed.process
    if followed.answered is Answered.NEW or not history.block or passed > _BRIDGED:
        return MemoryHistory(block=block, lowest=rss, process=process)
    if passed <= 0:  # also where the clock went back: time that was counted is not counted again
        return replace(history, process=process, lowest=min(rss, history.lowest))
    floors = extended(history.floors, history.lowest, rss, passed)
    return _judged(replace(history, floors=floors, block=block, lowest=rss, process=process), levels(floors), context)


def _judged(history: MemoryHistory, floors: list[float], context: EvaluationContext[MemoryLimits]) -> MemoryHistory:
    slope, end = drift(floors), None
    if context.target.memory_limit:
        end = exhaustion(floors, context.target.memory_limit, context.limits.exhaustion_within)
    # A forecast wavers with every block; while memory stays where it came to, one that is missing ends nothing.
    stays = end is None and history.missed < _PATIENCE and floors[-1] >= _STAYS * max(floors[-_RECENT:])
    full_at = context.now + end.left if end is not None else history.full_at if stays else None
    since = history.rising_since if history.rising_since is not None else context.now
    return replace(
        history,
        rising_since=None if slope is None else since,
        slope=slope if slope is not None else history.slope if stays and full_at is not None else _slope_of(end),
        full_at=full_at,
        missed=history.missed + 1 if stays else 0,
    )


def _slope_of(end: Exhaustion | None) -> float | None:
    return None if end is None else end.slope


def _high(rss: float, limit: int, history: MemoryHistory, limits: MemoryLimits) -> Verdict:
    if rss / limit <= limits.high_ratio:
        return all_clear(HIGH, history.process)
    return HIGH.true(
        lambda: (
            f"One process of the agent holds {say_bytes(rss)}, {rss / limit:.0%} of the limit of {say_bytes(limit)}."
        )
    )


def _drift(history: MemoryHistory, context: EvaluationContext[MemoryLimits]) -> Verdict:
    if history.blocks < LEAST_FOR_DRIFT:
        return _too_early(DRIFT, history.blocks, LEAST_FOR_DRIFT)
    if history.rising_since is None or history.slope is None:
        return all_clear(DRIFT, history.process)
    held, slope = context.now - history.rising_since, history.slope
    if held < context.limits.drift_hold:
        young = all_clear(DRIFT, history.process, remark=_LATELY)
        return DRIFT.unknown(Unknown.NOT_HELD_YET) if context.once else young
    return DRIFT.true(
        lambda: (
            f"The floor of one process's memory rises by {say_bytes(slope * 3600)} an hour, day over day; "
            f"this was first seen {say_duration(held)} ago."
        )
    )


_LATELY = "By now it rises."


@lru_cache(maxsize=512)  # of 10,000 agents most have equally much
def _too_early(kind: ConditionKind, blocks: int, least: int) -> Verdict:
    have, want = say_duration(blocks * BLOCK) if blocks else "none", say_duration(least * BLOCK)
    return kind.unknown(Unknown.WARMING_UP, f"Has {have} of the {want} of one process that it needs.")


def _predicted(history: MemoryHistory, limit: int, context: EvaluationContext[MemoryLimits]) -> Verdict:
    if history.blocks < LEAST_FOR_EXHAUSTION:
        return _too_early(PREDICTED, history.blocks, LEAST_FOR_EXHAUSTION)
    if history.full_at is None or history.slope is None:
        return all_clear(PREDICTED, history.process)
    left, slope = history.full_at - context.now, history.slope
    when = (
        f"reaches the limit of {say_bytes(limit)} in {say_duration(left)}"
        if left > 0
        else "should have reached its limit by now"
    )
    return PREDICTED.true(
        lambda: (
            f"The memory of one process rises by {say_bytes(slope * 3600)} an hour without slowing down, and {when}."
        )
    )


def _samples(rss: float, limit: int | None, history: MemoryHistory) -> tuple[Sample, ...]:
    values = ((RSS_BYTES, rss), (SLOPE, history.slope), (FULL_AT, history.full_at))
    found = tuple(Sample(metric, value) for metric, value in values if value is not None)
    return found if limit is None else (*found, shared_sample(LIMIT_BYTES, limit))


PROBE = Probe(
    name="memory",
    source="agent_metrics",
    conditions=(HIGH, DRIFT, PREDICTED),
    limits=MemoryLimits,
    history=MemoryHistory,
    judge=judge,
    metrics=(RSS_BYTES, LIMIT_BYTES, SLOPE, FULL_AT),
    wants=lambda _: (RSS, *PROCESS),
    pictures=pictures,
    bars=bars,
    measured=measured,
)
