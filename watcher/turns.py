"""Long work in the event loop, in turns with the looks."""

import asyncio
import time

LONGEST = 0.0005
"""Seconds of a turn: less than the looks of one take, so that the work waits for the looks and not they for it."""


class Turns:
    """Counts the time of one piece of work."""

    def __init__(self) -> None:
        self.begin()

    @property
    def over(self) -> bool:
        """Whether this turn was long enough; to be asked every millisecond or so."""
        return time.monotonic() >= self._end

    def begin(self) -> None:
        """The next turn begins now."""
        self._end = time.monotonic() + LONGEST

    async def pause(self) -> None:
        """Let the loop do what else is due, if this turn was long enough; call it every millisecond or so."""
        if self.over:
            await asyncio.sleep(0)
            self.begin()
