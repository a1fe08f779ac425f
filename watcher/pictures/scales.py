"""Scales: where round values and times stand on an axis, and how they are written there."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from probes.contract.picture import Unit

_TICKS = 5  # of values; a few fewer where that makes them round
_TIMES = 5
_LEAST, _MOST = 1e-12, 1e300  # of an axis of values: steps between are numbers, too
_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_STEPS = (
    *(1, 2, 5, 10, 15, 30),
    *(each * _MINUTE for each in (1, 2, 5, 10, 15, 30)),
    *(each * _HOUR for each in (1, 2, 3, 6, 12)),
    *(each * _DAY for each in (1, 2, 7, 14, 30, 90, 365)),
)


class Scale(NamedTuple):
    """From values to places in a picture, on a straight line."""

    first: float
    last: float
    near: float  # the place of the first
    far: float

    def __call__(self, value: float) -> float:
        """The place of a value; of one beyond the ends, the end."""
        share = (value - self.first) / (self.last - self.first) if self.last > self.first else 0.0
        return self.near + (self.far - self.near) * min(1.0, max(0.0, share))


class Tick(NamedTuple):
    """A value and its words."""

    value: float
    said: str


def value_ticks(top: float, unit: Unit) -> list[Tick]:
    """Round values from 0 up to `top`, which is more than 0."""
    size, named = _part(top, unit)
    step = _round_step(top / size / (_TICKS - 1), binary=unit is Unit.BYTES) * size
    if unit is Unit.CONNECTIONS:
        step = max(1.0, step)
    return [Tick(at * step, f"{at * step / size:g}{named}") for at in range(math.floor(top / step + 1e-9) + 1)]


def _part(top: float, unit: Unit) -> tuple[float, str]:
    """The size of what is counted on the axis, and its name behind each number."""
    if unit is Unit.BYTES:
        power = min(4, max(0, math.floor(math.log2(top) / 10))) if top >= 1 else 0
        return 1024.0**power, (" B", " KiB", " MiB", " GiB", " TiB")[power]
    return (0.01, " %") if unit is Unit.SHARE else (1.0, "")


def _round_step(least: float, *, binary: bool) -> float:
    if binary and least >= 1:
        return 2.0 ** math.ceil(math.log2(least))
    power = 10.0 ** math.floor(math.log10(least))
    return next(each * power for each in (1, 2, 5, 10, 20) if each * power >= least * (1 - 1e-9))


def time_ticks(start: float, end: float) -> list[Tick]:
    """Round times between two moments, in seconds from now; 0 is now."""
    least = (end - start) / _TIMES
    step = next((each for each in _STEPS if each >= least), 0.0) or 365 * _DAY * math.ceil(least / (365 * _DAY))
    first, last = math.ceil(start / step - 1e-9), math.floor(end / step + 1e-9)
    return [Tick(at * step, _said(at * step, step)) for at in range(first, last + 1)]


def _said(seconds: float, step: float) -> str:
    if not seconds:
        return "now"
    size, named = next(each for each in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min"), (1.0, "s")) if step >= each[0])
    return f"{'+' if seconds > 0 else '-'}{abs(seconds) / size:g} {named}"


def top_of(values: Sequence[float]) -> float:
    """Where an axis of values ends, so that the highest is below it, as far as an axis reaches."""
    top = min(max(values, default=0.0), _MOST) * 1.08
    return top if top > _LEAST else 1.0
