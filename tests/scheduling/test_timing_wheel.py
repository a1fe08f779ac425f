import asyncio
from collections import Counter
from itertools import pairwise

import pytest

from probes.contract import Reading
from tests.engine.toy import target
from tests.scheduling.virtual_time import VirtualLoop, run
from watcher.engine.board import Look, TargetState
from watcher.engine.restored import NOTHING_RESTORED
from watcher.runtime.cooperative import BUSY
from watcher.scheduling.poller import LATE, TICK, TOGETHER, LateTurns, Over, Poller, stagger
from watcher.scheduling.timing_wheel import MANY, STEP, TimingWheel


def _rows(count: int) -> list[TargetState]:
    return [TargetState(target(f"pod-{number}"), (), NOTHING_RESTORED, None) for number in range(count)]


def _wheel(source: str, interval: float, states: list[TargetState]) -> TimingWheel:
    """A wheel whose first looks were made."""
    wheel = TimingWheel(source, interval)
    for state in states:
        wheel.add(state)
    wheel.arrivals.clear()
    return wheel


def _full_turn(wheel: TimingWheel) -> list[TargetState]:
    return [state for step in range(wheel.steps) for state in wheel.due(step)]


def _step_of_nobody(wheel: TimingWheel) -> int:
    return next(step for step in range(wheel.steps) if step not in wheel.slots)


class Watching:
    """A course over rows that counts what it does."""

    def __init__(
        self,
        loop: VirtualLoop,
        interval: float,
        states: list[TargetState],
        seconds_a_look: float = 0.0,
        concurrency: int = 100,
        *,
        source: str = "agent_metrics",
        told: bool = True,
        fails: bool = False,
        late_turns: LateTurns | None = None,
    ) -> None:
        self._told, self._fails = told, fails
        self.seen: Counter[TargetState] = Counter()
        self.moments: list[float] = []
        self.turns: Counter[int] = Counter()
        self.lags: list[float] = []
        self.skipped = self.due = self.left_out = 0
        self._loop, self._seconds = loop, seconds_a_look
        self.wheel = _wheel(source, interval, states)
        self.poller = Poller(
            self.wheel,
            self._look,
            concurrency,
            lagged=self.lags.append,
            skipped=self._skip,
            due=self._count,
            late_turns=late_turns,
            now=loop.time,
            steady=loop.time,
        )

    async def _look(self, state: TargetState, over: Over) -> None:
        self.seen[state] += 1
        self.moments.append(self._loop.time())
        self.turns[self._loop.turns] += 1
        await asyncio.sleep(self._seconds)
        if self._fails:
            raise ArithmeticError("a bug")
        if self._told:
            over(state)

    def _skip(self, looks: int) -> None:
        self.skipped += looks

    def _count(self, due: int, left_out: int) -> None:
        self.due += due
        self.left_out += left_out


def test_every_target_is_due_once_a_turn_and_at_the_same_step_after_a_restart() -> None:
    states = _rows(500)
    first, again = _wheel("opa", 30.0, states), _wheel("opa", 30.0, states[::-1])
    assert Counter(_full_turn(first)) == Counter(states)
    assert {at: set(slot) for at, slot in first.slots.items()} == {at: set(slot) for at, slot in again.slots.items()}


def test_the_looks_of_a_fleet_are_spread_over_the_interval() -> None:
    wheel = _wheel("opa", 30.0, _rows(12_000))
    assert max(map(len, wheel.slots.values())) <= 30, "ten are due at a step on average"


def test_a_wheel_costs_what_its_targets_cost_however_long_it_turns() -> None:
    assert len(_wheel("opa", 86_400.0, _rows(10)).slots) <= 10


def test_the_first_looks_of_a_large_fleet_are_left_to_the_wheel_but_for_a_few() -> None:
    wheel = TimingWheel("opa", 3600.0)
    states = _rows(MANY + 40)
    for state in states:
        wheel.add(state)
    wheel.slots.clear()
    second = [len(wheel.due(step)) for step in range(round(1.0 / STEP))]
    assert second == [1] * 40
    assert len(wheel.due(0)) == 4


def test_a_new_target_is_looked_at_within_a_second_and_not_an_interval_later() -> None:
    wheel = TimingWheel("handshake", 3600.0)
    states = _rows(100)
    for state in states:
        wheel.add(state)
    assert {state for step in range(round(1.0 / STEP)) for state in wheel.due(step)} == set(states)


def test_a_target_that_is_gone_is_not_due() -> None:
    wheel = TimingWheel("opa", 1.0)
    (state,) = _rows(1)
    wheel.add(state)
    state.removed = True
    assert _full_turn(wheel) == []
    assert wheel.empty


