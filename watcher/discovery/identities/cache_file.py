"""Which ClusterSPIFFEID objects were there last, for a start while the API server is away."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from watcher.runtime.atomic_write import AtomicFile

log = logging.getLogger(__name__)

FILE_NAME = "cluster-spiffe-ids.json"


@dataclass(frozen=True, slots=True)
class CachedObjects:
    """The objects, reduced to what is read of them, and labels of namespaces by name; None: nothing is kept."""

    objects: list[Mapping[str, Any]] | None = None
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class ClusterSpiffeIdCache:
    """One JSON file, replaced as a whole; None for a directory: nothing is kept."""

    def __init__(self, state_dir: Path | None) -> None:
        self._file = AtomicFile(state_dir / FILE_NAME) if state_dir is not None else None

    async def write(self, what: CachedObjects) -> None:
        """Replace the file; OSError where the disk does not take it."""
        if self._file is not None:
            content = json.dumps({"objects": what.objects, "namespaces": what.namespaces}).encode()
            await self._file.write(content)

    def read(self) -> CachedObjects:
        """What the file holds; one that cannot be read is said and left alone."""
        if self._file is None or not self._file.path.exists():
            return CachedObjects()
        try:
            return _cached_objects(json.loads(self._file.path.read_bytes()))
        except (OSError, ValueError, RecursionError) as error:
            log.warning("cannot read ClusterSPIFFEID cache", extra={"file": self._file.path, "why": str(error)[:300]})
            return CachedObjects()


def _cached_objects(raw: Any) -> CachedObjects:
    objects, namespaces = (raw.get("objects"), raw.get("namespaces")) if isinstance(raw, dict) else (None, None)
    if not isinstance(objects, list) or not all(isinstance(each, dict) for each in objects):
        raise ValueError("expected a list of objects")
    if not isinstance(namespaces, dict) or not all(isinstance(each, dict) for each in namespaces.values()):
        raise ValueError("expected a mapping of namespaces")
    texts = {name: {str(key): str(value) for key, value in labels.items()} for name, labels in namespaces.items()}
    return CachedObjects(objects, texts)
