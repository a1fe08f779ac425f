"""Which process answered: by start time, counters and clocks together, and never by one of them alone."""

import random
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from probes.contract import Limits, Target, TargetKey
from probes.contract.signal import REQUESTS
from probes.history.process import NOBODY, PROCESS, Answered, Process, follow
from tests.probes.judged import T0, page_context
from tests.servers.metrics_pages import page_of

SAME, NEW, OTHER = Answered.SAME, Answered.NEW, Answered.OTHER


@dataclass
class Follower:
    """Looks at pages one after the other, and says who answered."""

    cores: float | None = 2.0
    process: Process = field(default=NOBODY)

    def look(
        self,
        at: float,
        started: float | None,
        cpu: float | None = None,
        requests: float | None = None,
        their_date: float | None = None,
        failed: float | None = None,
    ) -> Answered:
        """`at`, `started` and `their_date` in seconds after the first moment."""
        given = {
            "process_start_time_seconds": None if started is None else T0 + started,
            "process_cpu_seconds_total": cpu,
            "agentweave_requests_total": requests,
            'agentweave_requests_total{status="error"}': failed,
        }
        text = "\n".join(f"{name} {value}" for name, value in given.items() if value is not None)
        page = page_of(f"first 1\n{text}", *PROCESS, REQUESTS)
        page = replace(page, their_date=None if their_date is None else T0 + their_date)
        target = Target(key=TargetKey("prod", "search", "search-0"), metrics="http://x/", cpu_limit=self.cores)
        context: Any = page_context(target, Limits(), at, 30.0)
        self.process, answered = follow(self.process, page, context)
        return answered


HOURS = 36_000.0


@pytest.mark.parametrize("step", [3.0, -3.0, 60.0, 3600.0, HOURS, 10 * HOURS, -HOURS])
@pytest.mark.parametrize("dated", [True, False])
def test_a_clock_that_is_set_starts_no_process_while_no_counter_falls(step: float, *, dated: bool) -> None:
    follower = Follower()
    told = [
        follower.look(at, -HOURS + (step if at >= 90 else 0), 1800 + at / 20, at, at if dated else None)
        for at in range(0, 600, 30)
    ]
    assert set(told) == {SAME}
    assert not follower.process.in_turn


@pytest.mark.parametrize("counters", [{"cpu": 0.2}, {"requests": 3.0}, {"cpu": 0.2, "requests": 3.0}, {}])
@pytest.mark.parametrize("dated", [True, False])
def test_a_process_that_has_started_since_and_whose_counters_fell_is_new(
    counters: dict[str, float], *, dated: bool
) -> None:
    follower = Follower()
    follower.look(0, -HOURS, **dict.fromkeys(counters, 1800.0), their_date=0 if dated else None)
    assert follower.look(30, 12, **counters, their_date=30 if dated else None) is NEW


def test_a_restart_after_the_clock_was_set_back_is_a_restart() -> None:
    follower = Follower()
    assert follower.look(0, -600, 50) is SAME
    assert follower.look(30, -7800, 51) is SAME
    assert follower.look(60, -7150, 0.4, their_date=-7140) is NEW


def test_a_process_that_ends_again_and_again_is_new_each_time_whatever_the_one_before_had_used() -> None:
    follower = Follower()
    used = [0.8, 0.9, 1.1, 0.7, 0.8]
    assert [follower.look(30 * turn, 30 * turn - 5, cpu) for turn, cpu in enumerate(used)] == [SAME] + [NEW] * 4


def test_a_process_that_has_used_more_than_it_can_have_had_time_for_is_not_new() -> None:
    follower = Follower()
    follower.look(0, -HOURS, 1800)
    assert follower.look(30, 29, 1801) is SAME


def test_a_start_in_the_future_is_none_of_a_new_process_unless_counters_fell() -> None:
    follower = Follower()
    follower.look(0, -20, 1)
    assert follower.look(30, 3580, 1.2) is SAME
    assert follower.look(60, 7200, 0.2) is NEW


def test_the_agents_own_date_tells_the_age_where_its_clock_differs_from_ours() -> None:
    follower = Follower()
    follower.look(0, 7000, 1800, their_date=7200)
    assert follower.look(30, 7215, 0.1, their_date=7230) is NEW


def test_a_date_that_a_proxy_wrote_hides_no_restart_that_our_own_clock_shows() -> None:
    follower = Follower()
    follower.look(0, -HOURS, 1800, their_date=3600)
    assert follower.look(30, 15, 0.1, their_date=3630) is NEW


def test_of_a_page_without_a_start_time_nothing_is_said_nor_learnt() -> None:
    follower = Follower()
    follower.look(0, -HOURS, 1800)
    before = follower.process
    assert follower.look(30, None, 3) is SAME
    assert follower.process == before


@pytest.mark.parametrize("apart", [0.0, 0.07, 1.0, 40.0, 5000.0])
@pytest.mark.parametrize("workers", [2, 3, 8])
def test_several_processes_in_turn_are_known_within_a_window_and_none_is_new(workers: int, apart: float) -> None:
    chance = random.Random(workers)
    for _ in range(20):
        follower, known = Follower(), []
        for turn in range(60):
            number, at = chance.randrange(workers), 30.0 * turn
            answered = follower.look(at, -HOURS + apart * number, 200 + 31 * number + at / 20, 5000 + 100 * number + at)
            assert answered is not NEW
            known.append(follower.process.in_turn)
        first = known.index(True)
        assert first < 40
        assert all(known[first:])


