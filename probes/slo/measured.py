"""What was measured of requests for each condition that passes: how many, how many failed, how long they took."""

from collections.abc import Iterator

from probes.contract import say_duration
from probes.contract.picture import Measured, PictureContext
from probes.slo.durations import P95
from probes.slo.history import ERROR_RATE, ERROR_RATIO, LATENCY, LATENCY_P95, SLOW_RATIO, SLOHistory, SLOLimits
from probes.slo.picture import Judged, ended, say, timed

Context = PictureContext[SLOLimits]


def measured(history: SLOHistory, context: Context) -> Iterator[Measured]:
    """Over the window that ends at the newest look; nothing while that is not full."""
    if (found := ended(history, context)) is not None:
        yield Measured(ERROR_RATE, _few(found, context) or _errors(found, context))
    if (found := timed(history, context)) is not None:
        yield Measured(LATENCY, _few(found, context) or _latency(found, context))


def _few(found: Judged, context: Context) -> str:
    least = context.limits.least_requests
    return "" if found.requests >= least else f"Seen: {_count(found)}; they are judged from {least} on."


def _errors(found: Judged, context: Context) -> str:
    errors, limit = context.value(ERROR_RATIO), f"{context.limits.error_ratio:.1%}"
    if errors is None:
        return f"Seen: {_count(found)}."
    return f"{errors:.1%} of {_count(found)} failed, the limit is {limit}."


def _latency(found: Judged, context: Context) -> str:
    p95, slow, limit = context.value(LATENCY_P95), context.value(SLOW_RATIO), say(context.limits.p95_limit)
    if p95 is not None:
        return f"The p95 of {_count(found)} is {say(p95)}, the limit {limit}."
    if slow is None:
        return f"Seen: {_count(found)}; the limit of their p95 is {limit}."
    return f"{slow:.1%} of {_count(found)} took longer than {limit}, {1 - P95:.0%} may."


def _count(found: Judged) -> str:
    return f"{found.requests:,.0f} request{'' if found.requests == 1 else 's'} over {say_duration(found.seconds)}"
