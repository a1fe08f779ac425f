"""The objects of one kind in one scope, kept true by a list and a watch, and why they may not be all."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from pydantic_core import to_json

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import KubeObject, Missing
from watcher.checklist.live.kubernetes.objects.kinds import MOST_BYTES, Body, Kind
from watcher.checklist.live.kubernetes.objects.room import Room, size_of
from watcher.kube.errors import RefusedError
from watcher.kube.objects import MALFORMED_OBJECT, Raw
from watcher.kube.reachability import Reachability
from watcher.kube.selectors import Selector, selects

OLD = 900.0
"""Seconds since the API server last told of them, after which they prove nothing: the catalogue's own limit."""


class _Kept(NamedTuple):
    """An object, and which pods it is about."""

    found: KubeObject
    selector: Selector


_NOTHING: Mapping[str, _Kept] = {}


class Collection(Reachability):
    """Notified of what is there; calls `on_change` with the namespace whose objects are others, empty: of all."""

    def __init__(
        self, kind: Kind, scope: str, now: Callable[[], float], on_change: Callable[[str], None], room: Room
    ) -> None:
        """`scope`: a namespace, empty for all; `now`: steady seconds; `room`: for what is kept."""
        what = f"{kind.name} objects" + (f" of {scope}" if scope else "")
        super().__init__(what, {"objects": kind.name, "namespace": scope or "all"}, now)
        self.kind, self.scope, self._on_change = kind, scope, on_change
        self._room = room
        self._objects: dict[str, _Kept] = {}  # by uid
        self._by_namespace: defaultdict[str, dict[str, _Kept]] = defaultdict(dict)  # by namespace and name
        self._unread: dict[str, str] = {}  # namespaces of those that are not kept, by uid
        self._unread_in: Counter[str] = Counter()  # by namespace
        self.changed_nodes: set[str] = set()  # since somebody last emptied it, of a kind that is of nodes
        self.was_read = False  # the API server told of them, once
        self.absent = False  # the API server has no such kind
        self._foreign = False  # it has one, in a version that is not understood

    def put(self, raw: Raw) -> None:
        """An object is new or changed."""
        meta = raw["metadata"]
        uid, namespace = str(meta["uid"]), str(meta.get("namespace") or "")
        try:
            body, selector, size = self._read(raw)
            if body is not None and not self._room.take(self, uid, self._of(namespace), size):
                raise ValueError(f"no room for {self.kind.name} {namespace}/{meta['name']}")
        except MALFORMED_OBJECT:
            self._pass_over(uid, namespace)  # what was read of it is not so any more
            raise
        if body is None:
            self.remove(uid)
            return
        self._note_read(uid)
        found = KubeObject(self.kind.name, namespace, str(meta["name"]), body, self._ref(namespace, meta))
        self._keep(uid, _Kept(found, selector))

    def remove(self, uid: str) -> None:
        """An object is gone."""
        self._note_read(uid)
        if (gone := self._objects.pop(uid, None)) is not None:
            namespace = gone.found.namespace
            self._room.leave(self, uid, self._of(namespace))
            there = self._by_namespace[namespace]
            if there.get(gone.found.name) is gone:  # else one of that name was made anew
                del there[gone.found.name]
            self._changed(gone.found)

    def give_up(self, uid: str) -> None:
        """Keep this object no more: others need the room."""
        self._pass_over(uid, self._objects[uid].found.namespace)

    def listed(self, uids: set[str]) -> None:
        """What is not among these is gone."""
        for uid in (self._objects.keys() | self._unread.keys()) - uids:
            self.remove(uid)
        self.tried.set()

    def answered(self) -> None:
        """The API server answered; for the first time or again, that matters though nothing may be another."""
        before = self.last_success is None or bool(self.why) or self.absent or self._foreign
        self.absent = self._foreign = False
        self.was_read = True
        super().answered()
        if before:
            self._on_change(self.scope)

    def failed(self, why: str, error: Exception) -> None:
        """It does not; that it has no such kind is an answer."""
        was = (self.why, self.absent)
        self.absent = self.kind.custom and isinstance(error, RefusedError) and error.code == 404
        if self.absent:
            super().answered()
            self.listed(set())
        else:
            super().failed(why, error)
        if was != (self.why, self.absent):
            self._on_change(self.scope)

    def not_there(self, *, understood: bool) -> None:
        """The API server has no such kind; or (not `understood`) none in a version that is known here."""
        was = (self.absent, self._foreign)
        self.absent, self._foreign = understood, not understood
        self.last_success = self.now()
        self.listed(set())
        if was != (self.absent, self._foreign):
            self._on_change(self.scope)

    def unasked(self, why: str) -> None:
        """Whether there is such a kind is not known, for this reason."""
        self.why = why
        self.tried.set()

    def of(self, namespace: str, labels: Mapping[str, str] | None = None) -> tuple[KubeObject, ...]:
        """The objects of a namespace (of a kind that has none, all); of those about pods, such as have these labels."""
        there = self._in(namespace)
        if labels is None or self.kind.selector is None:
            return tuple(each.found for each in there)
        return tuple(each.found for each in there if selects(each.selector, labels))

    def selector_keys(self, namespace: str) -> frozenset[str]:
        """The labels by which those of a namespace select pods."""
        return frozenset(requirement.key for each in self._in(namespace) for requirement in each.selector)

    def named(self, namespace: str, name: str) -> KubeObject | None:
        """The object with this name."""
        kept = self._by_namespace.get(namespace, _NOTHING).get(name)
        return None if kept is None else kept.found

    def uid_of(self, namespace: str, name: str) -> str:
        """Of the object with this name; empty where there is none."""
        kept = self._by_namespace.get(namespace, _NOTHING).get(name)
        return next((uid for uid, each in self._objects.items() if each is kept), "")

    def all(self) -> Iterator[KubeObject]:
        """Those of all namespaces."""
        return (each.found for each in self._objects.values())

    @property
    def lacks(self) -> Missing | None:
        """Why there may be more than these, or others, wherever one looks; None where nothing says so."""
        if self.absent:
            return None
        if self._foreign:
            told = f"{self.kind.name} objects are of a version that is not known here."
            return Missing(UnknownReason.UNPARSEABLE, told)
        if self.refused:
            return Missing(UnknownReason.FORBIDDEN, f"{self.kind.name} objects may not be listed.")
        if self.last_success is None:
            if self.why:
                return Missing(
                    UnknownReason.UNREACHABLE, f"The API server cannot be asked for {self.kind.name} objects."
                )
            return Missing(UnknownReason.UNREACHABLE, f"{self.kind.name} objects have not been listed yet.")
        if self.now() - self.last_success > OLD:
            return Missing(UnknownReason.STALE, f"{self.kind.name} objects have not been told of for 15 min.")
        return self._unread_of("")

    def lacks_in(self, namespace: str) -> Missing | None:
        """The same of one namespace: what is too large in another is no matter here."""
        return self.lacks or self._unread_of(namespace)

    def told_at(self, date_of: Callable[[float], float]) -> float:
        """Unix seconds at which the API server told of them last."""
        return date_of(self.now() if self.last_success is None else self.last_success)

    @property
    def down(self) -> str:
        """One word of UnknownReason; empty where all are known."""
        lacks = self.lacks
        return "" if lacks is None else str(lacks.reason)

    def _read(self, raw: Raw) -> tuple[Body | None, Selector, int]:
        """What is kept of it, the pods that it is about, and bytes of memory; MALFORMED_OBJECT where it is not read."""
        body = self.kind.reduce(raw)
        if body is None:
            return None, (), 0
        selector = () if self.kind.selector is None else self.kind.selector(raw)
        packed = to_json(body)
        if len(packed) > MOST_BYTES:
            raise ValueError(f"{self.kind.name} {raw['metadata']['name']} is over {MOST_BYTES >> 10} KiB")
        return body, selector, size_of(packed, selector)

    def _in(self, namespace: str) -> Iterable[_Kept]:
        return (self._by_namespace.get(namespace, _NOTHING) if self.kind.namespaced else self._objects).values()

    def _of(self, namespace: str) -> str:
        """Whom an object concerns: its namespace, or all (empty)."""
        return namespace if self.kind.namespaced else ""

    def _pass_over(self, uid: str, namespace: str) -> None:
        """It is there, and not kept."""
        self.remove(uid)
        self._unread[uid] = self._of(namespace)
        self._unread_in[self._of(namespace)] += 1
        self._on_change(self._of(namespace))

    def _note_read(self, uid: str) -> None:
        namespace = self._unread.pop(uid, None)
        if namespace is not None:
            self._unread_in[namespace] -= 1
            if not self._unread_in[namespace]:
                del self._unread_in[namespace]
            self._on_change(namespace)

    def _unread_of(self, namespace: str) -> Missing | None:
        if not self._unread_in[namespace]:
            return None
        told = f"A {self.kind.name} object is too large, or not understood, and was not read."
        return Missing(UnknownReason.UNPARSEABLE, told)

    def _keep(self, uid: str, kept: _Kept) -> None:
        before = self._objects.get(uid)
        self._objects[uid] = self._by_namespace[kept.found.namespace][kept.found.name] = kept
        if before is None or before.found.body != kept.found.body or before.selector != kept.selector:
            self._changed(kept.found)

    def _changed(self, found: KubeObject) -> None:
        """EndpointSlices change with each pod, and no verdict rests on one as it is; what is of a node concerns few."""
        if self.kind.of_nodes:
            self.changed_nodes.add(str(found.body["node"]))
        elif self.kind.judged:
            self._on_change(self._of(found.namespace))

    def _ref(self, namespace: str, meta: Raw) -> str:
        within = f"{namespace}/" if namespace else ""
        return f"{self.kind.name.lower()}/{within}{meta['name']}"
