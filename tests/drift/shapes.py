"""How the memory of a process may go, as a share of its size at the start, by the minute."""

import math
from collections.abc import Callable
from random import Random

Shape = Callable[[Random], Callable[[float], float]]
"""Draws its parameters, and gives what is added to 1 at a minute of the process's life."""

_DAY = 1440.0


def flat(_: Random) -> Callable[[float], float]:
    return lambda _: 0.0


def sawtooth(rng: Random, low: float = 0.33, high: float = 1.5, size: float = 0.3) -> Callable[[float], float]:
    """A garbage collector: hours from one collection to the next, and what it collects."""
    period, phase, amplitude = rng.uniform(low, high) * 60, rng.random(), size * rng.uniform(0.5, 1)
    return lambda minute: amplitude * ((minute / period + phase) % 1)


def rare_collection(rng: Random) -> Callable[[float], float]:
    return sawtooth(rng, 4, 8, 0.5)


def steps(rng: Random, count: int = 1) -> Callable[[float], float]:
    """Reloads within one process: each makes it larger for good."""
    made = [(rng.uniform(8 * 60, 7 * _DAY), rng.uniform(0.1, 0.3)) for _ in range(count)]
    return lambda minute: sum(size for at, size in made if minute > at)


def warm_up(rng: Random) -> Callable[[float], float]:
    slowness = rng.uniform(0.3, 2) * 60
    return lambda minute: -0.4 * math.exp(-minute / slowness)


def daily(rng: Random, size: float = 0.15) -> Callable[[float], float]:
    offset = rng.uniform(0, _DAY)
    return lambda minute: size * math.sin(2 * math.pi * (minute - offset) / _DAY)


def daily_30(rng: Random) -> Callable[[float], float]:
    return daily(rng, 0.3)


def working_hours(rng: Random) -> Callable[[float], float]:
    """Half as large again from eight to five."""
    offset = rng.uniform(0, _DAY)

    def at(minute: float) -> float:
        hour = (minute + offset) / 60 % 24
        return 0.5 * max(0.0, min(1.0, (hour - 8) / 2, (19 - hour) / 3))

    return at


def weekdays(rng: Random) -> Callable[[float], float]:
    """A daily rhythm that is strong on five days and weak on two."""
    offset, size, phase = rng.uniform(0, 7) * _DAY, rng.uniform(0.15, 0.3), rng.uniform(0, _DAY)

    def at(minute: float) -> float:
        busy = 1.0 if (minute + offset) / _DAY % 7 < 5 else 0.3
        return size * busy * math.sin(2 * math.pi * (minute + offset - phase) / _DAY)

    return at


def weekday_level(rng: Random) -> Callable[[float], float]:
    """A daily rhythm, on a higher level on five days of the week."""
    offset, size, rhythm = rng.uniform(0, 7) * _DAY, rng.uniform(0.15, 0.3), daily(rng, 0.1)
    return lambda minute: rhythm(minute) + (size if (minute + offset) / _DAY % 7 < 5 else 0.0)


def cache(rng: Random) -> Callable[[float], float]:
    """A cache that fills for hours or a day, slower and slower."""
    size, slowness = rng.uniform(0.2, 0.8), rng.uniform(4, 24) * 60
    return lambda minute: size * (1 - math.exp(-minute / slowness))


def ratchet(rng: Random) -> Callable[[float], float]:
    """A heap that malloc never gives back: small steps, rarer and rarer."""
    count = sum(rng.random() < 0.35 for _ in range(20))
    made = [(60 * math.exp(rng.uniform(math.log(0.1), math.log(72))), rng.uniform(0.01, 0.06)) for _ in range(count)]
    return lambda minute: sum(size for at, size in made if minute > at)


def leak(percent: float) -> Shape:
    """So many percent of the size at the start an hour, from the start."""
    return lambda _: lambda minute: percent / 100 * minute / 60


def together(*shapes: Shape) -> Shape:
    """The sum of several."""

    def drawn(rng: Random) -> Callable[[float], float]:
        parts = [shape(rng) for shape in shapes]
        return lambda minute: sum(part(minute) for part in parts)

    return drawn


def small_saw(rng: Random) -> Callable[[float], float]:
    return sawtooth(rng, size=0.15)


LEAK_FREE: dict[str, Shape] = {
    "flat": flat,
    "GC sawtooth": sawtooth,
    "rare full GC": rare_collection,
    "one step": steps,
    "three steps, sawtooth": together(lambda rng: steps(rng, 3), sawtooth),
    "warm-up, sawtooth": together(warm_up, small_saw),
    "daily ±15 %, sawtooth": together(daily, small_saw),
    "daily ±30 %, sawtooth": together(daily_30, small_saw),
    "working hours": working_hours,
    "weekdays, rhythm": weekdays,
    "weekdays, level": weekday_level,
    "cache fills": cache,
    "cache fills, sawtooth": together(cache, sawtooth),
    "malloc ratchet": ratchet,
}
LENIENT = {"weekdays, rhythm", "weekdays, level", "malloc ratchet"}
"""Shapes of which five in a hundred may be taken for a leak, and not one."""

UNDER_A_LEAK: dict[str, Shape] = {
    "flat": flat,
    "GC sawtooth": sawtooth,
    "daily ±15 %": together(daily, small_saw),
}
LEAKS = (1, 2, 5, 10)  # percent an hour
