"""CPU time over a window."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from probes.contract import Fault
from probes.cpu import HIGH, PROBE, CPUHistory, CPULimits
from probes.history.process import PROCESS
from probes.readings.metrics_page import MetricsPage
from tests.probes.judged import T0, Judged
from tests.servers.metrics_pages import page_of


def page(seconds: float | str | None, started: float | None = 1) -> MetricsPage:
    lines = ["first 1"]
    lines += [] if seconds is None else [f"process_cpu_seconds_total {seconds}"]
    lines += [] if started is None else [f"process_start_time_seconds {T0 + started}"]
    return page_of("\n".join(lines), *PROCESS)


def watch(**limits: object) -> Judged:
    return Judged(PROBE, CPULimits(**limits), parts={"cpu_limit": 2.0})


def poller(judged: Judged, cores: float, minutes: float = 10) -> list[str]:
    return [judged.look(at, page(1000 + cores * at))["CPUHigh"] for at in range(0, round(minutes * 60), 30)]


def test_a_process_that_uses_its_whole_limit_is_told_after_one_window_and_not_before() -> None:
    judged = watch()
    assert poller(judged, 1.9) == ["WarmingUp"] * 10 + ["CPUHigh"] * 10


def test_a_window_that_is_shorter_than_the_pause_between_looks_is_as_long_as_that() -> None:
    judged = watch(window="1s")
    assert poller(judged, 1.9, minutes=2) == ["WarmingUp", *["CPUHigh"] * 3]
    assert judged.value("cpu_usage_cores") == pytest.approx(1.9)


def test_a_process_with_cpu_left_is_healthy() -> None:
    assert set(poller(watch(), 1.8)) == {"WarmingUp", "false"}


def test_a_burst_of_a_minute_is_not_five_minutes() -> None:
    judged, used, told = watch(), 0.0, []
    for at in range(0, 1200, 30):
        used += 30 * (2.0 if 600 <= at < 660 else 0.5)
        told.append(judged.look(at, page(used))["CPUHigh"])
    assert set(told[10:]) == {"false"}


def test_what_is_told_ends_when_the_window_is_calm_again() -> None:
    judged, used, told = watch(), 0.0, []
    for at in range(0, 1800, 30):
        used += 30 * (2.0 if at < 900 else 0.1)
        told.append(judged.look(at, page(used))["CPUHigh"])
    assert told[29] == "CPUHigh"
    assert told[-1] == "false"


def test_a_restart_counts_from_zero_and_hides_nothing() -> None:
    judged = watch()
    told = poller(judged, 1.95)
    told += [judged.look(600 + at, page(1.95 * (at + 25), started=575))["CPUHigh"] for at in range(0, 300, 30)]
    assert set(told[10:]) == {"CPUHigh"}


def test_a_counter_that_falls_without_a_restart_says_nothing_of_what_was() -> None:
    judged = watch()
    poller(judged, 1.95)
    assert judged.look(600, page(3))["CPUHigh"] == "WarmingUp"


def test_a_pause_longer_than_the_window_begins_the_history_again() -> None:
    judged = watch()
    poller(judged, 1.95)
    assert judged.look(5000, page(99999))["CPUHigh"] == "WarmingUp"


def test_a_short_pause_of_the_watcher_loses_nothing() -> None:
    judged = watch()
    poller(judged, 1.95)
    assert judged.look(570 + 200, page(1000 + 1.95 * 770))["CPUHigh"] == "CPUHigh"


def test_a_target_without_a_limit_has_no_such_condition() -> None:
    judged = Judged(PROBE, CPULimits())
    assert judged.look(0, page(1)) == {}


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (page(None), "SignalAbsent"),
        (page("NaN"), "Malformed"),
        (page(-1), "Malformed"),
        (replace(page(1), fault=Fault.REFUSED, error="It failed."), "SourceFailed"),
    ],
)
def test_a_page_that_does_not_say_it_is_unknown(seen: MetricsPage, told: str) -> None:
    assert watch().look(0, seen)["CPUHigh"] == told


def test_an_absent_counter_can_be_ignored() -> None:
    assert watch(when_absent="ignore").look(0, page(None)) == {}


@pytest.mark.parametrize(
    ("cores", "limit", "sentence"),
    [
        (1.9, 2.0, "Over 5m30s one process used 1.90 of the 2 cores it may have."),
        (0.75, 0.5, "Over 5m30s one process used 0.75 of the 0.5 cores it may have."),
        (0.25, 0.5, HIGH.all_clear),
        (-1.0, 2.0, "process_cpu_seconds_total is -360"),
    ],
)
def test_every_verdict_says_exactly_this(cores: float, limit: float, sentence: str) -> None:
    judged = Judged(PROBE, CPULimits(), parts={"cpu_limit": limit})
    for at in range(-330, 1, 30):
        judged.read(at, f"process_cpu_seconds_total {cores * (at + 360)}\nprocess_start_time_seconds {T0 - 360}")
    assert judged.messages() == [sentence]


def test_a_page_without_cpu_time_is_said_to_have_none() -> None:
    judged = watch()
    judged.read(0, "")
    assert judged.messages() == ["The metrics endpoint has no process_cpu_seconds_total."]


@given(
    st.lists(st.tuples(st.floats(0, 4), st.floats(1, 90)), min_size=1, max_size=60), st.sampled_from([15.0, 30.0, 60.0])
)
def test_what_is_told_is_the_true_mean_of_about_five_minutes(steps: list[tuple[float, float]], interval: float) -> None:
    judged = Judged(PROBE, CPULimits(), interval=interval, parts={"cpu_limit": 2.0})
    at, used, poller = 0.0, 0.0, [(0.0, 0.0)]
    judged.look(0, page(0))
    for cores, seconds in steps:
        at, used = at + seconds, used + cores * seconds
        poller.append((at, used))
        told = judged.look(at, page(used))["CPUHigh"]
        means = [
            (used - before) / (at - then)
            for then, before in poller[:-1]
            if 300 - interval <= at - then <= 300 + 60 + 2 * 90 + interval
        ]
        if told != "WarmingUp":
            assert means
            assert min(means) / 2.0 <= 0.9 + 1e-9 if told == "false" else max(means) / 2.0 > 0.9 - 1e-9


def test_the_history_survives_the_state_file() -> None:
    judged = watch()
    poller(judged, 1.95)
    file = TypeAdapter(CPUHistory)
    judged.history = file.validate_json(file.dump_json(judged.history))
    assert judged.look(600, page(1000 + 1.95 * 600))["CPUHigh"] == "CPUHigh"
