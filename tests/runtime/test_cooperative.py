"""Long work gives way to what the loop has to do besides, and is done all the same."""

import asyncio
from collections import Counter

from tests.scheduling.virtual_time import VirtualLoop, run
from watcher.runtime.cooperative import LONGEST, PATIENCE, Gate, TimeSlice

_PIECES = 10


def _turns_of_others(seconds_each: float) -> int:
    """How many turns of the loop others have while the work of ten full turns is done; theirs take so long."""

    async def main(loop: VirtualLoop) -> Counter[str]:
        had: Counter[str] = Counter()

        async def others() -> None:
            for _ in range(1000):
                loop.moment += seconds_each
                had["others"] += 1
                await asyncio.sleep(0)

        beside = asyncio.create_task(others())
        time_slice = TimeSlice(loop.time)
        for _ in range(_PIECES):
            loop.moment += LONGEST
            await time_slice.checkpoint()
        beside.cancel()
        return had

    return run(main)["others"]


def test_a_loop_that_has_much_to_do_goes_first_but_not_for_ever() -> None:
    assert _turns_of_others(seconds_each=0.4 * PATIENCE) == 3 * _PIECES


def test_where_a_turn_of_others_is_long_the_work_that_waited_for_it_may_take_longer_too() -> None:
    assert _turns_of_others(seconds_each=6 * PATIENCE) == 2, (
        "after one piece, and after as many as fit into the patience"
    )


def test_a_loop_that_has_little_to_do_shares_its_turns_with_the_work() -> None:
    assert _turns_of_others(seconds_each=0.0001) == _PIECES


def test_work_that_takes_less_than_a_turn_gives_nothing_away() -> None:
    async def main(loop: VirtualLoop) -> int:
        time_slice, before = TimeSlice(loop.time), loop.turns
        loop.moment += LONGEST / 2
        await time_slice.checkpoint()
        return loop.turns - before

    assert run(main) == 0


def _through_the_gate(*, given_up: int | None = None) -> list[str]:
    """Who came through, and in which order, while one holds it; `given_up`: the place of one that waits no longer."""

    async def main() -> list[str]:
        gate, came = Gate(), list[str]()

        async def read(name: str) -> None:
            async with gate:
                came.append(name)

        async def judge(name: str) -> None:
            async with gate.ahead():
                came.append(name)

        async with gate:
            waiting = [asyncio.create_task(each) for each in (read("page 1"), read("page 2"), judge("verdicts"))]
            await asyncio.sleep(0)
            if given_up is not None:
                waiting[given_up].cancel()
        if given_up is None:
            waiting[0].cancel()  # it is let in already
        await asyncio.gather(*waiting, read("page 3"), return_exceptions=True)
        return came

    return asyncio.run(main())


def test_what_was_read_is_judged_before_more_is_read() -> None:
    assert _through_the_gate(given_up=1) == ["verdicts", "page 1", "page 3"]


def test_who_gives_up_keeps_nobody_from_the_gate() -> None:
    assert _through_the_gate(given_up=2) == ["page 1", "page 2", "page 3"]
    assert _through_the_gate() == ["verdicts", "page 2", "page 3"]
