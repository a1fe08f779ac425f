"""`python -m tests.bench.sampled FILE COMMAND...`: the daemon, and a count of what its CPU time goes to.

Each time that the process has used some more CPU, the stack of its main thread tells for what; FILE has the sums. What
runs in other threads counts as what the main thread does meanwhile.
"""

import signal
import struct
import sys
import time
from collections.abc import Mapping
from mmap import mmap
from pathlib import Path
from types import CodeType, FrameType

from tests.repository import ROOT
from watcher.cli import main

PERIOD = 0.004
"""Seconds of CPU from one sample to the next; the kernel may take more."""

PARTS: Mapping[str, tuple[str, ...]] = {
    "probing": ("watcher/checklist/live/probing/", "probes/sources/checklist/", "probes/sources/tls/posture/"),
    "judging": ("watcher/checklist/live/checklist.py",),
    "beside": ("watcher/checklist/", "watcher/web/checklist/"),
    "other": ("",),
}
"""By files on the stack; the first that fits. Beside judging the checklist follows objects, keeps and shows."""

_FORMAT = struct.Struct(f"{len(PARTS)}d")


def read(file: Path) -> dict[str, float]:
    """Seconds of CPU by part, since the process began."""
    return dict(zip(PARTS, _FORMAT.unpack(file.read_bytes()), strict=True))


class _Sampler:
    def __init__(self, file: Path) -> None:
        file.write_bytes(bytes(_FORMAT.size))
        with file.open("r+b") as opened:
            self._shared = mmap(opened.fileno(), 0)
        self._sums, self._seen = [0.0] * len(PARTS), time.process_time()
        self._known: dict[CodeType, int] = {}

    def start(self) -> None:
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, PERIOD, PERIOD)

    def _sample(self, _: int, frame: FrameType | None) -> None:
        before, self._seen = self._seen, time.process_time()
        part = len(PARTS) - 1
        while frame is not None:
            known = self._known.get(frame.f_code)
            part = min(part, self._part_of(frame.f_code) if known is None else known)
            frame = frame.f_back
        self._sums[part] += self._seen - before
        _FORMAT.pack_into(self._shared, 0, *self._sums)

    def _part_of(self, code: CodeType) -> int:
        name = code.co_filename.removeprefix(f"{ROOT}/")
        self._known[code] = found = next(
            place for place, files in enumerate(PARTS.values()) if any(name.startswith(each) for each in files)
        )
        return found


if __name__ == "__main__":
    _Sampler(Path(sys.argv[1])).start()
    sys.argv[1:] = sys.argv[2:]
    sys.exit(main())
