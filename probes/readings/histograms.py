"""Histograms as libraries print them: read as blocks of lines, for one by one they would cost ten times as much."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

_BEFORE = re.compile(rb'[^{"\n]+\{(?:\w+="[^"\n]*",)*le="')
_AFTER = re.compile(rb'"(?:,(?!le=)\w+="[^"\n]*")*,?\} ')
_DIGITS = b"0123456789.e+Inf \n"


class Histogram(NamedTuple):
    """One histogram, as it came."""

    bounds: Sequence[float]  # upper ones
    counts: Sequence[float]  # observations up to each


def read_histograms(lines: bytes) -> Iterator[Histogram]:
    """Each of these `_bucket` lines; ValueError where one is not printed as libraries do.

    The lines of one differ in two numbers. What is the same in all is taken out; should anything but numbers be
    left then, these were not the lines of one.
    """
    if b"\\" in lines:
        raise ValueError("a label may hold what looks like the end of it")
    seen: set[tuple[bytes, bytes]] = set()
    at = 0
    while at < len(lines):  # by places: to cut off what is read would copy the rest each time
        bound = lines.index(b'le="', at) + 4
        end = lines.index(b'"', bound)
        before, after = lines[at:bound], lines[end : lines.index(b"} ", end) + 2]
        last = before + b"+Inf" + after
        stop = lines.find(b"\n", lines.index(last, at) + len(last))
        stop = len(lines) if stop < 0 else stop
        mine, at = lines[at:stop], stop + 1
        numbers = mine.removeprefix(before).replace(b"\n" + before, b"\n").replace(after, b" ")
        values = list(map(float, numbers.split()))
        in_pairs = len(values) == 2 * numbers.count(b" ") == 2 * numbers.count(b"\n") + 2
        if not in_pairs or numbers.translate(None, _DIGITS) or not _is_plain(before, after) or (before, after) in seen:
            raise ValueError("it is printed in another way")
        seen.add((before, after))
        yield Histogram(values[::2], values[1::2])


@lru_cache(maxsize=1024)
def _is_plain(before: bytes, after: bytes) -> bool:
    return bool(_BEFORE.fullmatch(before) and _AFTER.fullmatch(after))
