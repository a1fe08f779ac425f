"""What several want to know at once is asked once, and its answer kept for as long as it is new enough."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

K = TypeVar("K", bound=Hashable)
A = TypeVar("A")


class _Flight(NamedTuple):
    """One question, or several at once: under way, or answered."""

    task: asyncio.Task[Any]
    started: float


class SingleFlight(Generic[K, A]):
    """The newest answers, by key."""

    def __init__(self) -> None:
        self._flights: dict[K, _Flight] = {}
        self._tasks: set[asyncio.Task[Any]] = set()  # under way, also those whose answer nobody waits for

    async def get(
        self,
        keys: Sequence[K],
        ask: Callable[[Sequence[K]], Coroutine[Any, Any, Mapping[K, A]]],
        *,
        now: float,
        newer_than: float,
    ) -> tuple[Mapping[K, A], Sequence[K]]:
        """The answers to these keys, and which of the keys were asked for by this call.

        `ask` is called for those that were last asked at `newer_than` or before; both are seconds of one clock. Where
        that is set back, what seems to come from the future is asked anew.
        """
        due = [key for key in keys if not self._is_new(key, newer_than, now)]
        if due:
            task = asyncio.get_running_loop().create_task(ask(due))
            self._tasks.add(task)
            task.add_done_callback(self._done)
            self._flights.update(dict.fromkeys(due, _Flight(task, now)))
        tasks = [(key, self._flights[key].task) for key in keys]
        # Shielded: that one caller gives up must not take the answer from the others.
        return {key: (await asyncio.shield(task))[key] for key, task in tasks}, due

    def keep(self, is_wanted: Callable[[K], bool]) -> None:
        """Forget all other answers; what is under way ends by itself."""
        self._flights = {key: flight for key, flight in self._flights.items() if is_wanted(key)}

    def forget_older(self, than: float) -> None:
        """Forget answers that were asked for before this moment, in seconds of the clock of `now`."""
        self._flights = {
            key: flight for key, flight in self._flights.items() if flight.started >= than or not flight.task.done()
        }

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits for the answer is told; where nobody does, it is no news

    def _is_new(self, key: K, newer_than: float, now: float) -> bool:
        flight = self._flights.get(key)
        return flight is not None and newer_than < flight.started <= now and not flight.task.cancelled()