def test_a_target_that_goes_while_its_look_waits_is_not_looked_at() -> None:
    async def main(loop: VirtualLoop) -> Watching:
        watching = Watching(loop, 0.25, states := _rows(4), seconds_a_look=0.5, concurrency=1)
        walking = asyncio.create_task(_walk(watching, seconds=3))
        await asyncio.sleep(0.4)
        [looked_at] = watching.seen
        for state in states:
            state.removed = state is not looked_at
        await walking
        return watching

    watching = run(main)
    assert len(watching.seen) == 1
    assert watching.seen.total() >= 4, "whose looks wait for nobody any more"


def test_a_wheel_without_targets_wakes_nobody_and_one_that_comes_is_looked_at_at_the_next_tick() -> None:
    async def main(loop: VirtualLoop) -> tuple[float, Watching]:
        watching = Watching(loop, 0.25, [])
        began = loop.time()
        await watching.poller.tick()
        took = loop.time() - began
        (state,) = _rows(1)
        watching.wheel.add(state)
        await asyncio.sleep(TICK)
        await watching.poller.tick()
        await watching.poller.drain()
        return took, watching

    took, watching = run(main)
    assert took == 0, "a tick takes a second where it walks its steps"
    assert watching.seen.total() >= 4
    assert watching.skipped == 0


def test_targets_that_came_and_went_do_not_hold_up_one_that_came() -> None:
    wheel = TimingWheel("opa", 1.0)
    *removed, state = _rows(1000)
    for each in (*removed, state):
        wheel.add(each)
    for each in removed:
        each.removed = True
    assert state in wheel.due(0)
    assert not wheel.arrivals


async def _walk(watching: Watching, seconds: int) -> None:
    """As the schedule does: a run a second, whether the one before is over or not."""
    ticks = []
    for second in range(1, seconds + 1):
        ticks.append(asyncio.create_task(watching.poller.tick()))
        await asyncio.sleep(TICK if second < seconds else TICK - STEP / 2)
    await watching.poller.drain()
    await asyncio.gather(*ticks)


def test_each_target_is_looked_at_once_an_interval() -> None:
    async def main(loop: VirtualLoop) -> Watching:
        watching = Watching(loop, 0.25, _rows(40))
        await _walk(watching, seconds=3)
        return watching

    watching = run(main)
    assert set(watching.seen.values()) == {12}, "three seconds hold twelve turns of 250 ms"
    assert len(watching.seen) == 40
    assert watching.skipped == 0
    assert len(watching.lags) == 480
    assert max(watching.lags) < 1e-5, "nothing held them up"


def test_a_run_of_the_job_that_comes_in_the_middle_of_a_step_or_late_makes_no_look_late() -> None:
    async def main(loop: VirtualLoop) -> Watching:
        watching = Watching(loop, 0.25, _rows(40))
        await asyncio.sleep(STEP / 3)
        first = asyncio.create_task(watching.poller.tick())
        await asyncio.sleep(TICK + 2 * STEP)
        await watching.poller.tick()
        await watching.poller.drain()
        await first
        return watching

    watching = run(main)
    late = [moment for moment, lag in zip(watching.moments, watching.lags, strict=True) if lag > 1e-5]
    assert all(moment < 1000 + STEP for moment in late), "only what was due before the first run"
    assert len(watching.seen) == 40
    assert watching.skipped == 0


def test_a_first_look_and_a_turn_on_the_wheel_at_the_same_step_are_one_look() -> None:
    wheel = TimingWheel("handshake", 0.5)
    (state,) = _rows(1)
    wheel.add(state)
    (slot,) = wheel.slots
    assert wheel.due(slot) == [state]


def test_a_course_that_was_drained_starts_no_more_in_the_middle_of_a_tick() -> None:
    async def main(loop: VirtualLoop) -> tuple[int, int]:
        watching = Watching(loop, 0.25, _rows(40))
        tick = asyncio.create_task(watching.poller.tick())
        await asyncio.sleep(0.3)
        await watching.poller.drain()
        before = watching.seen.total()
        await asyncio.wait_for(tick, 0.2)
        await asyncio.sleep(0.01)
        return before, watching.seen.total()

    before, after = run(main)
    assert 0 < before == after


def test_a_look_that_outlasts_its_interval_is_not_doubled_but_counted() -> None:
    async def main(loop: VirtualLoop) -> Watching:
        watching = Watching(loop, 0.25, _rows(1), seconds_a_look=60.0)
        await watching.poller.tick()
        await watching.poller.drain()
        return watching

    watching = run(main)
    assert list(watching.seen.values()) == [1]
    assert watching.skipped == 3


