"""The states of each circuit breaker over `flapping_window`, as far as they are remembered: openings, since when."""

from collections.abc import Iterator
from typing import NamedTuple

from probes.breaker.conditions import BREAKER_FLAPPING, BREAKER_OPEN, STATE
from probes.breaker.transitions import CLOSED, STATES, BreakerHistory, BreakerLimits, Callee
from probes.contract import say_duration
from probes.contract.picture import Band, Mark, Picture, PictureContext, Tone
from probes.history.process import IN_TURN

Context = PictureContext[BreakerLimits]


class _Seen(NamedTuple):
    """Of one breaker, in seconds from now."""

    start: float  # of what is known
    end: float  # the newest look that told anything
    opened: tuple[float, ...]
    not_closed: float | None  # since then


def pictures(history: BreakerHistory, context: Context) -> Iterator[Picture]:
    """One for each callee; first those that are not closed, then those that opened most often."""

    def calmness(name: str) -> tuple[bool, int, str]:
        callee = history.callees[name]
        return callee.state == CLOSED, -len(callee.opened), name

    if history.at is not None:
        for name in sorted(_shown(history, context), key=calmness):
            yield _picture(name, history.callees[name], history, context)


def _shown(history: BreakerHistory, context: Context) -> set[str]:
    """Without those that the newest look could not read: until when they were as they are remembered is not kept."""
    if history.at != context.looked:
        return {*history.callees}
    return {each.labels[0] for each in context.samples if each.metric is STATE} & history.callees.keys()


def _picture(name: str, callee: Callee, history: BreakerHistory, context: Context) -> Picture:
    seen = _seen(callee, history, context)
    return Picture(
        title="States of a circuit breaker",
        subject=name,
        text=" ".join(_sentences(callee, seen, history, context)),
        conditions=(BREAKER_OPEN, BREAKER_FLAPPING),
        start=-context.limits.flapping_window,
        end=0.0,
        bands=tuple(_bands(callee, seen, context)),
        marks=tuple(Mark("opened", each) for each in seen.opened),
    )


def _seen(callee: Callee, history: BreakerHistory, context: Context) -> _Seen:
    window = context.limits.flapping_window
    start = max(-window, context.since(history.watched), _began(history, context))
    opened = tuple(at for each in callee.opened if start <= (at := context.since(each)) <= 0)
    if len(callee.opened) > context.limits.flapping_transitions and opened:
        start = opened[0]  # no more are kept, so of the time before nothing is known
    since = context.since(callee.since) if callee.since is not None else None
    return _Seen(start, context.since(history.at or 0.0), opened, since)


def _began(history: BreakerHistory, context: Context) -> float:
    """When the process began: what an older one went through is not remembered, so of then nothing is known."""
    started = history.process.started
    if started is None or history.process.in_turn:
        return -context.limits.flapping_window
    return min(0.0, context.dated(started))


def _bands(callee: Callee, seen: _Seen, context: Context) -> Iterator[Band]:
    not_closed = seen.end if seen.not_closed is None else max(seen.not_closed, -context.limits.flapping_window)
    first = min([*seen.opened, not_closed, seen.end])
    spans = (
        ("no opening was seen", seen.start, first, Tone.PLAIN),
        ("opened; when it closed again is not kept", first, not_closed, Tone.UNKNOWN),
        (f"not closed, now {state_of(callee)}", not_closed, seen.end, Tone.CRITICAL),
    )
    for name, start, end, tone in spans:
        if start < end:
            yield Band(name, start, end, tone)


def state_of(callee: Callee) -> str:
    """What it is now, for people."""
    return STATES[callee.state].replace("_", "-")


def times(count: int) -> str:
    """How often, in words."""
    return {0: "never", 1: "once"}.get(count, f"{count} times")


def _sentences(callee: Callee, seen: _Seen, history: BreakerHistory, context: Context) -> Iterator[str]:
    if seen.not_closed is None and not callee.opened:
        yield f"It is closed, and no opening was seen for {say_duration(seen.end - seen.start)}."
    elif seen.not_closed is None:
        yield "It is closed."
    else:
        least = "" if callee.sure else "at least "
        yield f"It is {state_of(callee)}, and has not been closed for {least}{say_duration(-seen.not_closed)}."
    count, window = len(callee.opened), say_duration(context.limits.flapping_window)
    more = count > context.limits.flapping_transitions
    if count or seen.not_closed is not None:
        yield (
            f"It opened {'at least ' if more else ''}{times(count)} within {window}."
            if count
            else "No opening was seen."
        )
    if seen.start > -context.limits.flapping_window and not more:
        yield f"It is known for {say_duration(-seen.start)} of the {window} that are shown."
    if history.process.in_turn:
        yield IN_TURN
