"""What came for TLS sessions is worked off a few milliseconds in each turn of the loop, whoever sent it."""

import asyncio
import time
from collections import deque
from collections.abc import Callable

TURN = 0.002
"""Seconds of CPU after which the rest waits for the next turn: one slow signature more takes 14 ms."""


class WorkQueue:
    """One for all sessions: twenty of them with slow signatures would hold up the loop for a quarter of a second."""

    def __init__(self, cpu_time: Callable[[], float] = time.thread_time) -> None:
        """Count by `cpu_time`, seconds of this thread."""
        self._cpu_time, self._spent = cpu_time, 0.0
        self._waiting = deque[tuple[Callable[[], None], Callable[[float], None]]]()
        self._full = False  # until the next turn

    def do(self, work: Callable[[], None], charge: Callable[[float], None]) -> None:
        """Do it now, or in a later turn, after all that came before; `charge` is told the seconds of CPU it took."""
        if self._full:
            self._waiting.append((work, charge))
            return
        self._run(work, charge)
        if self._spent > TURN:
            self._full = True
            asyncio.get_running_loop().call_soon(self._next_turn)

    def _next_turn(self) -> None:
        self._spent = 0.0
        try:
            while self._waiting and self._spent <= TURN:
                self._run(*self._waiting.popleft())
        finally:  # work that raises ends its turn, and no other's
            self._full = bool(self._waiting)
            if self._full:
                asyncio.get_running_loop().call_soon(self._next_turn)

    def _run(self, work: Callable[[], None], charge: Callable[[float], None]) -> None:
        began = self._cpu_time()
        try:
            work()
        finally:
            took = self._cpu_time() - began
            self._spent += took
            charge(took)