def test_looks_that_wait_for_their_turn_cost_no_task_and_are_all_made() -> None:
    async def main(loop: VirtualLoop) -> tuple[Watching, int]:
        watching = Watching(loop, 0.25, _rows(40), seconds_a_look=0.01, concurrency=3)
        tick = asyncio.create_task(watching.poller.tick())
        most = 0
        while not tick.done():
            await asyncio.sleep(0.002)
            most = max(most, len(asyncio.all_tasks()))
        await watching.poller.drain()
        return watching, most

    watching, most = run(main)
    assert most == 3 + 2, "three looks, the tick and this test"
    assert len(watching.seen) == 40


def test_the_looks_of_a_step_are_spread_over_it_where_they_are_many() -> None:
    async def main(loop: VirtualLoop) -> Watching:
        watching = Watching(loop, STEP, _rows(3 * TOGETHER))
        await watching.poller.tick()
        await watching.poller.drain()
        return watching

    moments = run(main).moments
    gaps = [new - old for old, new in pairwise(moments[:-TOGETHER])]
    apart = [gap for gap in gaps if gap > 1e-5]
    assert apart == pytest.approx([STEP / 3] * len(apart), abs=1e-5)
    assert len(apart) == len(gaps) // TOGETHER, "as many are released at once as may be"


def _begun_a_turn(standstill: float) -> int:
    """The most that one turn of the loop began of a hundred looks that are due together, after a standstill."""

    async def main(loop: VirtualLoop) -> Watching:
        watching = Watching(loop, 10.0, [])
        watching.wheel.slots = {step: _rows(TOGETHER) for step in range(5)}
        loop.moment += standstill
        await watching.poller.tick()
        await watching.poller.drain()
        return watching

    watching = run(main)
    assert len(watching.seen) == 5 * TOGETHER
    return max(watching.turns.values())


def test_looks_that_are_due_together_begin_together_while_the_daemon_keeps_up() -> None:
    assert _begun_a_turn(standstill=0.0) == TOGETHER


def test_a_turn_of_the_loop_begins_a_batch_of_the_looks_that_are_late_and_all_are_made() -> None:
    assert _begun_a_turn(standstill=0.5) == LATE < TOGETHER


def _late(loop: VirtualLoop, seconds_a_look: float, turns: LateTurns, concurrency: int = 100) -> Watching:
    """Five full steps that were due half a second ago."""
    watching = Watching(loop, 10.0, [], seconds_a_look, concurrency, late_turns=turns)
    watching.wheel.slots = {step: _rows(TOGETHER) for step in range(5)}
    return watching


async def _busy(loop: VirtualLoop) -> None:
    while True:
        await asyncio.sleep(0)
        loop.moment += 2 * BUSY


async def _after(seconds: float, all_late: list[Watching], loop: VirtualLoop, *, busy: bool) -> None:
    """What they do in so many seconds of a loop that has something else to do in each turn, or has not."""
    other = asyncio.create_task(_busy(loop)) if busy else None
    ticks = [asyncio.create_task(late.poller.tick()) for late in all_late]
    await asyncio.sleep(seconds)
    for task in filter(None, (other, *ticks)):
        task.cancel()


def test_the_next_batch_of_late_looks_begins_when_the_loop_has_nothing_else_to_do_or_most_of_the_last_is_over() -> None:
    async def main(loop: VirtualLoop) -> tuple[int, int, int]:
        late = _late(loop, 60.0, LateTurns())
        loop.moment += 0.5
        await _after(2.0, [late], loop, busy=True)
        one, waiting = late.seen.total(), late.poller.waiting
        await _after(0.1, [late], loop, busy=False)
        await late.poller.drain()
        return one, waiting, late.seen.total()

    one, waiting, both = run(main)
    assert (one, waiting) == (LATE, 5 * TOGETHER - LATE)
    assert both == 100, "as many as may be under way"


def test_of_sources_that_are_late_in_a_busy_loop_each_begins_as_many_looks_however_long_its_own_take() -> None:
    async def main(loop: VirtualLoop) -> tuple[int, int]:
        turns = LateTurns()
        quick, slow = _late(loop, 0.01, turns), _late(loop, 0.2, turns)
        loop.moment += 0.5
        await _after(1.0, [quick, slow], loop, busy=True)
        await quick.poller.drain()
        await slow.poller.drain()
        return quick.seen.total(), slow.seen.total()

    quick, slow = run(main)
    assert slow >= 3 * LATE
    assert abs(quick - slow) <= 2 * LATE


