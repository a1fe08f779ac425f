"""Which kinds of CRDs does the API server have, in which versions? Anybody may ask it; they come and go."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from watcher.checklist.live.kubernetes.objects.kinds import Kind
from watcher.kube.access import Access
from watcher.kube.objects import MALFORMED_OBJECT
from watcher.kube.requests import try_object

EVERY = 10.0
"""Seconds from one look to the next."""

_SECONDS, _MOST_BYTES, _MOST_VERSIONS = 5.0, 4 * 2**20, 20
_ODD = "the API server says it in a way that is not understood"

Served = Mapping[tuple[str, str], frozenset[str]]
"""The plurals of kinds, by API group and version."""


class InstalledKinds:
    """Asked again and again; `on_change` is called when they are others."""

    def __init__(self, access: Access, kinds: Iterable[Kind], on_change: Callable[[], None]) -> None:
        self._access, self._on_change = access, on_change
        self._groups = frozenset(kind.api for kind in kinds if kind.custom)
        self.known: Served | None = None  # None: not known yet
        self.why = ""  # why not, or why what is known may be old

    def version_of(self, kind: Kind) -> str:
        """The version in which a kind is to be read; empty where there is none that is understood."""
        return next((each for each in kind.versions if kind.plural in self._plurals(kind, each)), "")

    def is_foreign(self, kind: Kind) -> bool:
        """Whether a kind is there in versions alone that are not understood."""
        versions = {version for group, version in self.known or {} if group == kind.api}
        return not self.version_of(kind) and any(kind.plural in self._plurals(kind, each) for each in versions)

    async def look_for_ever(self, every: float = EVERY) -> None:
        """Ask, for ever."""
        while self._groups:
            found = await self._look()
            before = (self.known, self.why)
            self.known, self.why = (self.known, found) if isinstance(found, str) else (found, "")
            if before != (self.known, self.why):
                self._on_change()
            await asyncio.sleep(every)

    def _plurals(self, kind: Kind, version: str) -> frozenset[str]:
        return (self.known or {}).get((kind.api, version), frozenset())

    async def _look(self) -> Served | str:
        """A sentence where it cannot be told."""
        groups = await self._ask("/apis", _versions)
        if isinstance(groups, str):
            return groups
        served: dict[tuple[str, str], frozenset[str]] = {}
        for group in sorted(self._groups & groups.keys()):
            for version in groups[group][:_MOST_VERSIONS]:
                plurals = await self._ask(f"/apis/{group}/{version}", _plurals)
                if isinstance(plurals, str):
                    return plurals
                served[group, version] = plurals
        return served

    async def _ask(self, path: str, read: Callable[[Mapping[str, Any]], Any]) -> Any:
        found = await try_object(self._access, path, _SECONDS, _MOST_BYTES)
        try:
            return found if isinstance(found, str) else read(found)
        except MALFORMED_OBJECT:
            return _ODD


def _versions(found: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    return {str(each["name"]): tuple(str(one["version"]) for one in each["versions"]) for each in found["groups"]}


def _plurals(found: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(str(each["name"]) for each in found["resources"])
