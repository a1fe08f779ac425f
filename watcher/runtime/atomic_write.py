"""A file is replaced as a whole or stays as it was, whatever happens meanwhile."""

import asyncio
import os
from pathlib import Path
from typing import BinaryIO

TEMPORARY = ".new"
"""Ends the name under which the content is written first, beside the file that it will replace."""


def write_atomically(path: Path, content: bytes) -> None:
    """Write all of it; OSError where the disk does not take it, or there is no such directory.

    It is not made: one that was removed has lost its lock too, and another process may have it by now.
    """
    with path.with_suffix(TEMPORARY).open("wb") as file:
        file.write(content)
        replace_with(file, path)


def replace_with(file: BinaryIO, path: Path) -> None:
    """Let `file`, written under `path` with the suffix TEMPORARY, take the place of `path` for good."""
    file.flush()
    os.fsync(file.fileno())
    path.with_suffix(TEMPORARY).replace(path)
    # A crash could otherwise undo the change of name (rename(2); fsync(2) of a file does not cover its entry).
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class AtomicFile:
    """A file that is written in a thread, one write after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writing = asyncio.Lock()

    async def write(self, content: bytes) -> None:
        """As `write_atomically`, after a write that is under way."""
        task = asyncio.create_task(self._write(content))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())  # of one that was given up
        # Shielded: the thread of a write that is given up would go on, into the file of the next one.
        await asyncio.shield(task)

    async def _write(self, content: bytes) -> None:
        async with self._writing:
            await asyncio.to_thread(write_atomically, self.path, content)
