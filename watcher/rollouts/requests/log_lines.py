"""Lines of an agent's log by their level: how many, and how many are errors or warnings.

What happens once may write many lines, next to each other. So a sample is cut into twentieths in its order, and these
are to it what minutes are to requests: by how much they differ more than chance would have it, its number says less.
"""

from typing import NamedTuple

from probes.controls.evidence import LogSample
from watcher.rollouts.requests.normal import Baseline, Tally, compared, tally

LEAST_LINES = 300
"""With a level, of the new pods and of those before, below which nothing is said: what lies together does not show."""


class LogLines(NamedTuple):
    """Of one sample."""

    lines: int  # that have a level
    bad: int  # errors and warnings
    parts: tuple[int, ...] = ()  # bad ones of each twentieth of the lines; empty where that is not known


def lines_of(sample: LogSample) -> LogLines:
    """Those of a sample that have a level."""
    return LogLines(sum(sample.levels.values()), sum(sample.bad), sample.bad)


def is_worse(new: LogLines, before: LogLines) -> bool:
    """Whether more of them are bad, by the rule of errors, looked at once."""
    return compared(_tally(new), Baseline((_tally(before),), same_time=True), pods=1, bad_pods=1, looks=1).is_worse


def _tally(counted: LogLines) -> Tally:
    parts = counted.parts or (counted.bad,)
    return tally((counted.lines / len(parts), float(bad)) for bad in parts)
