"""A target's line of the state file, kept small until its first looks: as objects it is five times as much."""

import zlib
from collections.abc import Callable, Collection, Mapping

from watcher.engine.restored import Restored

Read = Callable[[str, Collection[str]], Restored]
"""A line, and the probes of which it is read."""


class PackedLine:
    """A line that was read once already, so that it can be read again."""

    __slots__ = ("_packed", "_read", "reached")

    def __init__(self, line: str, reached: Mapping[str, str], read: Read) -> None:
        self.reached, self._read = reached, read
        self._packed = zlib.compress(line.encode(), 1)

    def of(self, probes: Collection[str], /) -> Restored:
        """What the line says of these probes."""
        return self._read(zlib.decompress(self._packed).decode(), probes)