def test_a_source_whose_targets_hold_all_its_places_keeps_no_other_from_its_late_looks() -> None:
    async def main(loop: VirtualLoop) -> int:
        turns = LateTurns()
        quick, hung = _late(loop, 0.01, turns), _late(loop, 60.0, turns, concurrency=LATE)
        loop.moment += 0.5
        await _after(1.0, [hung, quick], loop, busy=True)
        await quick.poller.drain()
        await hung.poller.drain()
        return quick.seen.total()

    assert run(main) == 5 * TOGETHER


def test_sources_that_are_late_have_turns_and_none_that_falls_behind_claims_what_was_before() -> None:
    turns = LateTurns()
    turns.begins("opa")
    assert turns.has("handshake"), "it joins where the other one is"
    turns.begins("opa")
    assert not turns.has("opa")
    turns.begins("handshake")
    assert turns.has("opa")
    turns.begins("opa")
    turns.over("handshake")
    assert turns.has("opa"), "nobody else is late"


def test_a_target_of_which_nothing_is_known_is_looked_at_before_those_that_wait_for_another_look() -> None:
    *known, fresh = _rows(10)
    for state in known:
        state.looks = {"agent_metrics": Look("agent_metrics", 0.0, 0.0, Reading())}

    async def main(loop: VirtualLoop) -> Watching:
        watching = Watching(loop, STEP, [*known[: TOGETHER - 1], fresh], seconds_a_look=0.001, concurrency=1)
        await watching.poller.tick()
        await watching.poller.drain()
        return watching

    assert next(iter(run(main).seen)) is fresh


def test_after_a_standstill_each_target_is_looked_at_once_and_the_rest_is_counted() -> None:
    async def main(loop: VirtualLoop) -> Watching:
        watching = Watching(loop, 0.25, _rows(10))
        loop.moment += 1.1
        tick = asyncio.create_task(watching.poller.tick())
        await asyncio.sleep(0.001)
        tick.cancel()
        await watching.poller.drain()
        return watching

    watching = run(main)
    assert 30 <= watching.skipped <= 40
    assert len(watching.seen) == 10
    assert set(watching.seen.values()) == {1}
    assert STEP < max(watching.lags) < 0.25, "they are late and say so, but by less than an interval"


def test_new_targets_come_one_by_one_while_looks_are_late() -> None:
    wheel = TimingWheel("handshake", 3600.0)
    states = _rows(3)
    for state in states:
        wheel.add(state)
    empty = _step_of_nobody(wheel)
    assert wheel.due(empty, late=True) == states[:1]
    assert wheel.due(empty) == states[1:]


def test_a_target_whose_turn_came_before_its_first_look_is_not_looked_at_twice() -> None:
    wheel, (state,) = TimingWheel("agent_metrics", 1.0), _rows(1)
    wheel.add(state)
    state.looks["agent_metrics"] = Look("agent_metrics", 0.0, 0.0, Reading())
    empty = _step_of_nobody(wheel)
    assert wheel.due(empty) == []


def test_looks_that_are_due_are_counted_and_none_waits_while_all_is_well() -> None:
    async def main(loop: VirtualLoop) -> Watching:
        watching = Watching(loop, 1.0, _rows(40), seconds_a_look=0.1)
        await _walk(watching, seconds=5)
        return watching

    watching = run(main)
    assert (watching.due, watching.left_out) == (200, 0)


def test_the_oldest_look_that_waits_for_a_place_says_how_long() -> None:
    async def main(loop: VirtualLoop) -> float:
        watching = Watching(loop, 1.0, _rows(40), seconds_a_look=1000.0, concurrency=1)
        walk = asyncio.create_task(_walk(watching, seconds=10))
        await asyncio.sleep(8.5)
        waits = watching.poller.waits
        await walk
        return waits

    assert 8.0 < run(main) <= 9.5


def test_steps_that_no_tick_came_to_are_waited_for_too() -> None:
    async def main(loop: VirtualLoop) -> list[float]:
        watching = Watching(loop, 60.0, _rows(1))
        loop.moment += 100.0
        watching.poller.begin()
        waited = [watching.poller.waits]
        loop.moment += 45.0
        return [*waited, watching.poller.waits]

    before, after = run(main)
    assert before == 0, "before it began nothing was due"
    assert after == pytest.approx(45.0, abs=2 * STEP)


