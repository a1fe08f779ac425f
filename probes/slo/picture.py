"""Requests and errors over `window`, part by part as they are remembered; error ratio and p95 beside their limits."""

from collections.abc import Iterator, Sequence

from probes.contract import say_duration
from probes.contract.picture import Bar, Level, Picture, PictureContext, Point, Series, Tone, Unit
from probes.history.counters import Part, steps
from probes.history.process import IN_TURN
from probes.slo.durations import P95
from probes.slo.history import (
    ERROR_RATE,
    ERROR_RATIO,
    LATENCY,
    LATENCY_P95,
    REQUEST_RATE,
    SLOW_RATIO,
    SLOHistory,
    SLOLimits,
)

Context = PictureContext[SLOLimits]


def pictures(history: SLOHistory, context: Context) -> Iterator[Picture]:
    """One, where requests were ever counted."""
    failed, took = history.failed.all_parts(), history.took.all_parts()
    if failed or took:
        yield Picture(
            title="Requests",
            text=" ".join(_sentences(history, context)),
            conditions=(ERROR_RATE, LATENCY),
            start=-context.limits.window,
            end=0.0,
            unit=Unit.PER_SECOND,
            series=tuple(_lines(failed, took, history, context)),
            bars=tuple(_bars(_requests(history, context), context)),
        )


def _lines(failed: Sequence[Part], took: Sequence[Part], history: SLOHistory, context: Context) -> Iterator[Series]:
    if failed:
        yield Series("requests", _steps(failed, 0, context))
        yield Series("errors", _steps(failed, 1, context), tone=Tone.CRITICAL)
        if any(part.by[2] for part in failed):
            yield Series("ended in a way that cannot be told", _steps(failed, 2, context), tone=Tone.UNKNOWN)
    else:  # of buckets the last counts all
        yield Series("requests", _steps(took, -1 if history.bounds else 0, context))


def _steps(parts: Sequence[Part], counter: int, context: Context) -> tuple[Point, ...]:
    return steps(parts, counter, -context.limits.window, context.now)


def _bars(requests: float | None, context: Context) -> Iterator[Bar]:
    limits, errors, p95 = context.limits, context.value(ERROR_RATIO), context.value(LATENCY_P95)
    slow, judged = context.value(SLOW_RATIO), requests is not None and requests >= context.limits.least_requests
    if errors is not None:
        yield _bar("errors", f"{errors:.1%}", errors, limits.error_ratio, f"{limits.error_ratio:.1%}", judged=judged)
    if p95 is not None:
        yield _bar("p95", _say(p95), p95, limits.p95_limit, _say(limits.p95_limit), judged=judged)
    elif slow is not None:
        name = f"slower than {_say(limits.p95_limit)}"
        yield _bar(name, f"{slow:.1%}", slow, 1 - P95, f"{1 - P95:.1%}", judged=judged)


def _bar(name: str, said: str, value: float, limit: float, limit_said: str, *, judged: bool) -> Bar:
    return Bar(
        name=name,
        said=f"{said}, limit {limit_said}",
        value=value,
        full=max(2 * limit, value),
        levels=(Level("limit", limit, Tone.CRITICAL),),
        tone=Tone.CRITICAL if judged and value > limit else Tone.PLAIN,
    )


def _requests(history: SLOHistory, context: Context) -> float | None:
    """How many there were over the window, as they are judged; None while it is not full, or too long ago."""
    if context.value(REQUEST_RATE) is None:
        return None
    failed, took = (each.over(context.limits.window, context.interval) for each in (history.failed, history.took))
    if failed is not None:
        return failed.by[0]
    return None if took is None else took.by[-1 if history.bounds else 0]


def _sentences(history: SLOHistory, context: Context) -> Iterator[str]:
    requests, window = _requests(history, context), say_duration(context.limits.window)
    if requests is None:
        yield f"What the last {window} were like cannot be told yet, or not any more."
    else:
        yield f"{requests:,.0f} requests over {window}."
        if requests < context.limits.least_requests:
            yield f"They are judged from {context.limits.least_requests} requests on."
    yield from (f"{bar.name.capitalize()}: {bar.said}." for bar in _bars(requests, context))
    if history.process.in_turn:
        yield IN_TURN


def _say(seconds: float) -> str:
    return say_duration(seconds) if seconds < 1 else f"{seconds:.1f}s"
