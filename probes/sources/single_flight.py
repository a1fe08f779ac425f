"""A question that several targets would ask of one server is asked once an interval."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import NamedTuple

from probes.contract import Target, TargetKey
from probes.readings.decision import Reply

Replies = Mapping[bytes, Reply]
Where = tuple[str, bytes]
"""A server's URL and the path that is asked."""


class _Flight(NamedTuple):
    """One round of questions: under way, or its replies."""

    task: asyncio.Task[Replies]
    started: float  # by the loop's clock


class SingleFlight:
    """The newest replies of servers that several targets share."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._shared: frozenset[str] = frozenset()
        self._flights: dict[tuple[Where, bytes], _Flight] = {}
        self._looked: dict[TargetKey, float] = {}
        self._tasks: set[asyncio.Task[Replies]] = set()

    def expect(self, targets: Sequence[Target]) -> None:
        """These are the targets now."""
        urls = Counter(target.opa for target in targets if target.opa)
        self._shared = frozenset(url for url, sharing in urls.items() if sharing > 1)
        here = {target.key for target in targets}
        self._looked = {key: at for key, at in self._looked.items() if key in here}
        self._flights = {key: flight for key, flight in self._flights.items() if key[0][0] in self._shared}

    def shared(self, url: str) -> bool:
        """Whether several targets have this server."""
        return url in self._shared

    async def ask(
        self,
        target: TargetKey,
        where: Where,
        bodies: Sequence[bytes],
        ask: Callable[[Sequence[bytes]], Coroutine[None, None, Replies]],
    ) -> tuple[Replies, Sequence[bytes]]:
        """The replies to these bodies, and which of the bodies were asked for this look.

        No target is given the same reply at two looks, so that one bad answer is not counted as two in a row.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        newer_than = max(self._looked.get(target, 0.0), now - self._interval)
        due = [body for body in bodies if self._started(where, body) <= newer_than]
        if due:
            task = loop.create_task(ask(due))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            self._flights.update({(where, body): _Flight(task, now) for body in due})
        self._looked[target] = now
        flights = [(body, self._flights[where, body].task) for body in bodies]
        # Shielded: that one look is given up must not take the replies from the others.
        return {body: (await asyncio.shield(task))[body] for body, task in flights}, due

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _started(self, where: Where, body: bytes) -> float:
        flight = self._flights.get((where, body))
        return flight.started if flight is not None else float("-inf")
