"""The floors of two days in few bytes, and which of them were seen: the others are assumed, between two looks."""

from array import array
from typing import NamedTuple

from probes.history.packed import Packed
from probes.memory.drift import WINDOW

Floors = Packed
"""Least memory of each block, oldest first, as 4-byte floats: 1.15 kB for two days of an agent."""

_ASSUMED = 1
"""The last bit of a float, a ten-millionth of it, says that no look saw this floor. So that is remembered for nothing;
and a state file of before, or one that an earlier release reads, holds the same memory."""


class Floor(NamedTuple):
    """Of one block."""

    level: float  # bytes
    seen: bool  # False: no look was made in that block


def extended(floors: Floors, lowest: float, rss: float, passed: int) -> Floors:
    """With the block that ended, whose floor was `lowest`, and those after it in which no look was made.

    `passed`: how many these are together; `rss`: what the next look saw, up to which a straight line leads.
    """
    new = array("f", (lowest + (rss - lowest) * step / passed for step in range(passed)))
    bits = array("I", new.tobytes())
    for place, each in enumerate(bits):
        bits[place] = each | _ASSUMED if place else each & ~_ASSUMED
    return (floors + bits.tobytes())[-WINDOW * bits.itemsize :]


def levels(floors: Floors) -> list[float]:
    """All of them in bytes, seen or not: what is judged."""
    return array("f", floors).tolist()


def all_floors(floors: Floors) -> list[Floor]:
    """All of them."""
    seen = (not each & _ASSUMED for each in array("I", floors))
    return [Floor(level, was_seen) for level, was_seen in zip(levels(floors), seen, strict=True)]
