"""Work of readers, one piece at a time; and pages that are made once for all who wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest

from watcher.web.serving.places import FullError, Places
from watcher.web.serving.turns import Turns


async def _work(turns: Turns, caller: str, done: list[str]) -> None:
    async with turns.turn(caller):
        await asyncio.sleep(0)
        done.append(caller)


def test_callers_take_turns_however_much_one_of_them_asks_for() -> None:
    async def main() -> list[str]:
        turns, done = Turns(), list[str]()
        crowd = [_work(turns, "a", done) for _ in range(50)]
        await asyncio.gather(*crowd, _work(turns, "b", done))
        return done

    done = asyncio.run(main())
    assert len(done) == 51
    assert done.index("b") <= 2


def test_two_that_come_in_the_same_turn_of_the_loop_do_not_work_in_the_same() -> None:
    async def main() -> int:
        turns, turn, worked = Turns(), 0, list[int]()

        async def work() -> None:
            async with turns.turn("a"):
                worked.append(turn)

        tasks = [asyncio.create_task(work()) for _ in range(10)]
        while len(worked) < 10:
            await asyncio.sleep(0)
            turn += 1
        await asyncio.gather(*tasks)
        return len(set(worked))

    assert asyncio.run(main()) == 10


def test_who_is_cancelled_while_waiting_or_working_hands_the_turn_on() -> None:
    async def main() -> list[str]:
        turns, done = Turns(), list[str]()
        tasks = [asyncio.create_task(_work(turns, name, done)) for name in ("a", "b", "c", "d")]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[1].cancel()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
        assert not turns.busy or await asyncio.sleep(0.01, result=not turns.busy)
        return done

    assert asyncio.run(main()) == ["c", "d"]


def test_others_have_their_turn_between_the_pieces_of_one() -> None:
    async def endless() -> AsyncIterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    async def main() -> int:
        turns, done = Turns(), list[str]()
        other = None
        async for piece in turns.pieces(endless(), "a"):
            if piece == 3:
                other = asyncio.create_task(_work(turns, "b", done))
            await asyncio.sleep(0)
            if done:
                assert other is not None
                return piece
        raise AssertionError

    assert asyncio.run(main()) < 10


def test_one_address_leaves_places_for_another() -> None:
    places, held = Places(20), ExitStack()
    with held:
        for _ in range(12):
            held.enter_context(places.place("a"))
        with pytest.raises(FullError), places.place("a"):
            pass
        with places.place("b"):
            pass
    with places.place("a"):
        pass


def test_all_addresses_together_have_so_many_places() -> None:
    places, held = Places(20), ExitStack()
    with held:
        for number in range(20):
            held.enter_context(places.place(str(number)))
        with pytest.raises(FullError), places.place("another"):
            pass
