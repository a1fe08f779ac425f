"""How is a config read again without a stall of the event loop? In a child process, taken over piece by piece."""

import asyncio
import contextlib
import os
import pickle
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

from probes.contract import Limits, Target
from watcher.config.file import ConfigError
from watcher.config.settings import Settings, load_settings

MAX_SECONDS = 60.0
_MAX_PIECE = 64 * 2**20
_CHUNK = 50
_LENGTH = 4
# The looks of the daemon go first, before what takes the child longest too: its imports.
_CHILD = "import os; os.nice(10); from watcher.config.subprocess_loader import write_settings; write_settings()"


_NOT_OURS = "the settings cannot be taken over; if the watcher was upgraded on disk, restart it"


async def load_settings_aside(path: Path, environ: Mapping[str, str], max_seconds: float = MAX_SECONDS) -> Settings:
    """As `load_settings`, while the loop goes on; a child that dies or hangs is a ConfigError too."""
    try:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", _CHILD, str(path)),
            env={**environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        raise ConfigError([f"{path}: the process that reads the config cannot be started: {error}"]) from error
    try:
        async with asyncio.timeout(max_seconds):
            return await _take_over(child, path)
    except TimeoutError as error:
        raise ConfigError([f"{path}: reading the config takes longer than {max_seconds:g}s"]) from error
    except ConfigError:
        raise
    except Exception as error:  # the boundary: a package that was upgraded meanwhile has settings that are not ours
        why = f"{type(error).__name__}: {error}"[:300]
        raise ConfigError([f"{path}: {_NOT_OURS} ({why})"]) from error
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def _take_over(child: asyncio.subprocess.Process, path: Path) -> Settings:
    unpacker = _Unpacker()
    targets: list[Target] = []
    try:
        first = unpacker.unpack(await _piece(child))
        if not isinstance(first, Settings):
            raise ConfigError(first)
        while piece := await _piece(child):
            targets += unpacker.unpack(piece)
            await asyncio.sleep(0)
    except asyncio.IncompleteReadError as error:
        code = await child.wait()
        raise ConfigError([f"{path}: the process that reads the config ended early, exit code {code}"]) from error
    return replace(first, targets=tuple(targets))


async def _piece(child: asyncio.subprocess.Process) -> bytes:
    """The next piece, empty after the last one."""
    if child.stdout is None:
        raise asyncio.IncompleteReadError(b"", _LENGTH)
    length = int.from_bytes(await child.stdout.readexactly(_LENGTH), "big")
    return await child.stdout.readexactly(min(length, _MAX_PIECE))


class _Unpacker:
    """Reads what `_Packer` wrote, piece by piece: equal limits are one object across all of them."""

    def __init__(self) -> None:
        self._shared: list[Limits] = []

    def unpack(self, piece: bytes) -> Any:
        stream = BytesIO(piece)
        self._shared += pickle.load(stream)  # noqa: S301  written by our own child
        return _SharedUnpickler(stream, self._shared).load()


class _SharedUnpickler(pickle.Unpickler):
    def __init__(self, stream: BytesIO, shared: list[Limits]) -> None:
        super().__init__(stream)
        self._shared = shared

    def persistent_load(self, pid: int) -> Limits:
        return self._shared[pid]


class _Packer:
    """Writes limits once and then by number, also in later pieces."""

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}
        self.fresh: list[Limits] = []

    def pack(self, value: object) -> bytes:
        stream = BytesIO()
        _SharedPickler(stream, self).dump(value)
        piece = pickle.dumps(self.fresh, pickle.HIGHEST_PROTOCOL) + stream.getvalue()
        self.fresh = []
        return len(piece).to_bytes(_LENGTH, "big") + piece


class _SharedPickler(pickle.Pickler):
    def __init__(self, stream: BytesIO, packer: _Packer) -> None:
        super().__init__(stream, pickle.HIGHEST_PROTOCOL)
        self._packer = packer

    def persistent_id(self, obj: object) -> int | None:
        if not isinstance(obj, Limits):
            return None
        numbers = self._packer.numbers
        if id(obj) not in numbers:
            numbers[id(obj)] = len(numbers)
            self._packer.fresh.append(obj)
        return numbers[id(obj)]


def _pieces(path: Path) -> Iterator[bytes]:
    packer = _Packer()
    try:
        settings = load_settings(path, os.environ)
    except ConfigError as error:
        yield packer.pack(error.mistakes)
        return
    except Exception as error:  # noqa: BLE001  the end of a process: the parent must hear what it was
        yield packer.pack((f"{path}: the config cannot be checked, a fault of the watcher: {error!r}",))
        return
    yield packer.pack(replace(settings, targets=()))
    for start in range(0, len(settings.targets), _CHUNK):
        yield packer.pack(settings.targets[start : start + _CHUNK])
    yield bytes(_LENGTH)


def write_settings() -> None:
    """What the child does: the settings of the file that is its only argument, on standard output."""
    for each in _pieces(Path(sys.argv[1])):
        sys.stdout.buffer.write(each)
