"""What survives a restart: one file, JSON lines, replaced as a whole so that a crash leaves the old or the new one."""

import asyncio
import json
import logging
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from probes import AnyProbe
from probes.contract import TargetKey
from watcher.engine.board import Board, TargetState
from watcher.engine.restored import Kept, Restored
from watcher.engine.warm_up import UNSEEN
from watcher.runtime.atomic_write import TEMPORARY, replace_with
from watcher.runtime.clock import Scale
from watcher.runtime.cooperative import TimeSlice
from watcher.state.debounce_states import LAST_MOMENT, debounce_states, dumped, dumped_young, young
from watcher.state.packed_line import PackedLine

log = logging.getLogger(__name__)

FORMAT = "agentweave-watcher-state"
VERSION = 1
FILE_NAME = "state.jsonl"

_SCALE = TypeAdapter(Scale, config=ConfigDict(allow_inf_nan=False))
_HEAD = 4096  # characters
_SURROGATE = re.compile(r"\\u[dD]")

SMALL = 1 << 14
"""Bytes of a target that are always written: five times what one has whose windows are full."""

LARGEST = 1 << 20
"""Bytes of a target that are written at most: a thousand callees and a thousand pools have two thirds of that."""

LARGE_ONES = 32 << 20
"""Bytes of all targets that are not small; each has an equal share."""

_WRITTEN = 100
"""Targets that are given to the disk at a time."""


class StateError(Exception):
    """The file is not a state of this version; the message says what it is."""


@dataclass(frozen=True, slots=True)
class StateContents:
    """What a state file gave, and what of it could not be read."""

    targets: Mapping[TargetKey, Kept]
    lost: int = 0  # targets named in the file that could not be read
    why: str = ""  # the first reason


