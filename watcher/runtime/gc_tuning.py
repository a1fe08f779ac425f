"""When are reference cycles looked for? At 10,000 targets a full pass is a stall of 0.3 s, and finds nearly nothing."""

import asyncio
import gc
import sys

_YOUNG = 5_000  # objects
_NEVER = 1_000_000_000
_GROWTH = 1.6  # a reload holds old and new for a while, which is half as much again


class GCTuning:
    """Takes the place of the automatic collector: a full pass only when much more is held than usual.

    What looks leave behind goes by its reference count. The collector would take 5 % of the CPU of a large fleet and
    10 to 500 ms at a time, to walk over what lives on. Where asyncio's own loop is used and not uvloop, each of its
    connections leaves a cycle behind: there the young objects are still looked through.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        if isinstance(loop, asyncio.BaseEventLoop):
            gc.set_threshold(_YOUNG, 1, _NEVER)
        else:
            gc.disable()
        self._usual = sys.maxsize  # memory blocks

    def freeze(self) -> None:
        """After a first round or a reload: what is held now is the usual, and need not be walked over again."""
        gc.freeze()
        self._usual = sys.getallocatedblocks()

    def collect_if_grown(self) -> None:
        """Collect, if much more is held than after the last time."""
        if sys.getallocatedblocks() > self._usual * _GROWTH:
            gc.collect()
            self._usual = sys.getallocatedblocks()
