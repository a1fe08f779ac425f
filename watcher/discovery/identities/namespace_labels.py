"""Which labels do namespaces have?"""

import asyncio
from collections.abc import Callable, Mapping

from watcher.discovery.pod.labels import read_labels
from watcher.kube.access import Access
from watcher.kube.requests import try_object

_AT_ONCE = 8
_SECONDS = 3.0
_MOST_BYTES = 2**20
_GONE = "it is not there"

Labels = Mapping[str, str]


class NamespaceLabels:
    """Labels of the namespaces that were asked for, read again now and then; `on_change` says that some changed."""

    def __init__(self, access: Access, on_change: Callable[[], None], every: float) -> None:
        """Read them again every so many seconds."""
        self._access, self._on_change, self._every = access, on_change, every
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._reading: dict[str, asyncio.Task[None]] = {}
        self.known: dict[str, Labels | str] = {}  # a text says why they cannot be read
        self._failing: dict[str, str] = {}  # by name, why they could not be read when they were last asked for

    def of(self, name: str) -> Labels | str | None:
        """The labels, or why they are not known; None while they are being read for the first time."""
        if name not in self.known and name not in self._reading:
            self._reading[name] = asyncio.create_task(self._read(name))
        return self.known.get(name)

    @property
    def why(self) -> str:
        """Why those of some namespace could not be read when they were last asked for; empty where all could."""
        return next(iter(self._failing.values()), "")

    @property
    def busy(self) -> bool:
        """Whether somebody waits for labels."""
        return bool(self._reading)

    async def refresh_for_ever(self) -> None:
        """Read what is known again and again."""
        while True:
            await asyncio.sleep(self._every)
            self.known = {name: labels for name, labels in self.known.items() if labels != _GONE}
            for name in list(self.known):
                await self._read(name)

    async def close(self) -> None:
        """Read no more."""
        for task in (tasks := list(self._reading.values())):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, name: str) -> None:
        try:
            async with self._free:
                found = await try_object(self._access, f"/api/v1/namespaces/{name}", _SECONDS, _MOST_BYTES)
            before = self.known.get(name)
            self._keep(name, found if isinstance(found, str) else _labels(found))
            changed = self.known.get(name) != before
        finally:
            first = self._reading.pop(name, None) is not None
        if first or changed:
            self._on_change()

    def _keep(self, name: str, found: Labels | str) -> None:
        self._failing.pop(name, None)
        if isinstance(found, str) and found.startswith("404"):
            self.known[name] = _GONE
            return
        if isinstance(found, str):
            self._failing[name] = f"namespace {name}: {found}"
        if not isinstance(found, str) or isinstance(self.known.get(name, ""), str):
            self.known[name] = found  # labels that were read stay while they cannot be read again


def _labels(raw: Mapping[str, object]) -> Labels | str:
    meta = raw.get("metadata")
    try:
        found = read_labels(meta if isinstance(meta, dict) else {}, frozenset())
    except AttributeError:
        return "its labels are no mapping"
    return "it has too many labels" if found.excess else found.labels
