"""Lines of an agent's log by their level: how many, and how many are errors or warnings."""

from typing import NamedTuple

from probes.controls.evidence import LogSample
from watcher.rollouts.requests.normal import LEAST_MINUTES, Baseline, Tally, compared

_BAD = ("WARN", "WARNING", "ERROR", "CRITICAL", "FATAL")

LEAST_LINES = 100
"""With a level, of the new pods and of those before, below which nothing is said."""

_TOGETHER = 4.0
"""How many lines one thing that happens writes: by so much their number says less than that of requests."""


class LogLines(NamedTuple):
    """Of one sample."""

    lines: int  # that have a level
    bad: int  # errors and warnings

    @property
    def share(self) -> float:
        """Bad ones of all; 0 where there are none."""
        return self.bad / self.lines if self.lines else 0.0


def lines_of(sample: LogSample) -> LogLines:
    """Those of a sample that have a level."""
    levels = sample.levels
    return LogLines(sum(levels.values()), sum(levels.get(name, 0) for name in _BAD))


def is_worse(new: LogLines, before: LogLines) -> bool:
    """Whether more of them are bad, by the rule of errors; a sample has no minutes, and is looked at once."""
    beside = Baseline((_tally(before),), same_time=True)
    minutes = LEAST_MINUTES if new.bad else 0
    counted = _tally(new)._replace(bad_minutes=minutes)
    return compared(counted, beside, pods=1, bad_pods=1, looks=1).is_worse


def _tally(counted: LogLines) -> Tally:
    """As if each thing that happened had written one line."""
    lines, bad = counted.lines / _TOGETHER, counted.bad / _TOGETHER
    return Tally(lines, bad, bad * bad / lines if lines else 0.0, 1, 1 if bad else 0)
