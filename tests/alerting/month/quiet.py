"""Which scrapes of a month have to be evaluated: those near anything that could lead to an alert."""

from collections.abc import Iterable, Iterator
from itertools import accumulate

from tests.alerting.month.firings import BUILD, CONDITION, UNKNOWN, Stretch
from tests.alerting.month.scrapes import EVERY, Scrapes, Series
from watcher.metrics.families import PREFIX

CONDITIONS, IMPAIRED = f"{PREFIX}conditions", f"{PREFIX}impaired"

AROUND = 360 // EVERY
"""Scrapes before and after: rules look back, and go on firing, for five minutes."""

_QUARTER = 900 // EVERY  # scrapes in AgentWeaveVerdictUnknown's quarter of an hour
_AWAY = 4  # scrapes: AgentWeaveWatcherDown waits for three minutes
_MANY = 0.25  # of a probe's verdicts; AgentWeaveWatcherBlind wants half of a source's

_Span = tuple[int, int]


def stretches(scrapes: Scrapes, begin: int, end: int) -> list[Stretch]:
    """What to evaluate of these scrapes: all that is not quiet, with what lies around it.

    A stretch is quiet where nothing is true, nothing was unknown a quarter of an hour ago that still is (but for
    want of history), the watcher is not away for long nor has anything to say of itself, and most can be told.
    Then no alert's expression has a result, but that of AgentWeaveWatcherDown, for less than it waits.
    """
    merged: list[_Span] = []
    for at, until in sorted(_troubled(scrapes, begin, end)):
        first, last = max(begin, at - AROUND), min(end, until + AROUND)
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return [Stretch(*span, (span,)) for span in merged]


def _troubled(scrapes: Scrapes, begin: int, end: int) -> Iterator[_Span]:
    by_name: dict[str, list[Series]] = {}
    for each in scrapes.series.values():
        by_name.setdefault(each.name, []).append(each)
    for each in (*by_name.get(CONDITION, ()), *by_name.get(IMPAIRED, ())):
        yield from (run[:2] for run in each.runs(begin, end) if run[2] == 1)
    for each in by_name.get(UNKNOWN, ()):
        yield from _long_unknown(each, begin, end)
    yield from _without_a_watcher(by_name[BUILD], begin, end)
    yield from ((begin + at, begin + at + 1) for at in _blind(by_name[CONDITIONS], begin, end))


def _long_unknown(series: Series, begin: int, end: int) -> Iterator[_Span]:
    there = [] if series.labels["reason"] == "WarmingUp" else [run[:2] for run in series.runs(begin, end) if run[2]]
    for at, until in there:
        for earlier, ended in there:
            first, last = max(at, earlier + _QUARTER - 1), min(until, ended + _QUARTER + 1)
            if first < last:
                yield first - _QUARTER, last


def _without_a_watcher(builds: Iterable[Series], begin: int, end: int) -> Iterator[_Span]:
    """Where it is away for long, and where a new process begins."""
    here = begin
    for at, until in [*sorted(run[:2] for each in builds for run in each.runs(begin, end) if run[2]), (end, end)]:
        if at - here >= _AWAY:
            yield here, at
        here = max(here, until)
    for each in builds:
        if begin < each.poller[0][0] < end:
            yield each.poller[0][0], each.poller[0][0] + 1


def _blind(counts: Iterable[Series], begin: int, end: int) -> Iterator[int]:
    """Where many of a probe's verdicts are unknown."""
    unknown: dict[str, list[float]] = {}
    total: dict[str, list[float]] = {}
    for each in counts:
        known = each.labels["status"] != "unknown" or each.labels["reason"] in (
            "WarmingUp",
            "SignalAbsent",
            "Malformed",
            "FactUnknown",
        )
        for sums in (total,) if known else (total, unknown):
            steps = sums.setdefault(each.labels["probe"], [0.0] * (end - begin + 1))
            for at, until, value in each.runs(begin, end):
                steps[at - begin] += value or 0.0
                steps[until - begin] -= value or 0.0
    for probe, steps in unknown.items():
        pairs = zip(accumulate(steps), accumulate(total[probe]), strict=True)
        yield from (at for at, (part, whole) in enumerate(pairs) if part > _MANY * whole)
