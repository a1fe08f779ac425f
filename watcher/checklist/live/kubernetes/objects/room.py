"""How much of objects is kept, of all kinds together: where there is no more room, who has most of it loses."""

from collections import Counter, defaultdict
from typing import Protocol

from watcher.kube.selectors import Selector

MOST_KEPT = 128 * 2**20
"""Bytes of memory; ten thousand agents of the public chart take two thirds of it."""

MOST_OF_ONE = 4 * 2**20
"""Bytes of memory that one object may take."""

_BESIDE = 1000
"""Bytes that each object takes, whatever it says."""

_MAPPING, _LIST, _TEXT = 240, 80, 70
"""Bytes that each takes beside what it has: a small dict, a list with what it has too much, a text in either."""


class Holder(Protocol):
    """Who keeps objects."""

    def give_up(self, uid: str) -> None:
        """Keep this object no more: others need the room."""


class Room:
    """Namespaces share it: one that takes no more than its share loses nothing because of another."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        """`most`: bytes."""
        self._most, self._taken = most, 0
        self._sizes: defaultdict[str, dict[tuple[Holder, str], int]] = defaultdict(dict)  # by namespace
        self._sums: Counter[str] = Counter()  # by namespace

    def take(self, holder: Holder, uid: str, namespace: str, size: int) -> bool:
        """Whether an object of this size may be kept; others may be given up for it."""
        self.leave(holder, uid, namespace)
        if size > MOST_OF_ONE:
            return False
        while self._taken + size > self._most:
            largest = max(self._sums, key=self._sums.__getitem__, default=namespace)
            if self._sums[largest] <= self._sums[namespace] + size:
                return False
            self._reduce(largest)
        self._sizes[namespace][holder, uid] = size
        self._sums[namespace] += size
        self._taken += size
        return True

    def leave(self, holder: Holder, uid: str, namespace: str) -> None:
        """This object is kept no more."""
        size = self._sizes[namespace].pop((holder, uid), 0)
        self._taken -= size
        self._sums[namespace] -= size
        if not self._sizes[namespace]:
            del self._sizes[namespace], self._sums[namespace]

    def _reduce(self, namespace: str) -> None:
        """An eighth at a time, the largest objects first: to look for them costs as much as they are many."""
        least = self._sums[namespace] * 7 // 8
        there = self._sizes[namespace]
        for holder, uid in sorted(there, key=there.__getitem__, reverse=True):
            if self._sums[namespace] <= least:
                break
            self.leave(holder, uid, namespace)
            holder.give_up(uid)


def size_of(packed: bytes, selector: Selector) -> int:
    """Bytes of memory that an object and its selector take, by its JSON: parsed, that is up to thirty times itself.

    A guess that costs next to nothing, and is rather too high: signs within texts count too.
    """
    mappings = packed.count(b'{"') + packed.count(b"{}")
    texts = (packed.count(b'"') - packed.count(b'\\"')) // 2
    parts = len(packed) + _MAPPING * mappings + _LIST * packed.count(b"[") + _TEXT * texts
    values = sum(_TEXT + len(value) for each in selector for value in each.values)
    return _BESIDE + parts + _MAPPING * len(selector) + values
