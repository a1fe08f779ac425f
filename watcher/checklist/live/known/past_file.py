"""What was counted and followed of targets survives a restart: a file of JSON lines, a target a line."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from pydantic import ConfigDict, TypeAdapter

from probes.contract import TargetKey
from probes.contract.condition import Status
from watcher.runtime.atomic_write import TEMPORARY, replace_with
from watcher.runtime.cooperative import TimeSlice

log = logging.getLogger(__name__)

FILE_NAME = "known.jsonl"
FORMAT = "agentweave-watcher-known"
VERSION = 1

MOST = 64 << 20
"""Bytes that are read and written: six times what 10,000 targets have after a bad week."""

_AT_ONCE = 200  # lines that are given to the disk at a time


class _Head(NamedTuple):
    format: str
    version: int
    written_at: float  # steady seconds


class KeptPast(NamedTuple):
    """One target."""

    target: TargetKey
    requests: tuple[int, str] | None = None  # what a ring dumped
    day: tuple[int, str] | None = None
    turns: Mapping[str, tuple[tuple[float, Status], ...]] = MappingProxyType(
        {}
    )  # condition -> when it took which status, steady seconds
    openings: tuple[tuple[float, str], ...] = ()  # of breakers, for no good reason: steady seconds, and the callee
    until: float | None = None  # steady seconds: later nobody watched it; None: until the file was written

    @property
    def is_worth_it(self) -> bool:
        """Whether there is anything that a restart would lose."""
        return bool(self.requests or self.day or self.turns or self.openings)


class Left(NamedTuple):
    """What the last process left."""

    written_at: float  # steady seconds
    targets: dict[TargetKey, KeptPast]


NOTHING_LEFT = Left(0.0, {})
_HEAD = TypeAdapter(_Head, config=ConfigDict(allow_inf_nan=False))
_KEPT = TypeAdapter(KeptPast, config=ConfigDict(allow_inf_nan=False))


class PastFile:
    """The file; without a directory nothing is kept."""

    def __init__(self, state_dir: Path | None) -> None:
        self.trouble = ""  # why it cannot be written
        self._path = state_dir / FILE_NAME if state_dir is not None else None
        self._writing = asyncio.Lock()

    async def read(self) -> Left:
        """What the last process left; a file that cannot be read is set aside and said."""
        if self._path is None:
            return NOTHING_LEFT
        try:
            return await asyncio.to_thread(_read, self._path)
        except FileNotFoundError:
            return NOTHING_LEFT
        except (OSError, ValueError) as error:
            self._set_aside(self._path, str(error).partition("\n")[0])
            return NOTHING_LEFT

    async def write(self, kept: Iterable[KeptPast], now: float) -> None:
        """Write these, at `now` (steady seconds); that a disk does not take it is told in `trouble`."""
        if self._path is not None and not self._writing.locked():
            await asyncio.shield(asyncio.create_task(self._write(self._path, kept, now)))

    async def _write(self, path: Path, kept: Iterable[KeptPast], now: float) -> None:
        async with self._writing:
            try:
                self.trouble = await _written(path, kept, now)
            except OSError as error:
                self.trouble = f"{path}: {error.strerror or error}"

    def _set_aside(self, path: Path, why: str) -> None:
        extra = {"file": str(path), "why": why}
        aside = path.with_suffix(".unreadable")
        try:
            path.replace(aside)
            extra["set_aside_as"] = str(aside)
        except OSError as error:
            extra["not_set_aside"] = str(error)
        log.warning("cannot read file of counts, counting starts again", extra=extra)


async def _written(path: Path, kept: Iterable[KeptPast], now: float) -> str:
    """Write all that there is room for; why it is not all, empty where it is."""
    file = await asyncio.to_thread(path.with_suffix(TEMPORARY).open, "wb")
    try:
        lines, room, left_out, time_slice = [_HEAD.dump_json(_Head(FORMAT, VERSION, now))], MOST, 0, TimeSlice()
        for each in kept:
            line = _KEPT.dump_json(each)
            room -= len(line) + 1
            if room > 0:
                lines.append(line)
            else:
                left_out += 1
            if len(lines) >= _AT_ONCE:
                await asyncio.to_thread(file.write, b"\n".join(lines) + b"\n")
                lines.clear()
            await time_slice.checkpoint()
        await asyncio.to_thread(file.write, b"\n".join(lines) + b"\n")
        await asyncio.to_thread(replace_with, file, path)
    finally:
        file.close()
    return f"{path}: too large to be kept: {left_out} targets" if left_out else ""


def _read(path: Path) -> Left:
    """ValueError where it is none of this version."""
    with path.open("rb") as file:
        text = file.read(MOST + 1)
    if len(text) > MOST:
        raise ValueError(f"it is larger than {MOST} bytes")
    first, *lines = text.split(b"\n")
    head = _HEAD.validate_json(first)
    if (head.format, head.version) != (FORMAT, VERSION):
        raise ValueError(f"expected {FORMAT} of version {VERSION}")
    kept = (_KEPT.validate_json(line) for line in lines if line)
    dated = (each if each.until is not None else each._replace(until=head.written_at) for each in kept)
    return Left(head.written_at, {each.target: each for each in dated})
