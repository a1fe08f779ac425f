"""A question that several ask at once goes out once; nobody is given an answer that is too old for him."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence

import pytest

from probes.sources.single_flight import SingleFlight

NOW = 1_790_000_000.0


class Asker:
    """Answers with how often it was asked, once it may."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.began, self.may = asyncio.Event(), asyncio.Event()
        self.may.set()

    async def __call__(self, keys: Sequence[str]) -> Mapping[str, int]:
        self.asked.append(tuple(keys))
        self.began.set()
        answer = len(self.asked)
        await self.may.wait()
        return dict.fromkeys(keys, answer)


def run(script: Coroutine[None, None, None]) -> None:
    asyncio.run(script)


def test_those_who_ask_at_once_share_one_answer() -> None:
    async def script() -> None:
        ask, flights = Asker(), SingleFlight[str, int]()
        got = await asyncio.gather(*(flights.get(["a"], ask, now=NOW, newer_than=NOW - 30) for _ in range(3)))
        assert [answers for answers, _ in got] == [{"a": 1}] * 3
        assert [due for _, due in got] == [["a"], [], []]
        assert ask.asked == [("a",)]

    run(script())


@pytest.mark.parametrize(
    ("later", "newer_than", "answer"),
    [(10.0, NOW - 20, 1), (10.0, NOW - 0.001, 1), (10.0, NOW, 2), (-1.0, NOW - 30, 2)],
    ids=["new enough", "just new enough", "not newer", "the clock was set back"],
)
def test_an_answer_is_kept_for_as_long_as_it_is_newer(later: float, newer_than: float, answer: int) -> None:
    async def script() -> None:
        ask, flights = Asker(), SingleFlight[str, int]()
        await flights.get(["a"], ask, now=NOW, newer_than=NOW - 30)
        assert (await flights.get(["a"], ask, now=NOW + later, newer_than=newer_than))[0] == {"a": answer}

    run(script())


def test_only_what_is_not_known_is_asked_for() -> None:
    async def script() -> None:
        ask, flights = Asker(), SingleFlight[str, int]()
        await flights.get(["a"], ask, now=NOW, newer_than=NOW - 30)
        answers, due = await flights.get(["a", "b"], ask, now=NOW + 1, newer_than=NOW - 30)
        assert (answers, due, ask.asked) == ({"a": 1, "b": 2}, ["b"], [("a",), ("b",)])

    run(script())


def test_one_who_gives_up_does_not_take_the_answer_from_the_others() -> None:
    async def script() -> None:
        ask, flights = Asker(), SingleFlight[str, int]()
        ask.may.clear()
        both = [asyncio.create_task(flights.get(["a"], ask, now=NOW, newer_than=NOW - 30)) for _ in range(2)]
        await asyncio.sleep(0)
        both[0].cancel()
        ask.may.set()
        assert (await both[1])[0] == {"a": 1}

    run(script())


def test_what_was_cut_off_is_asked_anew() -> None:
    async def script() -> None:
        ask, flights = Asker(), SingleFlight[str, int]()
        ask.may.clear()
        waiting = asyncio.create_task(flights.get(["a"], ask, now=NOW, newer_than=NOW - 30))
        await ask.began.wait()
        await flights.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        ask.may.set()
        assert (await flights.get(["a"], ask, now=NOW, newer_than=NOW - 30))[0] == {"a": 2}

    run(script())


def test_old_and_unwanted_answers_are_forgotten_and_those_under_way_are_not_old() -> None:
    async def script() -> None:
        ask, flights = Asker(), SingleFlight[str, int]()
        await flights.get(["old"], ask, now=NOW, newer_than=NOW - 30)
        await flights.get(["new"], ask, now=NOW + 5, newer_than=NOW - 30)
        flights.forget_older(NOW + 5)
        assert (await flights.get(["old", "new"], ask, now=NOW + 6, newer_than=NOW - 30))[1] == ["old"]
        flights.keep(lambda key: key == "old")
        assert (await flights.get(["old", "new"], ask, now=NOW + 7, newer_than=NOW - 30))[1] == ["new"]
        ask.may.clear()
        waiting = asyncio.create_task(flights.get(["slow"], ask, now=NOW + 8, newer_than=NOW))
        await asyncio.sleep(0)
        flights.forget_older(NOW + 99)
        ask.may.set()
        assert (await flights.get(["slow"], ask, now=NOW + 9, newer_than=NOW))[1] == []
        await waiting

    run(script())
