"""A file of credentials, as it is now."""

from collections.abc import Callable
from pathlib import Path

from probes.sources.http.faults import OwnTroubleError

_LOOKED_AT_EVERY = 1.0  # seconds
_LARGEST = 1 << 20  # bytes


class WatchedFile:
    """A file that changes now and then; the same object until it does."""

    def __init__(self, path: Path, now: Callable[[], float]) -> None:
        """`now`: seconds of any clock."""
        self._path, self._now = path, now
        self._looked_at = float("-inf")
        self._stamp: tuple[int, int, int] | None = None
        self._content = b""

    def read(self) -> bytes:
        """What it holds; OwnTroubleError where it cannot be read."""
        if abs(self._now() - self._looked_at) >= _LOOKED_AT_EVERY:
            try:
                self._read_again()
            except OSError as error:
                self._stamp = None
                raise OwnTroubleError(f"{self._path} cannot be read: {error.strerror}.") from error
            self._looked_at = self._now()
        return self._content

    def _read_again(self) -> None:
        found = self._path.stat()
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if stamp != self._stamp:
            with self._path.open("rb") as file:
                content = file.read(_LARGEST + 1)
            if len(content) > _LARGEST:
                raise OwnTroubleError(f"{self._path} is larger than {_LARGEST} bytes.")
            self._content, self._stamp = content, stamp
