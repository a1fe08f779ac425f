"""A wall clock that somebody sets: libfaketime moves the date of a process, and leaves its other clocks alone."""

from collections.abc import Mapping
from pathlib import Path

from tests.servers.tools import debian_library


class WallClock:
    """The date of the processes that are started with its environment."""

    def __init__(self, directory: Path) -> None:
        self._library = debian_library("libfaketimeMT.so.1", "libfaketime")
        self._file = directory / "faketime"
        self.set_by(0)

    def set_by(self, seconds: float) -> None:
        """So far ahead of the true one from now on."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+.0f}")
        new.replace(self._file)

    @property
    def environment(self) -> Mapping[str, str]:
        """For a process that is to be misled."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",  # seconds; without a cache each question of the time reads the file
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",  # file times are those of the disk
        }
