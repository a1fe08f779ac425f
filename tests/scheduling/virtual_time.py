"""An event loop whose time jumps to the next timer: what takes seconds in the daemon takes none in a test."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import TypeVar

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """`moment` is its time in seconds; add to it for a standstill. `turns` counts how often it went round."""

    def __init__(self) -> None:
        self.moment = 1000.0
        self.turns = 0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.moment


class _Jumping(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing is scheduled and nothing is ready: this loop would wait for ever")
        self._loop.moment += timeout
        self._loop.turns += 1
        return super().select(0)


def run(main: Callable[[VirtualLoop], Coroutine[object, object, T]]) -> T:
    """What `main(loop)` returns, run in virtual time."""
    loop = VirtualLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main(loop))
