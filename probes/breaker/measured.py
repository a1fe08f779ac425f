"""What was measured for each condition of a circuit breaker that passes: its state, and how often it opened."""

from collections.abc import Iterator

from probes.breaker.conditions import BREAKER_FLAPPING, BREAKER_OPEN
from probes.breaker.picture import state_of, times
from probes.breaker.transitions import BreakerHistory, BreakerLimits, Callee
from probes.contract import say_duration
from probes.contract.picture import Measured, PictureContext

Context = PictureContext[BreakerLimits]


def measured(history: BreakerHistory, context: Context) -> Iterator[Measured]:
    """Of each callee that the newest look saw, or one before it."""
    if context.stale:
        return
    window, limit = context.limits.flapping_window, context.limits.flapping_transitions
    for name, callee in history.callees.items():
        count = sum(context.now - at <= window for at in callee.opened)
        yield Measured(BREAKER_OPEN, _state(callee, context), name)
        said = f"It opened {times(count)} within {say_duration(window)}; more than {limit} are too many."
        yield Measured(BREAKER_FLAPPING, said, name)


def _state(callee: Callee, context: Context) -> str:
    if callee.since is None:
        return f"It was seen closed {say_duration(-context.age)} ago."
    held, limit = say_duration(-context.since(callee.since)), say_duration(context.limits.open_for)
    return f"It is {state_of(callee)}, not closed for {held}; the limit is {limit}."
