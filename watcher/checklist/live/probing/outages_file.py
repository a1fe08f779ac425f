"""What agents said in outages survives a restart: a small file, written when something new was told."""

import asyncio
import logging
from pathlib import Path
from typing import NamedTuple

from pydantic import ConfigDict, TypeAdapter

from probes.controls.evidence import AgentRef
from probes.readings.health.answer import Outage
from watcher.checklist.live.probing.outages import KEPT, Outages
from watcher.runtime.atomic_write import AtomicFile

log = logging.getLogger(__name__)

FILE_NAME = "outages.json"
FORMAT = "agentweave-watcher-outages"
VERSION = 1

MOST = 16 << 20
"""Bytes that are read: ten times what 10,000 agents have after a day on which everything was down."""


class _Told(NamedTuple):
    agent: AgentRef
    outage: Outage


class _Content(NamedTuple):
    format: str
    version: int
    told: tuple[_Told, ...]


_CONTENT = TypeAdapter(_Content, config=ConfigDict(allow_inf_nan=False))


class OutagesFile:
    """The file of these outages; without a directory nothing is kept."""

    def __init__(self, outages: Outages, state_dir: Path | None) -> None:
        self.trouble = ""  # why it cannot be written
        self._outages = outages
        self._file = AtomicFile(state_dir / FILE_NAME) if state_dir is not None else None

    async def restore(self, now: float) -> None:
        """Know what the last process knew; one that cannot be read is set aside and said. `now`: Unix seconds."""
        if self._file is None:
            return
        try:
            content = await asyncio.to_thread(_read, self._file.path)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            self._set_aside(self._file.path, str(error).partition("\n")[0])
            return
        for agent, outage in content.told:
            if outage.said_healthy and now - outage.looked_at <= KEPT:
                self._outages.restore(agent, outage)

    async def write(self, now: float) -> None:
        """Write what is not too long ago; that a disk does not take it is told in `trouble`. `now`: Unix seconds."""
        if self._file is None:
            return
        told = tuple(_Told(*each) for each in self._outages.known() if now - each[1].looked_at <= KEPT)
        try:
            await self._file.write(_CONTENT.dump_json(_Content(FORMAT, VERSION, told)))
        except OSError as error:
            self.trouble = f"{self._file.path}: {error.strerror or error}"
        else:
            self.trouble = ""

    def _set_aside(self, path: Path, why: str) -> None:
        extra = {"file": str(path), "why": why}
        aside = path.with_suffix(".unreadable")
        try:
            path.replace(aside)
            extra["set_aside_as"] = str(aside)
        except OSError as error:
            extra["not_set_aside"] = str(error)
        log.warning("cannot read outages file, what agents reported in outages is collected again", extra=extra)


def _read(path: Path) -> _Content:
    """ValueError where it is none of this version."""
    with path.open("rb") as file:
        text = file.read(MOST + 1)
    if len(text) > MOST:
        raise ValueError(f"it is larger than {MOST} bytes")
    content = _CONTENT.validate_json(text)
    if (content.format, content.version) != (FORMAT, VERSION):
        raise ValueError(f"expected {FORMAT} of version {VERSION}")
    return content
