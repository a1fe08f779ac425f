"""What survives a restart: one file, JSON lines, replaced as a whole so that a crash leaves the old or the new one."""

import asyncio
import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from pydantic import TypeAdapter, ValidationError

from probes import AnyProbe
from probes.contract import Status, TargetKey
from watcher.engine.board import Board, Carried, Row
from watcher.engine.debounce import Standing, Standings
from watcher.runtime.cooperative import Turns

log = logging.getLogger(__name__)

FORMAT = "agentweave-watcher-state"
VERSION = 1
FILE_NAME = "state.jsonl"

_STANDINGS = TypeAdapter(list[tuple[str, str, Status, float, int]])
_LAST_MOMENT = 253_402_300_799.0  # the end of the year 9999: what RFC 3339 can say

_WRITTEN = 100
"""Targets that are given to the disk at a time."""


class StateError(Exception):
    """The file is not a state of this version; the message says what it is."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a state file gave, and what of it could not be read."""

    targets: Mapping[TargetKey, Carried]
    lost: int = 0  # targets named in the file that could not be read
    why: str = ""  # the first reason


class StateFile:
    """The state of a board on disk."""

    def __init__(self, state_dir: Path, probes: Sequence[AnyProbe]) -> None:
        self.path = state_dir / FILE_NAME
        self._past = {probe.name: TypeAdapter(probe.past) for probe in probes}

    async def write(self, board: Board, now: float) -> None:
        """Write all that must survive; OSError when the disk does not take it, and then the old file stays."""
        rows = list(board.rows.values())
        temporary = self.path.with_suffix(".new")
        await asyncio.to_thread(self.path.parent.mkdir, parents=True, exist_ok=True)
        file = await asyncio.to_thread(temporary.open, "wb")
        try:
            head = {"format": FORMAT, "version": VERSION, "written_at": now, "targets": len(rows)}
            lines, turns = [json.dumps(head).encode() + b"\n"], Turns()
            for number, row in enumerate(rows, 1):
                lines.append(self._line(board, row))
                await turns.pause()
                if number % _WRITTEN == 0:
                    await asyncio.to_thread(file.write, b"".join(lines))
                    lines.clear()
            await asyncio.to_thread(file.write, b"".join(lines))
            await asyncio.to_thread(_replace, file, temporary, self.path)
        finally:
            file.close()

    def read(self) -> Restored:
        """What the file holds; nothing where there is none. StateError for a file that is no state of ours."""
        try:
            with self.path.open(encoding="utf-8") as file:
                return self._read(file)
        except FileNotFoundError:
            return Restored({})
        except (OSError, UnicodeDecodeError) as error:
            msg = f"{self.path}: {error}"
            raise StateError(msg) from error

    def _read(self, lines: Iterator[str]) -> Restored:
        named, targets, why = _head(next(lines, "")), {}, ""
        try:
            for line in lines:
                try:
                    key, carried = self._carried(line)
                    targets[key] = carried
                except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                    why = why or f"{type(error).__name__}: {error}".splitlines()[0]
        except UnicodeDecodeError as error:
            why = why or str(error)
        lost = named - len(targets)
        return Restored(targets, lost, why or ("the file ends early" if lost else ""))

    def set_aside(self, now: float) -> Path:
        """Move a file that cannot be read fully out of the way, so that nothing of it is overwritten."""
        aside = self.path.with_name(f"{FILE_NAME}.unreadable-{now:.0f}")
        self.path.replace(aside)
        return aside

    def _line(self, board: Board, row: Row) -> bytes:
        carried = board.carry(row)
        head = json.dumps({"target": row.target.key, "reached": carried.reached}).encode()
        probes = b", ".join(
            b'"%b": {"standings": %b, "past": %b}'
            % (name.encode(), _told(carried.standings.get(name, {})), self._past[name].dump_json(past))
            for name, past in carried.past.items()
            if name in self._past
        )
        return b'%b, "probes": {%b}}\n' % (head[:-1], probes)

    def _carried(self, line: str) -> tuple[TargetKey, Carried]:
        entry = json.loads(line)
        known = {name: each for name, each in entry["probes"].items() if name in self._past}
        return TargetKey(*entry["target"]), Carried(
            reached=dict(entry["reached"]),
            standings={name: dict(_standings(each["standings"])) for name, each in known.items()},
            past=dict(self._pasts(known)),
        )

    def _pasts(self, known: Mapping[str, Mapping[str, object]]) -> Iterator[tuple[str, object]]:
        for name, each in known.items():
            try:
                yield name, self._past[name].validate_python(each["past"])
            except ValidationError as error:
                # Another release of a probe remembers other things; only its own history starts anew.
                log.warning("a probe's history is not readable", extra={"probe": name, "error": str(error)})


def _head(line: str) -> int:
    try:
        head = json.loads(line)
    except (ValueError, RecursionError):
        head = None
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        msg = f"expected a first line of {FORMAT}, got {line[:60]!r}"
        raise StateError(msg)
    if head.get("version") != VERSION:
        msg = f"expected version {VERSION} of the state, got {head.get('version')!r}"
        raise StateError(msg)
    if not isinstance(head.get("targets"), int):
        msg = f"expected a number of targets in the first line, got {head.get('targets')!r}"
        raise StateError(msg)
    return int(head["targets"])


def _told(standings: Standings) -> bytes:
    return _STANDINGS.dump_json([(*at, *standing) for at, standing in standings.items()])


def _standings(entries: Sequence[Sequence[object]]) -> Iterator[tuple[tuple[str, str], Standing]]:
    for condition, subject, status, since, bad in entries:
        moment = float(str(since))
        if not 0 <= moment <= _LAST_MOMENT:
            raise ValueError(f"expected Unix seconds, got {since!r}")
        yield _place(str(condition), str(subject)), _standing(str(status), moment, int(str(bad)))


# One object for what a whole fleet has in common: of 10,000 targets these were 50 MB until their first looks.
@lru_cache(maxsize=4096)
def _place(condition: str, subject: str) -> tuple[str, str]:
    return condition, subject


@lru_cache(maxsize=64)
def _standing(status: str, since: float, bad: int) -> Standing:
    return Standing(Status(status), since, bad)


def _replace(file: BinaryIO, temporary: Path, path: Path) -> None:
    file.flush()
    os.fsync(file.fileno())
    temporary.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
