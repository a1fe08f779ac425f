"""Plays a process's memory through the real judge and says what was told, and when."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from probes.contract import EvaluationContext, Target, TargetKey
from probes.history.process import NOBODY, Answered, Followed
from probes.memory import MemoryHistory, MemoryLimits, remember
from tests.drift.shapes import Shape

BASE = 256 * 2**20
"""Bytes of a process at its start."""

_BLOCK = 10  # minutes
_SAME = Followed(NOBODY, Answered.SAME)
_STEADY, _NOISE = 0.95, 0.007
_NOW = 1_790_000_400.0  # a whole number of blocks


@dataclass(frozen=True, slots=True)
class Told:
    """Hours of the process's life at which conditions were first true; None: never."""

    drift: float | None
    exhaustion: float | None


def play(shape: Shape, seed: str, hours: float, limit: float) -> Told:
    """One process for so many hours, or until it meets its limit of `limit` times its size at the start."""
    target = Target(key=TargetKey("sim", "agent", seed), memory_limit=int(limit * BASE))
    history, limits = MemoryHistory(), MemoryLimits()
    drift = exhaustion = None
    for minute, size in _blocks(shape, Random(seed), hours):
        hour = minute / 60
        context = EvaluationContext(
            target=target, limits=limits, now=_NOW + minute * 60, date=_NOW, interval=60, endpoint="metrics"
        )
        history = remember(size * BASE, _SAME, history, context)
        if exhaustion is None and history.full_at is not None:
            exhaustion = hour
        if (
            drift is None
            and history.rising_since is not None
            and context.now - history.rising_since >= limits.drift_hold
        ):
            drift = hour
        if size >= limit:
            break  # the kernel ends it
    return Told(drift, exhaustion)


def _blocks(shape: Shape, rng: Random, hours: float) -> Iterator[tuple[float, float]]:
    """The least of each block of ten minutes: all that a judge keeps of it (held by a test of the probe)."""
    at, drift = shape(rng), rng.gauss(0, _NOISE)
    for minute in range(0, int(hours * 60), _BLOCK):
        drift = _STEADY**_BLOCK * drift + rng.gauss(0, _NOISE * math.sqrt(1 - _STEADY ** (2 * _BLOCK)))
        lowest = min(at(minute + each) for each in range(_BLOCK))
        # The least of ten normal deviates of 0.5 % lies 1.5 of them below the mean.
        yield minute, max(0.05, 1 + lowest + drift - rng.gauss(0.0075, 0.003))
