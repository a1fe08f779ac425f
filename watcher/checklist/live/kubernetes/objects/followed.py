"""All collections of objects that are followed, by kind and scope; what is not turned on is not asked for."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from collections.abc import Collection as Some
from typing import Any

from probes.controls.catalogue.control import UnknownReason
from probes.controls.evidence import Missing
from watcher.checklist.live.kubernetes.objects.collection import Collection
from watcher.checklist.live.kubernetes.objects.kinds import Group, Kind
from watcher.kube.access import Access
from watcher.kube.list_watch import ListWatch, Patience


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
        self.kinds, self._groups, self._steady, self.date_of = kinds, frozenset(groups), steady, date_of
        self._collections: dict[str, Mapping[str, Collection]] = {}  # by kind, and by scope
        self._followers: list[ListWatch] = []
        self._lacked: dict[Collection, str] = {}  # what was down when it was asked last
        for kind in kinds:
            if kind.group in self._groups:
                scopes = namespaces if kind.namespaced else [""]
                made = {scope: Collection(kind, scope, steady, on_change) for scope in scopes}
                self._collections[kind.name] = made
                self._followers += [
                    ListWatch(access, kind.path(scope), "", each, patience, uniform) for scope, each in made.items()
                ]

    def now(self) -> float:
        """Unix seconds."""
        return self.date_of(self._steady())

    def jobs(self) -> Sequence[Coroutine[Any, Any, None]]:
        """What runs for ever."""
        return [each.follow() for each in self._followers]

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

    def up(self) -> Mapping[str, str]:
        """For `evidence_source_up`: each group that is turned on, and each kind of a CRD that is installed, and why it
        is down, one word of UnknownReason; empty where it is up."""
        told: dict[str, str] = {}
        for kind in self.kinds:
            for each in self._collections.get(kind.name, {}).values():
                if each.absent:
                    continue
                name = f"kubernetes_{kind.name}" if kind.custom else f"kubernetes_{kind.group}"
                told[name] = told.get(name, "") or each.down
        return told
