"""A look that is judged a moment later says what it would have said at once."""

import asyncio
from dataclasses import replace

import pytest

from probes.contract import Evaluation, EvaluationContext, Limits, Unknown
from tests.engine.toy import TOY, History, Rooms
from tests.engine.watch import BAD, GOOD, NOW, Watch
from watcher.engine.board import TargetState
from watcher.runtime.judging_queue import GATHER

CROWD = Rooms(verdicts=(BAD,), cpu=0.01)


class Waiting:
    """A look whose reading waits to be judged."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.over: list[TargetState] = []

    async def look(self, reading: Rooms) -> None:
        """Make it; the reading waits, if it is a light one."""
        self.watch.told["agent_metrics"].reading = reading
        await self.watch.lookers["agent_metrics"].look_and_queue(self.watch.state, self.over.append)


def test_a_reading_waits_and_then_it_is_judged_shown_and_over() -> None:
    waiting = Waiting(watch := Watch())

    async def main() -> None:
        await waiting.look(Rooms(verdicts=(BAD,)))
        assert (waiting.over, watch.state.looks, watch.looks("ok")) == ([], {}, 0)
        await asyncio.sleep(3 * GATHER)

    asyncio.run(main())
    assert waiting.over == [watch.state]
    assert watch.verdicts() == (BAD,)
    assert watch.looks("ok") == 1


def test_a_heavy_reading_does_not_wait_in_the_row() -> None:
    waiting = Waiting(watch := Watch())
    asyncio.run(waiting.look(CROWD))
    assert waiting.over == [watch.state]
    assert watch.verdicts() == (BAD,)


def test_the_dates_are_those_of_the_look_and_not_of_the_judging() -> None:
    seen: list[tuple[float, float]] = []

    def tells(_: Rooms, history: History, context: EvaluationContext[Limits]) -> Evaluation[History]:
        seen.append((context.now, context.date))
        return Evaluation(verdicts=(GOOD,), history=history)

    waiting = Waiting(watch := Watch(replace(TOY, judge=tells)))
    watch.ahead = 10.0

    async def main() -> None:
        await waiting.look(Rooms())
        watch.now += 5.0
        watch.ahead = 3600.0  # somebody sets the clock meanwhile
        await watch.fleet.judging.drain()

    asyncio.run(main())
    assert seen == [(NOW, NOW + 10.0)]
    assert watch.state.looks["agent_metrics"].at == NOW
    result = watch.state.results[0]
    assert result is not None
    assert result.at == NOW


def test_a_reading_of_a_target_that_was_replaced_is_not_taken_for_one_of_the_new_target() -> None:
    judged: list[Rooms] = []

    def tells(reading: Rooms, history: History, _: EvaluationContext[Limits]) -> Evaluation[History]:
        judged.append(reading)
        return Evaluation(verdicts=reading.verdicts, history=history)

    waiting = Waiting(watch := Watch(replace(TOY, judge=tells)))
    before = watch.state

    async def main() -> None:
        await waiting.look(Rooms(verdicts=(BAD,)))
        elsewhere = replace(before.target, metrics="http://127.0.0.1:2/metrics")
        await watch.board.replace([elsewhere], {})
        await watch.fleet.judging.drain()

    asyncio.run(main())
    assert watch.state is not before
    assert (watch.state.looks, before.looks, watch.state.reached) == ({}, {}, frozenset())
    assert {each.reason for each in watch.verdicts()} == {Unknown.WARMING_UP}
    assert waiting.over == [before], "its next look may begin"
    assert judged == []
    assert watch.looks("ok") == 1, "it was made"


def test_a_look_does_not_last_longer_because_of_looks_that_went_first() -> None:
    watch = Watch()
    watch.look(Rooms(verdicts=(GOOD,), waited=3600.0))
    assert watch.state.looks["agent_metrics"].seconds == 0.0


def test_a_judge_that_fails_for_good_leaves_no_look_under_way() -> None:
    waiting = Waiting(watch := Watch())

    def fails(_: TargetState) -> None:
        raise ArithmeticError("a bug in who is told")

    watch.board.on_look.append(fails)

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        await waiting.look(Rooms(verdicts=(BAD,)))
        await watch.fleet.judging.drain()

    asyncio.run(main())
    assert waiting.over == [watch.state]


@pytest.mark.parametrize("reading", [CROWD, Rooms(verdicts=(BAD,))])
def test_a_look_that_nobody_queues_is_posted_when_it_ends(reading: Rooms) -> None:
    watch = Watch()
    watch.look(reading)
    assert watch.verdicts() == (BAD,)