def test_workers_whose_cpu_is_the_same_are_told_apart_by_start_and_requests() -> None:
    follower = Follower()
    for turn in range(12):
        number = turn % 3
        follower.look(30 * turn, -HOURS + 0.05 * number, 0.3, 100 * number + turn)
    assert follower.process.in_turn


def test_workers_that_began_together_and_work_alike_are_told_apart_by_how_their_requests_ended() -> None:
    """As gunicorn forks them: starts are 20 ms apart, and CPU and requests rise by more than they differ."""
    follower, chance = Follower(), random.Random(1)
    for turn in range(40):
        number = chance.randrange(3)
        follower.look(
            30 * turn,
            -HOURS + 0.02 * number,
            10 + turn + 0.1 * number,
            500 * turn + number,
            failed=40 + turn - 9 * number,
        )
    assert follower.process.in_turn


def test_what_a_restart_leaves_behind_is_forgotten_by_a_process_with_one_start() -> None:
    follower = Follower()
    for turn in range(30):
        follower.look(30 * turn, -HOURS + 600 * (turn > 2), 5 + turn, turn)
    assert (follower.process.steady, follower.process.requests) == (20, ())


def test_workers_without_any_counter_are_told_by_starts_that_go_back_and_forth() -> None:
    follower = Follower()
    for turn in range(6):
        follower.look(30 * turn, -HOURS + 100 * (turn % 2))
    assert follower.process.in_turn


def test_one_worker_that_takes_over_is_another_process_and_not_several_in_turn() -> None:
    follower = Follower()
    told = [follower.look(30 * turn, -HOURS + 500 * (turn >= 5), 400 - 300 * (turn >= 5)) for turn in range(10)]
    assert told == [SAME] * 5 + [OTHER] + [SAME] * 4
    assert not follower.process.in_turn


def test_an_older_process_with_more_cpu_than_one_can_use_is_another() -> None:
    follower = Follower()
    follower.look(0, -600, 100)
    assert follower.look(30, -HOURS, 8100) is OTHER


def test_several_processes_are_forgotten_once_one_alone_has_answered_for_twenty_looks() -> None:
    follower = Follower()
    for turn in range(8):
        follower.look(30 * turn, -HOURS + 50 * (turn % 2), 100 - 50 * (turn % 2))
    assert follower.process.in_turn
    known: list[bool] = []
    for turn in range(8, 40):
        follower.look(30 * turn, -HOURS, 100 + turn)
        known.append(follower.process.in_turn)
    assert known.index(False) in range(18, 23)
    assert not any(known[known.index(False) :])


@pytest.mark.parametrize("wavers", [0.003, 0.9, 1.0])
def test_a_boot_time_that_is_read_anew_and_wavers_is_one_process(wavers: float) -> None:
    follower, chance = Follower(), random.Random(1)
    told = [follower.look(30 * turn, -HOURS + chance.choice([0, wavers]), 5 + turn, turn) for turn in range(60)]
    assert set(told) == {SAME}
    assert not follower.process.in_turn


def test_a_counter_that_forgets_some_of_its_series_is_no_other_process() -> None:
    follower = Follower()
    for turn in range(30):
        assert follower.look(30 * turn, -HOURS, None, 100 - 90 * (turn % 2)) is SAME
    assert not follower.process.in_turn


def test_what_is_remembered_survives_the_state_file() -> None:
    follower = Follower()
    follower.look(0, -HOURS, 3.5)
    file = TypeAdapter(Process)
    assert file.validate_json(file.dump_json(follower.process)) == follower.process


def test_all_probes_of_a_look_share_what_they_remember() -> None:
    page = page_of(f"process_start_time_seconds {T0 - HOURS}", *PROCESS)
    target = Target(key=TargetKey("prod", "search", "search-0"), metrics="http://x/")
    context: Any = page_context(target, Limits(), 0.0, 30.0)
    one, other = (follow(before, page, context) for before in (NOBODY, Process()))
    assert one is other
    follow(one.process, page, context)
    assert follow(NOBODY, page, context) == one


@given(
    st.lists(
        st.tuples(st.floats(1, 120), st.floats(0, 60), st.floats(0, 50), st.one_of(st.just(0.0), st.floats(-1e6, 1e6))),
        min_size=1,
        max_size=40,
    ),
    st.booleans(),
)
def test_one_process_is_one_whatever_its_clock_does(
    looks: list[tuple[float, float, float, float]], dated: bool
) -> None:
    follower, at, cpu, requests, start = Follower(cores=None), 0.0, 2000.0, 0.0, -HOURS
    for pause, used, more, step in looks:
        at, cpu, requests, start = at + pause, cpu + used * min(1.0, pause / 60), requests + more, start + step
        assert follower.look(at, start, cpu, requests, at if dated else None) is SAME
    assert not follower.process.in_turn


@given(st.lists(st.tuples(st.floats(5, 300), st.floats(0.1, 3), st.booleans()), min_size=1, max_size=30))
def test_every_restart_between_two_looks_is_seen_and_nothing_else_is_one(
    looks: list[tuple[float, float, bool]],
) -> None:
    follower, at, cpu, start = Follower(), 0.0, 900.0, -HOURS
    follower.look(at, start, cpu, their_date=at)
    for pause, used, restarts in looks:
        at += pause
        start, cpu = (at - 2.5, used) if restarts else (start, cpu + used)
        assert follower.look(at, start, cpu, their_date=at) is (NEW if restarts else SAME)
