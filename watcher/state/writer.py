"""Keeps the state file: restored at the start, written every 45 seconds, its troubles reported and survived."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path

from probes.contract import TargetKey
from watcher.engine.engine import Engine
from watcher.engine.restored import Kept
from watcher.runtime.failures import FailuresLogger
from watcher.state.file import StateError, StateFile

log = logging.getLogger(__name__)

_NAMED = 3


class StateWriter:
    """What a daemon does with its state file, if it has one."""

    EVERY = 45.0
    """Seconds between two writes: kill -9 costs less than a minute of history."""

    def __init__(self, engine: Engine, state_dir: Path | None) -> None:
        self._engine = engine
        self._file = StateFile(state_dir, engine.board.probes) if state_dir is not None else None
        self._writing, self._logger = asyncio.Lock(), FailuresLogger(log)
        self.trouble = ""  # why the state cannot be written

    @property
    def writes(self) -> bool:
        """Whether there is a file to write at all."""
        return self._file is not None

    def restore(self) -> Mapping[TargetKey, Kept]:
        """What the last process left; whatever cannot be read is set aside and said."""
        if self._file is None:
            return {}
        try:
            restored = self._file.read()
        except StateError as error:
            self._set_aside(self._file, str(error), "all")
            return {}
        if restored.why:
            self._set_aside(
                self._file, restored.why, f"{restored.lost} of {restored.lost + len(restored.targets)} targets"
            )
        return restored.targets

    def _set_aside(self, file: StateFile, why: str, lost: str) -> None:
        extra = {"file": str(file.path), "why": why, "lost": lost}
        try:
            extra["set_aside_as"] = str(file.set_aside(self._engine.clock.wall()))
        except OSError as error:
            extra["not_set_aside"] = str(error)
        log.warning("cannot read state file, its history starts again", extra=extra)

    async def write(self) -> None:
        """Write now; a disk that does not take it is reported as trouble and tried again next time."""
        if self._file is not None and self._writing.locked():
            self.trouble = f"{self._file.path}: the last write does not end"
        else:
            await self.write_last()

    async def write_last(self) -> None:
        """Write once more, after a write that is under way."""
        if self._file is not None:
            # Shielded: the thread of a write that is given up would go on, into the file of the next one.
            await asyncio.shield(asyncio.create_task(self._write(self._file)))

    async def _write(self, file: StateFile) -> None:
        async with self._writing:
            try:
                await file.write(self._engine.board, self._engine.clock.scale)
            except OSError as error:
                self.trouble = f"{file.path}: {error.strerror or error}"
            except Exception as error:  # the boundary: the history of one target that cannot be said is told, too
                self._logger.exception("cannot write state")
                self.trouble = f"{file.path}: a fault of the watcher: {type(error).__name__}: {error}"[:300]
            else:
                self.trouble = left_out(file)


def left_out(file: StateFile) -> str:
    """What of the state is too large to be written; empty where all of it is."""
    if not file.left_out:
        return ""
    first = ", ".join(file.left_out[:_NAMED])
    more = f" and {len(file.left_out) - _NAMED} more" if len(file.left_out) > _NAMED else ""
    return f"{file.path}: too large to be kept over a restart: {first}{more}"
