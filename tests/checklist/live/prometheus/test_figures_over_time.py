"""Figures that are kept from round to round: the live peak of 30 days, day by day, and the decisions of each hour."""

import asyncio
from collections.abc import Mapping

from probes.controls.evidence import AgentRef
from probes.controls.evidence.alerts.prometheus import Decided, Peak
from watcher.checklist.live.prometheus.figures.decisions import Decisions
from watcher.checklist.live.prometheus.figures.peaks import DAY, DAYS, Peaks

SEARCH, OTHER = AgentRef("prod", "search"), AgentRef("prod", "other")
NOW = 20_000 * DAY + 43_200.0


class Days:
    """A Prometheus that has these peaks, by day."""

    def __init__(self, peaks: Mapping[int, float]) -> None:
        self.peaks, self.asked, self.fails = peaks, list[tuple[int, int]](), False

    async def question(self, begin: int, end: int) -> Mapping[AgentRef, float]:
        if self.fails:
            raise ValueError("no answer")
        self.asked.append((begin, end))
        day = begin // DAY
        return {SEARCH: self.peaks[day]} if day in self.peaks else {}

    def ask(self, peaks: Peaks, now: float) -> Peak:
        asyncio.run(peaks.ask(self.question, now))
        return peaks.of(SEARCH, now)


def test_the_peak_is_whole_once_each_of_thirty_days_was_asked_for_two_questions_an_hour() -> None:
    days, peaks = Days({20_000: 5.0, 19_999: 7.0, 19_970: 40.0, 19_969: 90.0}), Peaks()
    assert days.ask(peaks, NOW) == Peak(7.0, whole=False)
    assert days.asked == [(20_000 * DAY, int(NOW)), (19_999 * DAY, 20_000 * DAY)]
    assert days.ask(peaks, NOW + 600) == Peak(7.0, whole=False)
    assert len(days.asked) == 2
    for minute in range(1, DAYS):  # an hour is asked for so often that no day ends meanwhile
        peaks._asked[20_000] = 0.0
        found = days.ask(peaks, NOW + minute)
    assert found == Peak(40.0, whole=True)
    assert peaks.of(OTHER, NOW) == Peak(None, whole=True)


def test_a_day_that_was_asked_for_while_it_ran_is_asked_for_again_and_one_long_past_is_forgotten() -> None:
    days, peaks = Days({20_000: 5.0}), Peaks()
    days.ask(peaks, NOW)
    days.peaks = {20_000: 8.0}
    assert days.ask(peaks, NOW + DAY).requests_per_second == 8.0
    assert days.asked[-2:] == [(20_001 * DAY, int(NOW + DAY)), (20_000 * DAY, 20_001 * DAY)]
    days.peaks = {}
    assert days.ask(peaks, NOW + (DAYS + 2) * DAY) == Peak(None, whole=False)


def test_what_was_not_answered_is_not_known_and_is_asked_for_again() -> None:
    days, peaks = Days({20_000: 5.0}), Peaks()
    days.fails = True
    try:
        days.ask(peaks, NOW)
    except ValueError:
        days.fails = False
    assert peaks.of(SEARCH, NOW) == Peak(None, whole=False)
    assert days.ask(peaks, NOW + 1).requests_per_second == 5.0


def test_a_clock_that_was_set_back_asks_again() -> None:
    days, peaks = Days({20_000: 5.0, 19_999: 6.0}), Peaks()
    days.ask(peaks, NOW + DAY)
    assert days.ask(peaks, NOW).requests_per_second == 6.0


def test_other_namespaces_are_other_questions() -> None:
    peaks = Peaks(['namespace=~"a"'])
    assert peaks.limited_to(['namespace=~"a"']) is peaks
    assert peaks.limited_to(['namespace=~"a|b"']) is not peaks


def test_decisions_are_told_of_moments_ten_minutes_apart_and_of_the_newest_for_three_hours() -> None:
    kept, agents = Decisions(), {SEARCH: ["a", "b"], OTHER: ["c"]}
    assert kept.of(SEARCH) == ()
    for minute in range(0, 240, 5):
        kept.take(NOW + 60 * minute, {("prod", "a"): float(minute), ("prod", "b"): 1.0}, agents)
    found = kept.of(SEARCH)
    assert found[-1] == Decided(NOW + 60 * 235, 236.0, whole=True)
    assert found[0].at == NOW + 60 * 60
    assert len(found) == 19
    assert kept.of(OTHER) == ()


def test_an_agent_some_of_whose_pods_tell_nothing_is_known_in_part() -> None:
    kept = Decisions()
    kept.take(NOW, {("prod", "a"): 30.0}, {SEARCH: ["a", "b"]})
    assert kept.of(SEARCH) == (Decided(NOW, 30.0, whole=False),)


def test_moments_of_before_a_clock_was_set_back_are_dropped() -> None:
    kept = Decisions()
    kept.take(NOW, {("prod", "a"): 30.0}, {SEARCH: ["a"]})
    kept.take(NOW - DAY, {("prod", "a"): 20.0}, {SEARCH: ["a"]})
    assert [each.at for each in kept.of(SEARCH)] == [NOW - DAY]
