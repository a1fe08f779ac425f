"""Are there file descriptors enough, for looks first and for those who read the pages after them?"""

import errno
import os
import resource
from collections.abc import Callable

RESERVE = 96
"""For what is neither a look nor a reader: files, the API server, name look-ups, libraries."""

MOST_READERS, FEWEST_READERS = 320, 16
"""Connections of readers that are held at once, where there are descriptors enough and where there are not."""

HEALTH_READERS = 32
"""Connections at the port of the health pages alone."""

_REMEMBERED = 60.0
_RUN_OUT = (errno.EMFILE, errno.ENFILE)


def raise_limit() -> None:
    """Take as many descriptors as the system allows this process: the usual limit of 1,024 is meant for `select`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Descriptors:
    """Divides the limit of this process, and remembers for a minute when there was none left."""

    def __init__(self, looks: int, now: Callable[[], float]) -> None:
        """`looks`: how many may be under way at once; `now`: monotonic seconds."""
        self._now = now
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.limit = limit if limit != resource.RLIM_INFINITY else 1 << 30
        self._needed = looks + RESERVE + HEALTH_READERS
        self.readers = max(FEWEST_READERS, min(MOST_READERS, self.limit - self._needed))
        self._ran_out: float | None = None

    def failed(self, error: OSError) -> bool:
        """Whether this error was for want of a descriptor; it is remembered if it was."""
        if error.errno in _RUN_OUT:
            self._ran_out = self._now()
        return error.errno in _RUN_OUT

    def check(self) -> None:
        """Find out whether there is one left: something of our own did not work."""
        try:
            os.close(os.dup(2))
        except OSError as error:
            self.failed(error)

    @property
    def trouble(self) -> str:
        """What is wrong with them, in words; empty when they suffice."""
        if self._ran_out is not None and self._now() - self._ran_out < _REMEMBERED:
            return f"all {self.limit} file descriptors of the process were in use"
        if self.limit < self._needed + FEWEST_READERS:
            least = self._needed + FEWEST_READERS
            return f"the process may open {self.limit} files, and needs {least} when all looks are under way"
        return ""
