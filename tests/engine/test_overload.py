"""Overloaded is said of looks that are not made or late, with the numbers, and not of a symptom."""

from watcher.engine.overload import Overload


class Backlogged:
    """One source with an interval of 30 s; ten looks are due each second."""

    def __init__(self) -> None:
        self.now, self.waits = 1_000.0, 0.0
        self.overload = Overload(lambda: self.now)
        self.backlog = self.overload.backlog("opa", 30.0)
        self.backlog.waits = lambda: self.waits

    def go(self, seconds: int, left_out: int = 0) -> str:
        for _ in range(seconds):
            self.now += 1
            self.backlog.due(10, left_out)
            self.backlog.check()
        return self.overload.trouble


def test_looks_that_are_made_in_time_are_no_trouble() -> None:
    of = Backlogged()
    of.waits = 30.0
    assert of.go(120, left_out=1) == "", "a tenth may be left out, and a look may wait for its interval"


def test_more_than_a_tenth_left_out_in_the_last_minute_is_told_with_the_numbers() -> None:
    of = Backlogged()
    of.go(16)
    assert of.go(2, left_out=9) == ""
    assert of.go(1, left_out=2) == "20 of the 190 opa probes due in the last minute were skipped."


def test_a_look_that_waits_longer_than_its_interval_is_told() -> None:
    of = Backlogged()
    of.waits = 31.0
    assert of.go(1) == "A probe of opa has waited for 31s, longer than the interval of 30s."


def test_it_is_over_when_it_was_half_as_bad_for_a_minute() -> None:
    of = Backlogged()
    of.waits = 31.0
    said = of.go(1)
    of.waits = 16.0
    assert of.go(300) == said, "more than half of the interval"
    of.waits = 15.0
    assert of.go(60) == said
    of.waits = 16.0
    assert of.go(1) == said
    of.waits = 15.0
    assert of.go(60) == said
    assert of.go(1) == ""


def test_the_numbers_are_those_of_when_it_began_so_that_the_log_has_one_line() -> None:
    of = Backlogged()
    of.waits = 31.0
    said = of.go(1)
    of.waits = 3000.0
    assert of.go(10, left_out=5) == said


def test_a_minute_without_a_look_due_is_no_trouble() -> None:
    of = Backlogged()
    of.backlog.check()
    of.now += 3600
    of.backlog.check()
    assert of.overload.trouble == ""


def test_each_source_is_told_and_a_poller_that_begins_anew_is_not_blamed_for_the_old() -> None:
    of = Backlogged()
    other = of.overload.backlog("handshake", 60.0)
    other.waits = lambda: 61.0
    of.waits = 31.0
    of.go(1)
    other.check()
    assert of.overload.trouble.count("has waited for") == 2
    of.overload.backlog("opa", 30.0)
    assert of.overload.trouble == "A probe of handshake has waited for 1m1s, longer than the interval of 1m0s."


def test_a_trouble_that_turns_is_told_once() -> None:
    of = Backlogged()
    assert not of.overload.turned()
    of.waits = 31.0
    of.go(1)
    assert [of.overload.turned(), of.overload.turned()] == [True, False]
