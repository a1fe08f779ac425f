"""Long work in the event loop, in turns with the looks."""

import asyncio
import time

LONGEST = 0.005
"""Seconds of a turn: many short ones would each wait for all that is due, a long one is a stall."""


class Turns:
    """Counts the time of one piece of work."""

    def __init__(self) -> None:
        self._end = time.monotonic() + LONGEST

    async def pause(self) -> None:
        """Let the loop do what else is due, if this turn was long enough; call it every millisecond or so."""
        if time.monotonic() >= self._end:
            await asyncio.sleep(0)
            self._end = time.monotonic() + LONGEST
