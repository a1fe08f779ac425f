"""Memory that nobody uses goes back to the system.

The C library keeps what hundreds of connections at once had, for parts of it lie between what lives on: 60 MB at
10,000 targets after their first looks. Python's own small objects are not in there.
"""

import asyncio
import ctypes
from collections.abc import Callable

EVERY = 15.0
"""Seconds from one time to the next: less than a millisecond of a thread where there is nothing to give, at most 10."""


async def give_back() -> None:
    """Give it back, where the C library can."""
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it
    if trim is not None:
        await asyncio.to_thread(trim, 0)
