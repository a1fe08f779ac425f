"""Long work for readers, one piece at a time: who asks for much waits for himself, and not the others for him."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

T = TypeVar("T")


class Turns:
    """Lets one piece of work through at a time; callers take turns, however many requests each of them has waiting."""

    def __init__(self) -> None:
        self._busy = False
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # by caller; the first of them is next

    @property
    def busy(self) -> bool:
        """Whether somebody has a turn now."""
        return self._busy

    @asynccontextmanager
    async def turn(self, caller: str) -> AsyncIterator[None]:
        """Wait for a turn of this caller, and have it until the end of the block."""
        if self._busy:
            await self._wait(caller)
        self._busy = True
        try:
            yield
        finally:
            # Not at once: of all that come in one turn of the loop, each would find nobody there, and make its own.
            asyncio.get_running_loop().call_soon(self._pass_on)

    async def pieces(self, pieces: AsyncIterator[T], caller: str) -> AsyncIterator[T]:
        """Each piece is made in a turn of its own; while a slow reader takes it, others have theirs."""
        while True:
            async with self.turn(caller):
                try:
                    piece = await anext(pieces)
                except StopAsyncIteration:
                    return
            yield piece

    def route(self, route: Route) -> Route:
        """The same route, whose answers are made in turns."""
        endpoint: Callable[[Request], Awaitable[Response]] = route.endpoint

        async def in_turn(request: Request) -> Response:
            async with self.turn(caller_of(request)):
                return await endpoint(request)

        return Route(route.path, in_turn)

    async def _wait(self, caller: str) -> None:
        future = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(caller, deque()).append(future)
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():  # the turn came together with the end
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        self._busy = False
        while self._waiting and not self._busy:
            caller = next(iter(self._waiting))
            queue = self._waiting.pop(caller)
            future = queue.popleft()
            if queue:
                self._waiting[caller] = queue  # behind all others
            if not future.done():
                self._busy = True
                future.set_result(None)


def caller_of(request: Request) -> str:
    """Whom the work of a request is charged to: the address that it came from."""
    return request.client.host if request.client is not None else ""
