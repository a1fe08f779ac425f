"""Readings that wait are judged in a row, soon, in turns, in their order, and none is lost."""

import asyncio
from collections.abc import Callable

import pytest

from tests.scheduling.virtual_time import VirtualLoop, run
from watcher.runtime.judging_queue import GATHER, TURN, JudgingQueue


class Judged:
    """What was judged in which turn of the loop; each takes so many seconds."""

    def __init__(self, loop: VirtualLoop, seconds: float = 0.0) -> None:
        self.queue = JudgingQueue(loop.time)
        self.order: list[int] = []
        self.turns: list[int] = []
        self.moments: list[float] = []
        self._loop, self._seconds = loop, seconds

    def one(self, number: int) -> Callable[[], None]:
        """Judges this one."""

        def judge() -> None:
            self._loop.moment += self._seconds
            self.order.append(number)
            self.turns.append(self._loop.turns)
            self.moments.append(self._loop.time())

        return judge


def test_readings_that_come_together_are_judged_in_one_turn_in_their_order() -> None:
    async def main(loop: VirtualLoop) -> Judged:
        judged = Judged(loop)
        for number in range(16):
            judged.queue.add(judged.one(number), 30.0)
            await asyncio.sleep(0.001)
        assert judged.order == []
        await asyncio.sleep(GATHER)
        return judged

    judged = run(main)
    assert judged.order == list(range(16))
    assert len(set(judged.turns)) == 1


def test_forty_readings_are_judged_within_fifty_milliseconds_of_the_first_and_give_the_loop_back_meanwhile() -> None:
    async def main(loop: VirtualLoop) -> tuple[Judged, float]:
        judged, began = Judged(loop, 0.0005), loop.time()
        for number in range(40):
            judged.queue.add(judged.one(number), 30.0)
        await asyncio.sleep(0.2)
        return judged, began

    judged, began = run(main)
    assert judged.order == list(range(40))
    assert judged.moments[-1] - began < 0.05
    assert max(map(judged.turns.count, judged.turns)) * 0.0005 <= TURN + 0.0005


def test_readings_of_a_short_interval_do_not_wait_until_the_next_look() -> None:
    async def main(loop: VirtualLoop) -> tuple[Judged, float]:
        judged, began = Judged(loop), loop.time()
        judged.queue.add(judged.one(0), 0.05)
        await asyncio.sleep(0.1)
        return judged, began

    judged, began = run(main)
    assert judged.moments[0] - began == pytest.approx(0.005)


def test_what_waits_is_judged_when_the_queue_is_drained_and_a_later_one_too() -> None:
    async def main(loop: VirtualLoop) -> Judged:
        judged, began = Judged(loop, 0.001), loop.time()
        for number in range(7):
            judged.queue.add(judged.one(number), 30.0)
        await judged.queue.drain()
        assert judged.order == list(range(7))
        assert loop.time() - began < GATHER
        assert max(map(judged.turns.count, judged.turns)) <= 3, "in turns"
        judged.queue.add(judged.one(7), 30.0)
        await asyncio.sleep(2 * GATHER)
        return judged

    assert run(main).order == list(range(8))


@pytest.mark.parametrize("drains", [False, True])
def test_one_that_fails_is_told_and_does_not_take_the_others_with_it(*, drains: bool) -> None:
    told: list[object] = []

    def fails() -> None:
        raise ArithmeticError("a bug")

    async def main(loop: VirtualLoop) -> Judged:
        loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
        judged = Judged(loop)
        judged.queue.add(fails, 30.0)
        judged.queue.add(judged.one(1), 30.0)
        await (judged.queue.drain() if drains else asyncio.sleep(2 * GATHER))
        return judged

    assert run(main).order == [1]
    assert [type(each) for each in told] == [ArithmeticError]
