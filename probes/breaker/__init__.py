"""Does a circuit breaker of the agent stay open, or open again and again?"""

from collections.abc import Iterator

from probes.breaker.conditions import BREAKER_FLAPPING, BREAKER_OPEN, OPEN_SINCE, STATE, TRANSITIONS
from probes.breaker.measured import measured
from probes.breaker.picture import pictures
from probes.breaker.transitions import BREAKER_STATE, HALF_OPEN, STATES, BreakerHistory, BreakerLimits, Callee, seen
from probes.contract import (
    Evaluation,
    EvaluationContext,
    Probe,
    Sample,
    Unknown,
    Verdict,
    say_duration,
    shared_sample,
)
from probes.contract.signal import REQUESTS, SignalValues, unreported
from probes.history.process import PROCESS, in_turn
from probes.readings.metrics_page import MetricsPage

__all__ = ["PROBE", "judge"]


def judge(
    page: MetricsPage, history: BreakerHistory, context: EvaluationContext[BreakerLimits]
) -> Evaluation[BreakerHistory]:
    """Judge one page."""
    if page.error:
        return Evaluation(verdicts=PROBE.all_unknown(context.target, Unknown.SOURCE_FAILED), history=history)
    found = page.values(BREAKER_STATE)
    if not isinstance(found, SignalValues):
        missing = [verdict for kind in PROBE.conditions for verdict in unreported(kind, found, context.limits)]
        return Evaluation(verdicts=tuple(missing), history=history)
    history = seen(page, found, history, context)
    verdicts: list[Verdict] = []
    samples: list[Sample] = []
    for name in found.by_subject:
        verdicts += (_open(name, history, context), _flapping(name, history, context))
        samples += _samples(name, history.callees[name])
    for name, why in found.unreadable.items():
        verdicts += [kind.unknown(Unknown.MALFORMED, why, name) for kind in PROBE.conditions]
    return Evaluation(verdicts=tuple(verdicts), history=history, samples=tuple(samples))


def _open(name: str, history: BreakerHistory, context: EvaluationContext[BreakerLimits]) -> Verdict:
    callee = history.callees[name]
    held = context.now - callee.since if callee.since is not None else None
    say = f"The circuit breaker for {name or 'all calls'} is {STATES[callee.state]}"
    if held is not None and held >= context.limits.open_for:
        return BREAKER_OPEN.true(
            f"{say}, not closed for {say_duration(held)}.", _reason(callee, history, context), name
        )
    if _processes_differ(callee, history, context):
        return in_turn(BREAKER_OPEN, name)
    if held is None or callee.sure:
        return BREAKER_OPEN.false(name)
    why = Unknown.NOT_HELD_YET if context.once else Unknown.WARMING_UP
    return BREAKER_OPEN.unknown(why, f"{say}; since when is not known yet.", name)


def _processes_differ(callee: Callee, history: BreakerHistory, context: EvaluationContext[BreakerLimits]) -> bool:
    """Whether several processes answer in turn, each with a state of its own: one that is closed closes no other."""
    lately = callee.differed is not None and context.now - callee.differed <= context.limits.flapping_window
    return lately and history.process.in_turn


def _reason(callee: Callee, history: BreakerHistory, context: EvaluationContext[BreakerLimits]) -> str:
    if callee.state == HALF_OPEN:
        return "HalfOpen"
    still_for = context.now - history.moved if history.requests is not None else 0
    return "OpenIdle" if still_for > 0 and still_for >= context.limits.open_for else "Open"


def _flapping(name: str, history: BreakerHistory, context: EvaluationContext[BreakerLimits]) -> Verdict:
    callee, window = history.callees[name], context.limits.flapping_window
    count = len(callee.opened)
    if _processes_differ(callee, history, context):  # what was counted before that was known may be no transition
        return in_turn(BREAKER_FLAPPING, name)
    if count > context.limits.flapping_transitions:
        return BREAKER_FLAPPING.true(f"Opened at least {count} times within {say_duration(window)}.", subject=name)
    if context.now - history.watched < window:
        return BREAKER_FLAPPING.unknown(Unknown.WARMING_UP, subject=name)
    return BREAKER_FLAPPING.false(name)


def _samples(name: str, callee: Callee) -> Iterator[Sample]:
    yield shared_sample(STATE, 1, (name, STATES[callee.state]))
    for state, count in zip(STATES, callee.to, strict=True):
        yield shared_sample(TRANSITIONS, count, (name, state))
    if callee.since is not None:
        yield Sample(OPEN_SINCE, callee.since, (name,))


PROBE = Probe(
    name="breaker",
    source="agent_metrics",
    conditions=(BREAKER_OPEN, BREAKER_FLAPPING),
    limits=BreakerLimits,
    history=BreakerHistory,
    judge=judge,
    metrics=(STATE, TRANSITIONS, OPEN_SINCE),
    wants=lambda _: (BREAKER_STATE, *PROCESS, REQUESTS),
    pictures=pictures,
    measured=measured,
)
