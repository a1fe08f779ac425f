"""All collections of objects that are followed, by kind and scope; what is not turned on is not asked for."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Collection as Some

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Missing
from watcher.checklist.live.kubernetes.objects.collection import Collection
from watcher.checklist.live.kubernetes.objects.installed import InstalledKinds
from watcher.checklist.live.kubernetes.objects.kinds import Group, Kind
from watcher.checklist.live.kubernetes.objects.room import Room
from watcher.kube.access import Access
from watcher.kube.list_watch import ListWatch, Patience
from watcher.runtime.failures import FailuresLogger
from watcher.runtime.lasting import AGAIN, begun_again


class Followed:
    """Lists and watches; `on_change` is given the namespace whose objects are others, empty: maybe of all."""

    def __init__(
        self,
        access: Access,
        kinds: Sequence[Kind],
        groups: Some[Group],
        namespaces: Sequence[str],
        steady: Callable[[], float],
        date_of: Callable[[float], float],
        uniform: Callable[[float, float], float],
        on_change: Callable[[str], None],
        patience: Patience,
    ) -> None:
        """`namespaces`: those that are followed, empty for all; `groups`: those that are turned on."""
        self.kinds, self._steady, self.date_of = kinds, steady, date_of
        self._namespaces = frozenset(namespaces)
        self._access, self._uniform, self._patience = access, uniform, patience
        wanted = [each for each in kinds if each.group in groups]
        self._installed = InstalledKinds(access, wanted, self._follow_installed)
        self._collections: dict[str, Mapping[str, Collection]] = {}  # by kind, and by scope
        self._running: dict[Collection, tuple[str, asyncio.Task[None]]] = {}  # with the version that is read
        self._lacked: dict[Collection, str] = {}  # what was down when it was asked last
        self._logger = FailuresLogger(logging.getLogger(__name__))
        self._looking: asyncio.Task[None] | None = None
        self._left: set[asyncio.Task[None]] = set()  # cancelled, and not at their end yet
        room = Room()
        for kind in wanted:
            scopes = namespaces if kind.namespaced else [""]
            self._collections[kind.name] = {each: Collection(kind, each, steady, on_change, room) for each in scopes}

    def now(self) -> float:
        """Unix seconds."""
        return self.date_of(self._steady())

    def start(self) -> None:
        """Ask from now on."""
        for each in self._every():
            if not each.kind.custom:
                self._follow(each, each.kind.versions[0])
        if any(each.kind.custom for each in self._every()):
            self._looking = self._lasting(self._installed.look_for_ever, "kinds of CRDs")

    async def tried(self) -> None:
        """Come back when each kind was listed, or could not be."""
        for each in self._every():
            await each.tried.wait()

    async def close(self) -> None:
        """Ask no more."""
        tasks = [task for _, task in self._running.values()] + ([self._looking] if self._looking else [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self._left, return_exceptions=True)

    def _follow_installed(self) -> None:
        """Follow kinds of CRDs as long as they are there."""
        for each in self._every():
            if each.kind.custom:
                self._follow_custom(each)

    def _follow_custom(self, collection: Collection) -> None:
        version = self._installed.version_of(collection.kind)
        if self._installed.known is None:
            collection.unasked(self._installed.why)
            return
        running, _ = self._running.get(collection, ("", None))
        if running != version:
            self._leave(collection)
        if version and running != version:
            self._follow(collection, version)
        elif not version:
            collection.not_there(understood=not self._installed.is_foreign(collection.kind))

    def _follow(self, collection: Collection, version: str) -> None:
        path = collection.kind.path(version, collection.scope)
        kind, patience, uniform = collection.kind, self._patience, self._uniform
        follower = ListWatch(self._access, path, kind.labels, collection, patience, uniform, kind.page)
        self._running[collection] = (version, self._lasting(follower.follow, collection.kind.name))

    def _lasting(self, job: Callable[[], Awaitable[None]], name: str) -> asyncio.Task[None]:
        return asyncio.create_task(begun_again(job, name, self._logger, AGAIN))

    def _leave(self, collection: Collection) -> None:
        _, task = self._running.pop(collection, ("", None))
        if task is not None:
            task.cancel()
            self._left.add(task)
            task.add_done_callback(self._left.discard)

    def _every(self) -> Sequence[Collection]:
        return [each for scopes in self._collections.values() for each in scopes.values()]

    def of(self, kind: str, namespace: str) -> Collection | Missing:
        """The collection that has the objects of this namespace."""
        scopes = self._collections.get(kind)
        if scopes is None:
            return Missing(UnknownReason.NOT_ENABLED, f"{kind} objects are not read: it is not turned on.")
        found = scopes.get("") or scopes.get(namespace)
        if found is None:
            return Missing(UnknownReason.SOURCE_MISSING, f"{kind} objects of this namespace are not read.")
        return found

    def every(self, kinds: Some[str]) -> Sequence[Collection]:
        """All collections of these kinds."""
        return [each for kind in kinds for each in self._collections.get(kind, {}).values()]

    def take_lapsed(self) -> Some[str]:
        """In which scopes objects are known no more, or again, since this was asked: time alone does that too."""
        lapsed = set[str]()
        for scopes in self._collections.values():
            for scope, each in scopes.items():
                if self._lacked.get(each) != (down := each.down):
                    self._lacked[each] = down
                    lapsed.add(scope)
        return lapsed

    def take_changed_nodes(self) -> Some[str]:
        """On which nodes something of theirs changed since this was asked."""
        changed = set[str]()
        for each in self._every():
            if each.changed_nodes:
                changed |= each.changed_nodes
                each.changed_nodes.clear()
        return changed

    def up(self) -> Mapping[str, str]:
        """For `evidence_source_up`: each group that is turned on, and each kind of a CRD that is installed, and why it
        is down, one word of UnknownReason; empty where it is up."""
        told: dict[str, str] = {}
        for kind in self.kinds:
            for each in self._collections.get(kind.name, {}).values():
                if each.absent or self._is_beyond(each):
                    continue
                name = f"kubernetes_{kind.name}" if kind.custom else f"kubernetes_{kind.group}"
                told[name] = told.get(name, "") or each.down
        return told

    def _is_beyond(self, collection: Collection) -> bool:
        """Whether nobody gave the right to it: what is outside of the namespaces that are followed, and was never
        readable. Its controls are unknown, and no source is down."""
        kind = collection.kind
        outside = not kind.namespaced and not {"", kind.within or "*"} & self._namespaces
        return outside and collection.refused and not collection.was_read
