"""Work of readers, one piece at a time; and pages that are made once for all who wait."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.types import Scope

from watcher.runtime.descriptors import FEWEST_READERS, MOST_READERS
from watcher.web.serving.connection import Connection
from watcher.web.serving.middleware import UntilGone
from watcher.web.serving.places import FullError, Places, shares
from watcher.web.serving.shared_page import SharedPages
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


@pytest.mark.parametrize("connections", [FEWEST_READERS, 17, 100, MOST_READERS])
def test_those_who_wait_leave_a_connection_for_who_asks_for_health(connections: int) -> None:
    found = shares(connections)
    assert min(found) >= 1
    assert sum(found) < connections


def test_a_crowd_at_the_metrics_costs_two_pages_while_one_reader_takes_its_own_slowly() -> None:
    begun = 0

    async def page() -> AsyncIterator[bytes]:
        nonlocal begun
        begun += 1
        for _ in range(3):
            yield b"piece"

    async def main() -> tuple[int, int]:
        pages = SharedPages(Places(100))
        reader = cast("Connection", object())
        slow = await pages.page("text", page, reader, "a")
        await anext(slow)
        await asyncio.sleep(0)  # nobody has a turn now
        crowd = [asyncio.create_task(_taken(pages, page, reader)) for _ in range(50)]
        taken = await asyncio.gather(*crowd)
        at_once = begun
        assert [piece async for piece in slow] == [b"piece"] * 2
        del slow
        alone = await pages.page("text", page, reader, "a")
        assert [piece async for piece in alone] == [b"piece"] * 3
        return at_once, sum(taken)

    assert asyncio.run(main()) == (2, 150)


async def _taken(pages: SharedPages, page: Callable[[], AsyncIterator[bytes]], reader: Connection) -> int:
    return len([piece async for piece in await pages.page("text", page, reader, "b")])


def test_an_answer_that_ends_does_not_hide_the_next_one_of_its_connection() -> None:
    async def main() -> bool:
        connection = SimpleNamespace(answer=None, lost=False)
        scope = {"state": {"connection": connection}}
        ends = [asyncio.Event(), asyncio.Event()]

        async def answer(scope: Scope, *_: object) -> None:
            await ends[scope["number"]].wait()

        app = UntilGone(answer)
        first, second = (
            asyncio.create_task(app({**scope, "number": number}, cast("Any", None), cast("Any", None)))
            for number in (0, 1)
        )
        await asyncio.sleep(0)
        ends[0].set()
        await first
        remembered = connection.answer is second
        ends[1].set()
        await second
        return remembered

    assert asyncio.run(main())
