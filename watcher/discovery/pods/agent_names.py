"""Is one agent's name that of two workloads? Their alerts, silences and majorities would be taken for one agent's."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, zip_longest
from typing import NamedTuple

_VERSION = r"-(?:primary|canary|stable|preview|active|blue|green|baseline)"
_VERSIONS = re.compile(rf"{_VERSION}(?=-|$)|-v?[0-9]{{1,3}}(?=(?:{_VERSION})*$)")
"""Parts in the names of workloads that are one agent in several versions; numbers only at the end."""

_Key = tuple[str, str]  # namespace, agent


class Workload(NamedTuple):
    """What tells a workload from others in its namespace."""

    name: str
    service_account: str


@dataclass(slots=True, eq=False)
class _Kind:
    """Workloads that differ by their version at most."""

    stem: str
    account: str  # empty where it tells nothing
    names: Counter[str] = field(default_factory=Counter)
    uids: set[str] = field(default_factory=set)
    other: "_Kind | None" = None  # one that is unlike
    named_by: set["_Kind"] = field(default_factory=set)  # those whose `other` this is

    @property
    def name(self) -> str:
        return next(iter(self.names))

    def is_like(self, other: "_Kind") -> bool:
        """Whether both may well be one agent: by an identity of their own that they share, or by their names."""
        return self.stem == other.stem or (self.account == other.account != "")


class _Group:
    """All workloads of one agent's name. Whoever makes thousands of them pays for no comparison of each with each."""

    def __init__(self, touch: Callable[[str], None]) -> None:
        self._touch = touch
        self._by_stem: dict[str, dict[str, _Kind]] = {}  # then by account
        self._by_account: dict[str, dict[str, _Kind]] = {}  # then by stem
        self._count = 0
        self._like_all: set[_Kind] = set()

    def __bool__(self) -> bool:
        return bool(self._by_stem)

    def kind(self, workload: Workload) -> _Kind | None:
        return self._by_stem.get(_stem(workload.name), {}).get(_account(workload))

    def add(self, workload: Workload, uid: str) -> None:
        kind = self.kind(workload) or self._new(_Kind(_stem(workload.name), _account(workload)))
        kind.names[workload.name] += 1
        kind.uids.add(uid)

    def remove(self, workload: Workload, uid: str) -> None:
        kind = self.kind(workload)
        if kind is None:
            return
        name = kind.name
        kind.uids.discard(uid)
        kind.names[workload.name] -= 1
        if not kind.names[workload.name]:
            del kind.names[workload.name]
        if not kind.uids:
            self._end(kind)
        elif kind.name != name:
            for each in kind.named_by:
                self._tell(each)

    def _new(self, new: _Kind) -> _Kind:
        self._by_stem.setdefault(new.stem, {})[new.account] = new
        self._by_account.setdefault(new.account, {})[new.stem] = new
        self._count += 1
        self._meet(new, self._unlike(new))
        if new.other is not None:
            for each in [one for one in self._like_all if not one.is_like(new)]:
                self._meet(each, new)
        return new

    def _end(self, gone: _Kind) -> None:
        for index, first, second in (
            (self._by_stem, gone.stem, gone.account),
            (self._by_account, gone.account, gone.stem),
        ):
            del index[first][second]
            if not index[first]:
                del index[first]
        self._count -= 1
        self._like_all.discard(gone)
        if gone.other is not None:
            gone.other.named_by.discard(gone)
        for each in gone.named_by:
            self._meet(each, self._unlike(each))

    def _unlike(self, kind: _Kind) -> _Kind | None:
        same_account = len(self._by_account[kind.account]) - 1 if kind.account else 0
        if len(self._by_stem[kind.stem]) + same_account == self._count:
            return None
        # By turns: kinds that are like it may be many in one of the two, but not in both.
        by_stem = _unlike_in(self._by_stem, kind.stem, kind)
        by_account = _unlike_in(self._by_account, kind.account, kind)
        turns = chain.from_iterable(zip_longest(by_stem, by_account))
        return next(each for each in turns if each is not None)

    def _meet(self, kind: _Kind, other: _Kind | None) -> None:
        kind.other = other
        if other is None:
            self._like_all.add(kind)
        else:
            self._like_all.discard(kind)
            other.named_by.add(kind)
        self._tell(kind)

    def _tell(self, kind: _Kind) -> None:
        for uid in kind.uids:
            self._touch(uid)


class AgentNames:
    """Which pods have which name; `touch` is given the uid of each whose `clash` is another than before."""

    def __init__(self, touch: Callable[[str], None]) -> None:
        self._touch = touch
        self._groups: dict[_Key, _Group] = {}
        self._claims: dict[str, tuple[_Key, Workload]] = {}  # by uid

    def clash(self, uid: str) -> str:
        """Whose name it is, too: a sentence; empty where it is its own."""
        if uid not in self._claims:
            return ""
        key, workload = self._claims[uid]
        kind = self._groups[key].kind(workload)
        if kind is None or kind.other is None:
            return ""
        return f"the workload {kind.other.name} has the agent's name {key[1]}, too: they are taken for one agent"

    def claim(self, uid: str, namespace: str, agent: str, workload: Workload) -> None:
        """This pod is an instance of that agent."""
        claim = ((namespace, agent), workload)
        if self._claims.get(uid) == claim:
            return
        self.release(uid)
        self._claims[uid] = claim
        self._groups.setdefault(claim[0], _Group(self._touch)).add(workload, uid)

    def release(self, uid: str) -> None:
        """It is gone, or none any longer."""
        if uid not in self._claims:
            return
        key, workload = self._claims.pop(uid)
        group = self._groups[key]
        group.remove(workload, uid)
        if not group:
            del self._groups[key]


def _unlike_in(index: dict[str, dict[str, _Kind]], own: str, kind: _Kind) -> Iterator[_Kind | None]:
    """The newest come first: were all to name the oldest, all would be told of its end."""
    for first in reversed(index):
        if first != own:
            yield next((each for each in index[first].values() if not each.is_like(kind)), None)


@lru_cache(maxsize=1024)
def _stem(name: str) -> str:
    return _VERSIONS.sub("", name)


def _account(workload: Workload) -> str:
    return "" if workload.service_account == "default" else workload.service_account
