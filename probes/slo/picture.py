"""Requests and errors over `window`, part by part as they are remembered; error ratio and p95 beside their limits."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from probes.contract import say_duration
from probes.contract.picture import Bar, Level, Picture, PictureContext, Series, Tone, Unit
from probes.history.counters import Growth, Part, beginning, steps
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
        start = beginning(failed or took, context.limits.window, context.interval, context.now)
        found = ended(history, context) or timed(history, context)
        yield Picture(
            title="Requests a second",
            text=" ".join(_sentences(found, history, context)),
            conditions=(ERROR_RATE, LATENCY),
            start=start,
            end=0.0,
            unit=Unit.PER_SECOND,
            series=tuple(_lines(failed, took, history, (start, context.now))),
            bars=tuple(_bars(found, context)),
        )


def _lines(
    failed: Sequence[Part], took: Sequence[Part], history: SLOHistory, axis: tuple[float, float]
) -> Iterator[Series]:
    if failed:
        yield Series("requests", steps(failed, 0, *axis))
        yield Series("errors", steps(failed, 1, *axis), tone=Tone.CRITICAL)
        if any(part.by[2] for part in failed):
            yield Series("ended with an unknown status", steps(failed, 2, *axis), tone=Tone.UNKNOWN)
    else:
        yield Series("requests", steps(took, _all(history), *axis))


def _all(history: SLOHistory) -> int:
    """Which counter of what requests took counts all: of buckets the last."""
    return -1 if history.bounds else 0


def _bars(found: "Judged | None", context: Context) -> Iterator[Bar]:
    limits, errors, p95 = context.limits, context.value(ERROR_RATIO), context.value(LATENCY_P95)
    slow, enough = context.value(SLOW_RATIO), found is not None and found.requests >= context.limits.least_requests
    if errors is not None:
        yield _bar("errors", f"{errors:.1%}", errors, limits.error_ratio, f"{limits.error_ratio:.1%}", enough=enough)
    if p95 is not None:
        yield _bar("p95", say(p95), p95, limits.p95_limit, say(limits.p95_limit), enough=enough)
    elif slow is not None:
        name = f"slower than {say(limits.p95_limit)}"
        yield _bar(name, f"{slow:.1%}", slow, 1 - P95, f"{1 - P95:.1%}", enough=enough)


def _bar(name: str, said: str, value: float, limit: float, limit_said: str, *, enough: bool) -> Bar:
    return Bar(
        name=name,
        said=f"{said}, limit {limit_said}",
        value=value,
        full=max(2 * limit, value),
        levels=(Level("limit", limit, Tone.CRITICAL),),
        tone=Tone.CRITICAL if enough and value > limit else Tone.PLAIN,
    )


class Judged(NamedTuple):
    """What is judged over a window that is full."""

    requests: float
    seconds: float


def ended(history: SLOHistory, context: Context) -> Judged | None:
    """The requests of which it is seen how they ended; None while the window is not full, or too long ago."""
    return _over(history.failed, 0, context)


def timed(history: SLOHistory, context: Context) -> Judged | None:
    """The same of those of which it is seen how long they took."""
    return _over(history.took, _all(history), context)


def _over(seen: Growth, counter: int, context: Context) -> Judged | None:
    grown = seen.over(context.limits.window, context.interval)
    return None if grown is None or context.value(REQUEST_RATE) is None else Judged(grown.by[counter], grown.seconds)


def _sentences(found: Judged | None, history: SLOHistory, context: Context) -> Iterator[str]:
    if found is None:
        yield f"The last {say_duration(context.limits.window)} cannot be judged."
    else:
        yield f"{found.requests:,.0f} requests over {say_duration(found.seconds)}."
        if found.requests < context.limits.least_requests:
            yield f"They are judged from {context.limits.least_requests} requests on."
    yield from (f"{bar.name.capitalize()}: {bar.said}." for bar in _bars(found, context))
    if history.process.in_turn:
        yield IN_TURN


def say(seconds: float) -> str:
    """How long requests take, in words: to a tenth of a second from one on."""
    return say_duration(seconds) if seconds < 1 else f"{seconds:.1f}s"
