"""Two scales of time, whatever becomes of the date."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.runtime.clock import JUMP, Clock, Scale, boot_id, since_boot

UPTIME, DATE = 50_000.0, 1_790_000_000.0
HOUR = 3600.0


@dataclass
class Machine:
    """Its two clocks, of which somebody sets one."""

    uptime: float = UPTIME
    set_by: float = 0.0
    between: float = 0.0  # seconds for which the process is stopped whenever it reads the date

    def date(self) -> float:
        self.uptime += self.between
        return DATE + self.uptime - UPTIME + self.set_by

    def clock(self, boot: str = "here", before: Scale | None = None) -> Clock:
        return Clock(self.date, lambda: self.uptime, boot, before)


def test_the_steady_scale_begins_at_the_date_and_goes_on_whatever_is_set() -> None:
    machine = Machine()
    clock = machine.clock()
    assert clock.steady() == DATE
    for step in (-HOUR, 5 * HOUR, 0.0):
        machine.set_by = step
        machine.uptime += 10
        clock.notice()
    assert clock.steady() == DATE + 30
    assert clock.wall() == DATE + 30


@pytest.mark.parametrize("step", [-HOUR, HOUR, -JUMP - 1, JUMP + 1, 86400 * 365.0])
def test_a_jump_is_told_once_with_its_size(step: float) -> None:
    machine = Machine()
    clock = machine.clock()
    assert clock.notice() == 0
    machine.set_by = step
    assert (clock.notice(), clock.notice()) == (step, 0)
    machine.set_by = 0
    assert (clock.notice(), clock.notice()) == (-step, 0)


def test_small_steps_are_followed_and_told_once_they_add_up() -> None:
    machine = Machine()
    clock = machine.clock()
    told = []
    for step in range(1, 8):
        machine.set_by = step * 1.0
        told.append(clock.notice())
        assert clock.date_of(clock.steady()) == clock.wall()
    assert told == [0, 0, 0, 0, 0, 6, 0]


def test_what_is_exported_does_not_waver_with_the_last_digits_of_the_clocks() -> None:
    machine = Machine()
    clock = machine.clock()
    before = clock.date_of(DATE)
    machine.set_by = 0.3
    assert clock.notice() == 0
    assert clock.date_of(DATE) == before


def test_a_process_that_was_stopped_between_its_two_clocks_has_seen_no_jump() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.between = 600.0
    assert clock.notice() == 0
    machine.between = 0.0
    assert clock.notice() == 0


def test_a_moment_is_dated_by_the_clock_as_it_is_set_now() -> None:
    machine = Machine(set_by=3 * HOUR)
    clock = machine.clock()
    moment = clock.steady()
    machine.set_by = 0
    machine.uptime += 60
    clock.notice()
    assert clock.date_of(moment) == DATE, "it was wrong by three hours then, and is put right"


@given(st.lists(st.tuples(st.floats(0, 1e5), st.floats(-1e7, 1e7))))
def test_ages_never_lie_over_any_jumps(steps: list[tuple[float, float]]) -> None:
    machine = Machine()
    clock = machine.clock()
    start, passed = clock.steady(), 0.0
    for seconds, set_by in steps:
        machine.uptime += seconds
        machine.set_by = set_by
        passed += seconds
        clock.notice()
        assert clock.steady() - start == pytest.approx(passed, abs=1e-3)
        assert clock.date_of(clock.steady()) == pytest.approx(clock.wall(), abs=0.501)


@pytest.mark.parametrize("step", [-HOUR, 0.0, HOUR])
def test_a_restart_on_the_same_machine_counts_on_whatever_was_set_meanwhile_and_tells_it(step: float) -> None:
    machine = Machine()
    first = machine.clock()
    moment, scale = first.steady(), first.scale
    machine.uptime += 100
    machine.set_by = step
    second = machine.clock(before=scale)
    assert second.steady() - moment == 100
    assert second.wall() == second.date_of(second.steady())
    assert (second.notice(), second.notice()) == (step, 0)


def test_another_machine_counts_on_by_its_date_and_never_back() -> None:
    machine = Machine()
    first = machine.clock()
    machine.set_by = HOUR
    first.notice()
    moment, scale = first.steady(), first.scale
    other = Machine(uptime=UPTIME + 100, set_by=HOUR)
    assert other.clock("there", scale).steady() - moment == 100, "both are set alike"
    behind = Machine(uptime=UPTIME + 100, set_by=-HOUR)
    late = behind.clock("there", scale)
    assert late.notice() == 0, "another machine's clock is no jump of this one's"
    assert late.steady() == moment
    assert late.date_of(late.steady()) == behind.date()


def test_this_machine_has_both_clocks() -> None:
    assert since_boot() > 0
    assert boot_id()