class StateFile:
    """The state of a board on disk."""

    def __init__(self, state_dir: Path, probes: Sequence[AnyProbe]) -> None:
        self.path = state_dir / FILE_NAME
        self.left_out: tuple[str, ...] = ()  # of the last write: target and probes whose past was too large
        self._large = 0  # targets of the last write that were not small
        self._begun_anew: set[str] = set()  # probes whose histories of another release were logged
        self._history = {probe.name: TypeAdapter(probe.history) for probe in probes}
        self._empty = {probe.name: probe.history() for probe in probes}  # one for all targets with none

    async def write(self, board: Board, scale: Scale | None = None) -> None:
        """Write all that must survive; `scale` says what its moments are counted on, Unix seconds where it is None.

        OSError when the disk does not take it, and then the old file stays.
        """
        states = list(board.states.values())
        file = await asyncio.to_thread(self.path.with_suffix(TEMPORARY).open, "wb")
        try:
            head = {"format": FORMAT, "version": VERSION, "targets": len(states), "clock": scale and scale._asdict()}
            lines, time_slice, room = [json.dumps(head).encode() + b"\n"], TimeSlice(), _Room(self._large)
            for number, state in enumerate(states, 1):
                lines.append(self._line(board, state, room))
                await time_slice.checkpoint()
                if number % _WRITTEN == 0:
                    await asyncio.to_thread(file.write, b"".join(lines))
                    lines.clear()
            await asyncio.to_thread(file.write, b"".join(lines))
            await asyncio.to_thread(replace_with, file, self.path)
            self.left_out, self._large = tuple(room.left_out), room.large
        finally:
            file.close()

    def read(self) -> StateContents:
        """What the file holds; nothing where there is none. StateError for a file that is no state of ours."""
        try:
            with self.path.open(encoding="utf-8") as file:
                return self._read(file)
        except FileNotFoundError:
            return StateContents({})
        except (OSError, UnicodeDecodeError) as error:
            msg = f"{self.path}: {error}"
            raise StateError(msg) from error

    def _read(self, lines: Iterator[str]) -> StateContents:
        named, targets, why = _head(next(lines, "")), dict[TargetKey, Kept](), ""
        try:
            for line in lines:
                try:
                    key, kept = self._kept(line)
                    targets[key] = kept
                except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                    why = why or f"{type(error).__name__}: {error}".splitlines()[0]
        except UnicodeDecodeError as error:
            why = why or str(error)
        lost = named - len(targets)
        return StateContents(targets, lost, why or ("the file ends early" if lost else ""))

    def set_aside(self, now: float) -> Path:
        """Move a file that cannot be read fully out of the way, named by `now` (Unix seconds): nothing is lost."""
        aside = self.path.with_name(f"{FILE_NAME}.unreadable-{now:.0f}")
        self.path.replace(aside)
        return aside

    def _line(self, board: Board, state: TargetState, room: "_Room") -> bytes:
        restored = board.snapshot(state)
        head = json.dumps({"target": state.target.key, "reached": restored.reached}).encode()
        probes = {
            name: self._part(name, restored, history)
            for name, history in restored.history.items()
            if name in self._history
        }
        return b'%b, "probes": {%b}}\n' % (head[:-1], b", ".join(room.take(state.target.key, probes)))

    def _part(self, name: str, restored: Restored, history: object) -> bytes:
        # "standings" and "past" are the file's format, version 1: they stay, whatever the code calls them.
        states, waiting = restored.debounce_states.get(name, {}), restored.young.get(name, UNSEEN)
        written = name.encode(), dumped(states), self._history[name].dump_json(history), dumped_young(waiting)
        return b'"%b": {"standings": %b, "past": %b%b}' % written

    def _kept(self, line: str) -> tuple[TargetKey, Kept]:
        entry = json.loads(line)
        if _SURROGATE.search(line):
            json.dumps(entry, ensure_ascii=False).encode()  # ValueError: half a character could not be written again
        restored = self._restored(entry, self._history)  # now, for what cannot be read is told at the start
        # To read a large one again would hold up all looks; there is room for few of them.
        kept = restored if len(line) > SMALL else PackedLine(line, restored.reached, self._read_again)
        return TargetKey(*entry["target"]), kept

    def _read_again(self, line: str, probes: Collection[str]) -> Restored:
        return self._restored(json.loads(line), probes)

    def _restored(self, entry: Mapping[str, Any], probes: Collection[str]) -> Restored:
        known = {name: each for name, each in entry["probes"].items() if name in probes and name in self._history}
        return Restored(
            reached=dict(entry["reached"]),
            debounce_states={name: dict(debounce_states(each["standings"])) for name, each in known.items()},
            history=dict(self._histories(known)),
            young={name: young(each["young"]) for name, each in known.items() if "young" in each},
        )

    def _histories(self, known: Mapping[str, Mapping[str, object]]) -> Iterator[tuple[str, object]]:
        for name, each in known.items():
            try:
                history, empty = self._history[name].validate_python(each["past"]), self._empty[name]
                yield name, empty if history == empty else history
            except ValidationError as error:
                # Another release of a probe remembers other things; only its own history starts anew.
                if name not in self._begun_anew:
                    self._begun_anew.add(name)
                    extra = {"probe": name, "error": str(error)[:300]}
                    log.warning("cannot read history of probe, it starts again", extra=extra)


class _Room:
    """How much may still be written: what strangers chose the size of must not fill the disk."""

    def __init__(self, large: int) -> None:
        """`large`: targets that were not small at the last write."""
        self.large, self.left_out = 0, list[str]()
        self._share = max(SMALL, min(LARGEST, LARGE_ONES // max(1, large)))
        self._left = LARGE_ONES

    def take(self, key: TargetKey, probes: Mapping[str, bytes]) -> Iterable[bytes]:
        """The probes' parts of a target's line that are written; of too many, the smallest."""
        size = sum(map(len, probes.values()))
        if size <= SMALL:
            return probes.values()
        self.large += 1
        most, taken = max(SMALL, min(self._share, self._left)), list[bytes]()
        for name, part in sorted(probes.items(), key=lambda each: len(each[1])):
            if sum(map(len, taken)) + len(part) <= most:
                taken.append(part)
            else:
                self.left_out.append(f"{name} of {'/'.join(key)}")
        self._left -= sum(map(len, taken))
        return taken


def read_scale(state_dir: Path | None) -> Scale | None:
    """What the moments in a state file are counted on; None where there is no file, or none that says it."""
    if state_dir is None:
        return None
    try:
        with (state_dir / FILE_NAME).open(encoding="utf-8") as file:
            scale = _SCALE.validate_python(json.loads(file.readline(_HEAD))["clock"])
        return scale if 0 <= scale.steady <= LAST_MOMENT >= max(abs(scale.zero), abs(scale.ahead)) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # what is wrong with it is told where it is read
        return None


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