def test_looks_left_out_count_as_those_of_the_last_minute_however_long_the_process_was_stopped() -> None:
    async def main(loop: VirtualLoop) -> Watching:
        watching = Watching(loop, 30.0, _rows(40))
        loop.moment += 86400.0 * 30
        await _walk(watching, seconds=1)
        return watching

    watching = run(main)
    assert watching.skipped == pytest.approx(40 * 86400, abs=80)
    assert watching.left_out <= 80, "two turns of half a minute"
    assert len(watching.seen) == 40


def test_a_first_look_out_of_turn_that_is_under_way_is_in_time_for_the_turn() -> None:
    async def main(loop: VirtualLoop) -> Watching:
        watching = Watching(loop, 10.0, [], seconds_a_look=9.0)
        for state in _rows(20):
            watching.wheel.add(state)
        await _walk(watching, seconds=12)
        return watching

    watching = run(main)
    assert watching.skipped <= 20
    assert watching.left_out == watching.skipped
    assert sum(watching.seen.values()) >= 20


@pytest.mark.parametrize(
    ("agents", "interval", "milliseconds"),
    [
        (100, 30.0, 100),
        (5_000, 30.0, 100),
        (10_000, 30.0, 50),
        (10_000, 60.0, 100),
        (20_000, 30.0, 25),
        (50_000, 30.0, 25),
        (10, 0.25, 25),
        (10, 0.05, 25),
        (0, 30.0, 100),
    ],
)
def test_a_release_covers_as_many_steps_as_make_a_batch(agents: int, interval: float, milliseconds: int) -> None:
    wheel = _wheel("opa", interval, _rows(agents))
    wheel.gather()
    assert wheel.at_once * STEP * 1000 == milliseconds


def test_no_target_has_another_place_on_the_wheel_because_the_fleet_grows() -> None:
    small, large = _wheel("opa", 30.0, _rows(500)), _wheel("opa", 30.0, _rows(20_000))
    small.gather()
    large.gather()
    assert small.at_once != large.at_once
    places = {state.target.key: at for at, slot in large.slots.items() for state in slot}
    assert all(places[state.target.key] == at for at, slot in small.slots.items() for state in slot)


def test_each_target_is_looked_at_once_an_interval_while_the_size_of_the_batches_changes() -> None:
    async def main(loop: VirtualLoop) -> Watching:
        watching = Watching(loop, 1.0, _rows(40))
        ticks = []
        for at_once in (1, 4, 2, 1, 4, 1):
            watching.wheel.at_once = at_once
            ticks.append(asyncio.create_task(watching.poller.tick()))
            await asyncio.sleep(TICK)
        await watching.poller.drain()
        await asyncio.gather(*ticks)
        return watching

    watching = run(main)
    assert len(watching.seen) == 40
    assert set(watching.seen.values()) <= {6, 7}, "six seconds, and what is released ahead of the last step"
    assert watching.skipped == 0


def test_the_batches_of_ten_thousand_agents_are_of_about_sixteen_and_never_meet_those_of_another_source() -> None:
    async def main(loop: VirtualLoop) -> list[Watching]:
        states = _rows(10_000)
        paced = (("agent_metrics", 30.0), ("handshake", 60.0), ("opa", 30.0))
        all_watching = [Watching(loop, interval, states, source=source) for source, interval in paced]
        for watching in all_watching:
            watching.wheel.gather()
        stagger([watching.poller for watching in all_watching])
        await asyncio.gather(*(_walk(watching, seconds=5) for watching in all_watching))
        return all_watching

    all_watching = run(main)
    batches = [Counter(round(moment, 5) for moment in watching.moments) for watching in all_watching]
    sizes = [size for each in batches for size in each.values()]
    assert 14 <= sum(sizes) / len(sizes) <= 18
    assert max(sizes) <= TOGETHER
    moments = sorted((moment, place) for place, each in enumerate(batches) for moment in each)
    assert min(new[0] - old[0] for old, new in pairwise(moments) if new[1] != old[1]) > 0.010


def test_a_look_is_under_way_until_it_is_over_even_where_it_has_ended() -> None:
    async def main(loop: VirtualLoop) -> Watching:
        watching = Watching(loop, 0.25, _rows(1), told=False)
        await watching.poller.tick()
        await watching.poller.drain()
        return watching

    watching = run(main)
    assert list(watching.seen.values()) == [1]
    assert watching.skipped == 3


def test_a_look_that_is_cut_off_or_fails_is_not_under_way_any_more() -> None:
    async def main(loop: VirtualLoop) -> Watching:
        loop.set_exception_handler(lambda *_: None)
        watching = Watching(loop, 0.25, _rows(1), fails=True)
        await watching.poller.tick()
        await watching.poller.drain()
        return watching

    watching = run(main)
    assert list(watching.seen.values()) == [4]
    assert watching.skipped == 0
