"""Which connections are held, and which is cut for a new one? Who asks for nothing costs nobody an answer."""

from collections.abc import Callable
from math import inf
from typing import Protocol

_FRESH = 0.1
"""Seconds in which who has just come can ask, and a reader take what is written, before it is cut for another."""


class Guest(Protocol):
    """A connection, or one that is about to be."""

    def cut(self) -> None:
        """End it at once."""


class Admission:
    """Holds so many at most. One that is being answered is never cut for another while its reader takes the answer;
    but one that asks on before it is answered is the first to go: it would be answered for ever."""

    def __init__(self, most: int, now: Callable[[], float]) -> None:
        """`now`: monotonic seconds."""
        self.most, self._now = most, now
        self._held: set[Guest] = set()
        # Both in the order of time, so the first of each has been there longest. Bytes that do not complete a request
        # do not move a guest, nor do bytes taken too slowly to let writing go on.
        self._waiting: dict[Guest, float] = {}
        self._stalled: dict[Guest, float] = {}
        self._ahead: dict[Guest, None] = {}  # has asked for more than is answered; the first has done so for longest

    def __len__(self) -> int:
        return len(self._held)

    @property
    def open(self) -> bool:
        """Whether one more can be had, if need be in place of another."""
        return len(self._held) < self.most or self._victim() is not None

    def arrived(self, guest: Guest) -> None:
        """A new one, which has asked for nothing yet; another is cut for it if there are too many."""
        if len(self._held) >= self.most:
            self.make_room()
        self._held.add(guest)
        self._waiting[guest] = self._now()

    def replaced(self, guest: Guest, by: Guest) -> None:
        """The same one, which has asked, by another name from now on."""
        self.left(guest)
        self._held.add(by)

    def asked(self, guest: Guest) -> None:
        """It made a whole request."""
        self._waiting.pop(guest, None)

    def asked_ahead(self, guest: Guest) -> None:
        """It made a further request before its last one was answered (RFC 9112, 9.3.2, lets us close at any time)."""
        self._ahead[guest] = None

    def waits(self, guest: Guest) -> None:
        """It asks for nothing: its answer is written, or it has only shaken hands."""
        if guest in self._held:
            self._stalled.pop(guest, None)
            self._ahead.pop(guest, None)
            self._waiting[guest] = self._now()

    def stalled(self, guest: Guest) -> None:
        """It does not take what is written."""
        self._stalled[guest] = self._now()

    def flowing(self, guest: Guest) -> None:
        """It takes what is written."""
        self._stalled.pop(guest, None)

    def left(self, guest: Guest) -> None:
        """It is gone."""
        self._held.discard(guest)
        for those in (self._waiting, self._stalled, self._ahead):
            those.pop(guest, None)

    def make_room(self) -> bool:
        """Cut the one that has asked for nothing, or taken nothing, for longest; False where there is none."""
        victim = self._victim()
        if victim is None:
            return False
        self.left(victim)
        victim.cut()
        return True

    def _victim(self) -> Guest | None:
        """Who asks ahead; else of the others the one that was first, for who has just come may be about to ask."""
        if self._ahead:
            return next(iter(self._ahead))
        waiting, waits_since = next(iter(self._waiting.items()), (None, inf))
        stalled, stalls_since = next(iter(self._stalled.items()), (None, inf))
        if stalls_since < waits_since:
            return stalled if self._now() - stalls_since >= _FRESH else None
        crowded = len(self._waiting) > self.most // 2
        return waiting if crowded or self._now() - waits_since >= _FRESH else None
