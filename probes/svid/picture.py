"""The lifetime of the served SVID as a bar: rotation due, expiry imminent, expired, and the last rotation."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from probes.contract import say_duration
from probes.contract.picture import Band, Bar, Level, Mark, Picture, PictureContext, Tone
from probes.readings.handshake import Handshake
from probes.readings.issuer import Issuer, Lifetime
from probes.svid.expiry import (
    SVID_EXPIRED,
    SVID_EXPIRY_IMMINENT,
    SVID_ROTATION_OVERDUE,
    falls_below,
    overdue_after,
)
from probes.svid.history import NOT_AFTER, NOT_BEFORE, SvidHistory, SvidLimits

_BEYOND = 0.08  # of the lifetime: what the axis shows after its end
_NOT_SEEN = "The latest probe result has no SVID; this is the newest one that was seen."

Context = PictureContext[SvidLimits]


class Stages(NamedTuple):
    """Of the lifetime of an SVID, in seconds from now."""

    start: float
    due: float  # less than `rotation_overdue_ratio` of it is left
    overdue: float  # that is judged from here on
    imminent: float
    end: float


def pictures(history: SvidHistory, context: Context) -> Iterator[Picture]:
    """One, where an SVID was ever seen; none while the watcher's own date is not believed: nothing is judged then."""
    served = served_lifetime(context) or Lifetime(*history.dates)
    if served.seconds <= 0 or context.clock_doubt:
        return
    life = on_the_axis(served, context)
    end = max(life.end, 0.0) + _BEYOND * served.seconds
    yield Picture(
        title="Lifetime of the served SVID",
        text=" ".join(_sentences(life, served, history, context)),
        conditions=(SVID_EXPIRED, SVID_EXPIRY_IMMINENT, SVID_ROTATION_OVERDUE),
        start=min(life.start, 0.0),
        end=end,
        bands=tuple(_bands(life, end)),
        marks=tuple(_marks(life, history, context)),
    )


def bars(_history: SvidHistory, context: Context) -> Iterator[Bar]:
    """What is left of the SVID that the newest look saw; nothing while the watcher's own date is not believed."""
    served = served_lifetime(context)
    if served is None or served.seconds <= 0 or context.clock_doubt:
        return
    life = on_the_axis(served, context)
    left = max(0.0, life.end)
    yield Bar(
        name="SVID",
        said=f"{say_duration(left)} of {say_duration(served.seconds)} left"
        if life.end >= 0
        else f"expired {say_duration(-life.end)} ago",
        value=left,
        full=served.seconds,
        levels=(
            Level("rotation overdue", life.end - life.overdue, Tone.WARNING),
            Level("expiry imminent", life.end - life.imminent, Tone.CRITICAL),
        ),
        tone=Tone.CRITICAL if life.overdue < 0 or life.imminent < 0 else Tone.PLAIN,
    )


def served_lifetime(context: Context) -> Lifetime | None:
    """Of the SVID that the newest look saw; None where it saw none, or is too old."""
    start, end = context.value(NOT_BEFORE), context.value(NOT_AFTER)
    return Lifetime(start, end) if start is not None and end is not None else None


def on_the_axis(served: Lifetime, context: Context) -> Stages:
    """When what becomes of it, by the limits."""
    limits = context.limits
    dates = (
        served.start,
        falls_below(served, limits.rotation_overdue_ratio),
        overdue_after(served, limits.rotation_overdue_ratio),
        falls_below(served, limits.expiry_imminent_ratio),
        served.end,
    )
    return Stages(*map(context.dated, dates))


def _bands(life: Stages, end: float) -> Iterator[Band]:
    begins = (
        ("valid, no rotation due", life.start, Tone.PLAIN),
        ("rotation due", min(life.due, life.imminent), Tone.WARNING),
        ("rotation overdue", min(life.overdue, life.imminent), Tone.CRITICAL),
        ("expiry imminent", life.imminent, Tone.CRITICAL),
        ("expired", life.end, Tone.CRITICAL),
    )
    ends = (*(begin for _, begin, _ in begins[1:]), end)
    for (name, begin, tone), until in zip(begins, ends, strict=True):
        if begin < until:
            yield Band(name, begin, until, tone)


def _marks(life: Stages, history: SvidHistory, context: Context) -> Iterator[Mark]:
    yield Mark("now", 0.0)
    rotated = context.since(history.last_rotation) if history.last_rotation is not None else None
    if rotated is not None and life.start <= rotated <= 0:
        yield Mark("last rotation", rotated)
    for each in _issuers(context):
        end = context.dated(each.lifetime.end)
        if life.start < end < life.end:
            yield Mark("CA expires" if each.authority else "intermediate expires", end)


def _issuers(context: Context) -> Sequence[Issuer]:
    return context.reading.issuers if isinstance(context.reading, Handshake) else ()


def _sentences(life: Stages, served: Lifetime, history: SvidHistory, context: Context) -> Iterator[str]:
    if served_lifetime(context) is None:
        yield _NOT_SEEN
    whole = say_duration(served.seconds)
    if life.end < 0:
        yield f"It expired {say_duration(-life.end)} ago, after a lifetime of {whole}."
    elif life.start > 0:
        yield f"It is not valid yet: its lifetime of {whole} begins in {say_duration(life.start)}."
    else:
        yield f"{say_duration(life.end)} of {whole} are left, {life.end / served.seconds:.0%}."
    if life.end >= 0:
        yield f"Rotation due {when(life.due)}, overdue {when(life.overdue)}; expiry imminent {when(life.imminent)}."
    yield from _rotations(history, context)


def when(at: float) -> str:
    """A moment in seconds from now, in words."""
    return f"in {say_duration(at)}" if at > 0 else f"for {say_duration(-at)}"


def _rotations(history: SvidHistory, context: Context) -> Iterator[str]:
    if history.last_rotation is None:
        yield "No rotation was seen yet."
        return
    left = "" if history.served.left is None else f", with {history.served.left:.0%} of the old lifetime left"
    yield f"The last rotation was seen {say_duration(-context.since(history.last_rotation))} ago{left}."
    if history.rotations > 1:
        yield f"{history.rotations} were seen since the watcher started."
