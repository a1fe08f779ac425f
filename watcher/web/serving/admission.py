"""Which connections are held, and which is cut for a new one? Who asks for nothing costs nobody an answer."""

from collections.abc import Callable
from typing import Protocol

_STALLED = 1.0
"""Seconds without a byte taken after which a reader may be cut for a new connection."""


class Guest(Protocol):
    """A connection, or one that is about to be."""

    def cut(self) -> None:
        """End it at once."""


class Admission:
    """Holds so many at most. One that is being answered is never cut for another while its reader takes the answer."""

    def __init__(self, most: int, now: Callable[[], float]) -> None:
        """`now`: monotonic seconds."""
        self._most, self._now = most, now
        self._held: set[Guest] = set()
        # Both in the order of time, so the first of each has been there longest. Bytes that do not complete a request
        # do not move a guest, nor do bytes taken too slowly to let writing go on.
        self._waiting: dict[Guest, None] = {}
        self._stalled: dict[Guest, float] = {}

    def __len__(self) -> int:
        return len(self._held)

    @property
    def open(self) -> bool:
        """Whether one more can be had, if need be in place of another."""
        return len(self._held) < self._most or self._victim() is not None

    def arrived(self, guest: Guest) -> None:
        """A new one, which has asked for nothing yet; another is cut for it if there are too many."""
        if len(self._held) >= self._most:
            self.make_room()
        self._held.add(guest)
        self._waiting[guest] = None

    def replaced(self, guest: Guest, by: Guest) -> None:
        """The same one, by another name from now on."""
        self._held.discard(guest)
        self._waiting.pop(guest, None)
        self._held.add(by)
        self._waiting[by] = None

    def asked(self, guest: Guest) -> None:
        """It made a whole request."""
        self._waiting.pop(guest, None)

    def answered(self, guest: Guest) -> None:
        """Its answer is written, and it has asked for nothing more."""
        if guest in self._held:
            self._stalled.pop(guest, None)
            self._waiting[guest] = None

    def stalled(self, guest: Guest) -> None:
        """It does not take what is written."""
        self._stalled[guest] = self._now()

    def flowing(self, guest: Guest) -> None:
        """It takes what is written."""
        self._stalled.pop(guest, None)

    def left(self, guest: Guest) -> None:
        """It is gone."""
        self._held.discard(guest)
        self._waiting.pop(guest, None)
        self._stalled.pop(guest, None)

    def make_room(self) -> bool:
        """Cut the one that has waited longest without asking, else the slowest reader; False where there is neither."""
        victim = self._victim()
        if victim is None:
            return False
        self.left(victim)
        victim.cut()
        return True

    def _victim(self) -> Guest | None:
        if self._waiting:
            return next(iter(self._waiting))
        slowest, since = next(iter(self._stalled.items()), (None, 0.0))
        return slowest if self._now() - since >= _STALLED else None
