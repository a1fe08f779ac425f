"""What was learnt of metrics pages at earlier looks: whether their filter can be used, and when they were inspected."""

from collections.abc import Callable, Sequence
from typing import NamedTuple
from zlib import crc32

from probes.contract import Target, TargetKey
from probes.readings.conformance import Conformance
from probes.readings.metrics_page import MetricsPage
from probes.readings.signal_reader import WantedSignals

_LEARNT_FOR = 600.0  # seconds, give or take half, so that the fleet is not asked for whole pages at once
_INSPECTED_FOR = 3600.0  # seconds, give or take a quarter
_AGAIN_AFTER, _AGAIN_AT_MOST = 10.0, 300.0  # seconds, where the page could not be had twice: then longer and longer
_CONFIRMED = 3  # pages in a row that are refused: as many looks as a condition may ask for


class Habit(NamedTuple):
    """What a whole page showed of the filtered one."""

    wanted: WantedSignals
    until: float
    whole_only: bool  # the filter hides what the whole page has
    lacking: int  # signals that the whole page lacks as well
    bare: tuple[str, ...]
    ours: bool  # the whole page has families of AgentWeave's, if only such as nobody wants

    def excuses(self, lacking: int) -> bool:
        """Whether the whole page lacks all of these signals as well."""
        return not lacking & ~self.lacking


class _Inspection(NamedTuple):
    url: str | None
    again_at: float
    refused: int  # pages in a row that Prometheus would refuse
    missed: int  # pages in a row that could not be had


class PageHabits:
    """Of the filter by URL; inspections by target, for each of two with one URL waits for what was seen."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now`: seconds that only time moves."""
        self._now = now
        self._habits: dict[str, Habit] = {}
        self._inspections: dict[TargetKey, _Inspection] = {}

    def of(self, url: str, wanted: WantedSignals) -> Habit | None:
        """What is known of this page now."""
        habit = self._habits.get(url)
        return habit if habit and habit.wanted is wanted and self._now() < habit.until else None

    def learn(self, url: str, filtered: MetricsPage | None, whole: MetricsPage) -> None:
        """Learn from the pages of one look; a whole page that was asked for alone tells nothing of the filter."""
        if filtered is None or whole.trouble:
            return
        wanted = whole.wanted
        lacking = wanted.lacking(whole.kept)
        hidden = bool(filtered.trouble) or bool(wanted.lacking(filtered.kept) & ~lacking)
        until = self._now() + _LEARNT_FOR * (0.5 + _share(url))
        self._habits[url] = Habit(wanted, until, hidden, lacking, whole.kept.bare, whole.kept.ours)

    def inspection_is_due(self, target: Target) -> bool:
        """Whether it is time to see if a current Prometheus could scrape the page."""
        known = self._known(target)
        return known is None or self._now() >= known.again_at

    def inspected(self, target: Target, found: Conformance, *, came: bool) -> None:
        """It was seen, or could not be; `came`: the page itself did. What is refused is looked at until it is sure."""
        known = self._known(target)
        refused = (known.refused if known else 0) + 1 if found.refused else 0
        missed = 0 if came else min(9, (known.missed if known else 0) + 1)
        pause = _INSPECTED_FOR * (0.75 + _share(target.metrics or "") / 2) if came else _pause(missed)
        again_at = self._now() + (0 if 0 < refused < _CONFIRMED else pause)
        self._inspections[target.key] = _Inspection(target.metrics, again_at, min(refused, _CONFIRMED), missed)

    def keep(self, targets: Sequence[Target]) -> None:
        """Forget all other pages."""
        urls, keys = {each.metrics for each in targets}, {each.key for each in targets}
        self._habits = {url: habit for url, habit in self._habits.items() if url in urls}
        self._inspections = {key: seen for key, seen in self._inspections.items() if key in keys}

    def _known(self, target: Target) -> _Inspection | None:
        known = self._inspections.get(target.key)
        return known if known is not None and known.url == target.metrics else None


def _pause(missed: int) -> float:
    """Seconds: after one page that could not be had the next look asks again."""
    return 0.0 if missed < 2 else float(min(_AGAIN_AT_MOST, _AGAIN_AFTER * 2**missed))


def _share(url: str) -> float:
    """Of one, the same for a URL at all times."""
    return crc32(url.encode()) % 1000 / 1000
