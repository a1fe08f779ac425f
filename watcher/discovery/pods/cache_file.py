"""What the last process found, for a start while the API server is away."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from watcher.discovery.pod.agent_config import AgentConfig
from watcher.discovery.pod.pod import Pod
from watcher.discovery.pods.target import Known
from watcher.runtime.atomic_write import AtomicFile

log = logging.getLogger(__name__)

FILE_NAME = "discovery.json"
_SLICE = 200


@dataclass(frozen=True, slots=True)
class CachedPod:
    """One pod and all that its target was made of."""

    pod: Pod
    config: AgentConfig
    service_id: str | None
    known: Known
    is_agent: bool | None = None


_CACHED_POD = TypeAdapter(CachedPod)


class DiscoveryCache:
    """A file of one pod a line, replaced as a whole; None for a directory: nothing is kept."""

    def __init__(self, state_dir: Path | None) -> None:
        self._file = AtomicFile(state_dir / FILE_NAME) if state_dir is not None else None

    async def write(self, kept: Sequence[CachedPod]) -> None:
        """Replace the file; OSError where the disk does not take it, and then the old one stays."""
        if self._file is None:
            return
        lines: list[bytes] = []
        for start in range(0, len(kept), _SLICE):
            lines += [_CACHED_POD.dump_json(each) for each in kept[start : start + _SLICE]]
            await asyncio.sleep(0)
        await self._file.write(b"\n".join(lines))

    def read(self) -> list[CachedPod] | None:
        """What the file holds; what cannot be read is left out and said. None where there is no file to read."""
        if self._file is None:
            return None
        try:
            lines = self._file.path.read_bytes().splitlines()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("cannot read discovery cache", extra={"file": self._file.path, "why": str(error)})
            return None
        found: list[CachedPod] = []
        for line in lines:
            try:
                found.append(_CACHED_POD.validate_json(line))
            except ValidationError as error:
                log.warning("skipping unreadable pod in discovery cache", extra={"why": str(error)[:300]})
        return found
