"""What the last process found, for a start while the API server is away."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from watcher.config.replicas import Shard
from watcher.discovery.pod.pod import Pod
from watcher.discovery.pods.details import Details
from watcher.discovery.pods.target import Known
from watcher.runtime.atomic_write import AtomicFile

log = logging.getLogger(__name__)

FILE_NAME = "discovery.json"
_SLICE = 200
RELEASE = version("agentweave-watcher")


@dataclass(frozen=True, slots=True)
class Fleet:
    """Which pods are meant: by a selector, in these namespaces (empty: all), as far as they are this shard's."""

    selector: str
    shard: Shard
    namespaces: tuple[str, ...]

    def covers(self, other: "Fleet", namespace: str) -> bool:
        """Whether who knows these knows the other's of a namespace, too."""
        alike = (self.selector, self.shard) == (other.selector, other.shard)
        return alike and ("" in self.namespaces or namespace in self.namespaces)


@dataclass(frozen=True, slots=True)
class _Written:
    """The first line of the file: which pods were listed, and by which release."""

    fleet: Fleet
    release: str


@dataclass(frozen=True, slots=True)
class CachedPod:
    """One pod and all that its target was made of."""

    pod: Pod
    details: Details
    known: Known


@dataclass(frozen=True, slots=True)
class Cached:
    """What is known from before; no fleet: nobody knows for which it stands."""

    pods: Sequence[CachedPod] = ()
    fleet: Fleet | None = None


_CACHED_POD, _WRITTEN = TypeAdapter(CachedPod), TypeAdapter(_Written)


class DiscoveryCache:
    """A file of one pod a line after the first, replaced as a whole; None for a directory: nothing is kept."""

    def __init__(self, state_dir: Path | None) -> None:
        self._file = AtomicFile(state_dir / FILE_NAME) if state_dir is not None else None

    async def write(self, kept: Sequence[CachedPod], fleet: Fleet) -> None:
        """Replace the file; OSError where the disk does not take it, and then the old one stays."""
        if self._file is None:
            return
        lines = [_WRITTEN.dump_json(_Written(fleet, RELEASE))]
        for start in range(0, len(kept), _SLICE):
            lines += [_CACHED_POD.dump_json(_without_queries(each)) for each in kept[start : start + _SLICE]]
            await asyncio.sleep(0)
        await self._file.write(b"\n".join(lines))

    def read(self) -> Cached:
        """What the file holds; what cannot be read is left out and said."""
        if self._file is None:
            return Cached()
        try:
            first, *lines = self._file.path.read_bytes().splitlines() or [b""]
            written = _WRITTEN.validate_json(first)
        except FileNotFoundError:
            return Cached()
        except (OSError, ValidationError) as error:
            log.warning("cannot read discovery cache", extra={"file": self._file.path, "why": str(error)[:300]})
            return Cached()
        pods = _pods(lines)
        if written.release != RELEASE:  # which may have read less of a config than this one does
            pods = [replace(each, details=each.details.to_be_read_again()) for each in pods]
        return Cached(pods, written.fleet if pods or not lines else None)


def _without_queries(kept: CachedPod) -> CachedPod:
    """The query of a probe may be a secret: one that has any waits for the API server to tell of it again."""
    probes = tuple(each for each in kept.pod.kubelet_probes if "?" not in each.path)
    if len(probes) == len(kept.pod.kubelet_probes):
        return kept
    return replace(kept, pod=replace(kept.pod, kubelet_probes=probes))


def _pods(lines: Sequence[bytes]) -> list[CachedPod]:
    found: list[CachedPod] = []
    shared: dict[str, Details] = {}  # one object for all pods of a workload: it stays as long as they do
    for line in lines:
        try:
            pod = _CACHED_POD.validate_json(line)
            found.append(replace(pod, details=shared.setdefault(repr(pod.details), pod.details)))
        except ValidationError as error:
            log.warning("skipping unreadable pod in discovery cache", extra={"why": str(error)[:300]})
    return found
