"""Records in ConfigMaps of one namespace: listed and watched."""

import asyncio
import logging
from collections.abc import Callable

from probes.controls.catalogue.control import UnknownReason
from watcher.checklist.live.records.book import RecordBook
from watcher.checklist.live.records.reading import read_records
from watcher.config.records.settings import RecordConfigMaps
from watcher.kube.access import Access
from watcher.kube.list_watch import ListWatch, Patience
from watcher.kube.objects import Raw
from watcher.kube.reachability import Reachability
from watcher.runtime.failures import FailuresLogger
from watcher.runtime.lasting import AGAIN, begun_again

BEGIN = "configmap:"
KEPT = 900.0
"""Seconds for which records are believed while the API server does not tell of them."""

_PATIENCE = Patience()


class RecordObjects(Reachability):
    """Puts what they hold into the book."""

    def __init__(
        self,
        book: RecordBook,
        access: Access,
        wanted: RecordConfigMaps,
        now: Callable[[], float],
        uniform: Callable[[float, float], float],
        patience: Patience = _PATIENCE,
    ) -> None:
        """`now`: steady seconds; `uniform`: a random number between two."""
        super().__init__(f"ConfigMaps with records in {wanted.namespace}", {"namespace": wanted.namespace}, now)
        self._book, self._begin = book, f"{BEGIN}{wanted.namespace}/"
        path = f"/api/v1/namespaces/{wanted.namespace}/configmaps"
        self._watch = ListWatch(access, path, wanted.selector, self, patience, uniform)
        self.was_read = False  # whether it was listed, or could not be, and that is in the book
        self._names: dict[str, str] = {}  # by uid
        self._put: dict[str, tuple[Raw, dict[str, str]]] = {}  # by source: what is to be read, and which state it is
        self._logger = FailuresLogger(logging.getLogger(__name__))
        self._task: asyncio.Task[None] | None = None
        book.silence(self._begin, UnknownReason.UNREACHABLE)  # until they are listed

    def start(self) -> None:
        """Ask from now on."""
        job = begun_again(self._watch.follow, "ConfigMaps with records", self._logger, AGAIN)
        self._task = asyncio.create_task(job)

    async def close(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def put(self, raw: Raw) -> None:
        """A ConfigMap is new or changed."""
        meta = raw["metadata"]
        source = f"{self._begin}{meta['name']}"
        self._names[str(meta["uid"])] = source
        origin = {"uid": str(meta["uid"]), "resource_version": str(meta.get("resourceVersion") or "")}
        self._put[source] = dict(raw.get("data") or {}), origin

    def remove(self, uid: str) -> None:
        """A ConfigMap is gone."""
        source = self._names.pop(uid, None)
        if source is not None and source not in self._names.values():
            self._put.pop(source, None)
            self._book.drop(source)

    def listed(self, uids: set[str]) -> None:
        """What is not among these is gone."""
        for uid in self._names.keys() - uids:
            self.remove(uid)
        self.tried.set()

    @property
    def down(self) -> UnknownReason | None:
        """Why the API server does not tell of them."""
        if self.refused:
            return UnknownReason.FORBIDDEN
        return UnknownReason.UNREACHABLE if self.why or self.last_success is None else None

    async def read(self) -> None:
        """Read what was put since."""
        tried = self.tried.is_set()
        while self._put:
            source, (data, origin) = self._put.popitem()
            texts = ((f"{source}/{key}", str(text)) for key, text in sorted(data.items()))
            found = await read_records(texts, source, self._book.read_of(source))
            if source in self._names.values():  # not gone meanwhile
                self._book.put(source, found, origin)
        if self.last_success is not None:
            silent_for = 0.0 if not self.why else self.now() - self.last_success
            self._book.silence(self._begin, self.down if silent_for >= KEPT else None)
        elif self.why:
            self._book.silence(self._begin, self.down)
        self.was_read |= tried
