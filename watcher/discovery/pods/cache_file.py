"""What the last process found, for a start while the API server is away."""

import asyncio
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from watcher.discovery.pod.agent_config import AgentConfig
from watcher.discovery.pod.pod import Pod
from watcher.discovery.pods.target import Known

log = logging.getLogger(__name__)

FILE_NAME = "discovery.json"
_SLICE = 200


@dataclass(frozen=True, slots=True)
class Kept:
    """One pod and all that its target was made of."""

    pod: Pod
    config: AgentConfig
    service_id: str | None
    known: Known


_KEPT = TypeAdapter(Kept)


class DiscoveryMemory:
    """A file of one pod a line, replaced as a whole; None for a directory: nothing is kept."""

    def __init__(self, state_dir: Path | None) -> None:
        self._path = state_dir / FILE_NAME if state_dir is not None else None

    async def write(self, kept: Sequence[Kept]) -> None:
        """Replace the file; OSError where the disk does not take it, and then the old one stays."""
        if self._path is None:
            return
        lines: list[bytes] = []
        for start in range(0, len(kept), _SLICE):
            lines += [_KEPT.dump_json(each) for each in kept[start : start + _SLICE]]
            await asyncio.sleep(0)
        await asyncio.to_thread(replace_file, self._path, b"\n".join(lines))

    def read(self) -> list[Kept]:
        """What the file holds; what cannot be read is left out and said."""
        if self._path is None:
            return []
        try:
            lines = self._path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            log.warning("what was discovered before cannot be read", extra={"file": self._path, "why": str(error)})
            return []
        found: list[Kept] = []
        for line in lines:
            try:
                found.append(_KEPT.validate_json(line))
            except ValidationError as error:
                log.warning("a pod that was found before cannot be read", extra={"why": str(error)[:300]})
        return found


def replace_file(path: Path, content: bytes) -> None:
    """Write all of it or leave the file as it was; OSError where the disk does not take it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
