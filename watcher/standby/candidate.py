"""Who of two leads? What was read of the lease in, what to do about it out; no clock and no network."""

from dataclasses import dataclass
from enum import StrEnum

DURATION = 10.0
"""Seconds for which a lease that is not renewed is still its holder's."""

RETRY = 2.0
"""Seconds at most from one look at the lease to the next; the leader renews it at each."""

LONGEST = 60.0
"""Seconds of a lease that are believed, whatever stands in it."""

_GAP = 5.0


@dataclass(frozen=True, slots=True)
class Record:
    """A lease as it was read."""

    version: str  # differs after each write
    holder: str  # empty: given back
    duration: float = DURATION  # seconds, as its holder wants it


class Step(StrEnum):
    """What follows from what was read."""

    HOLD = "hold"  # renew it
    TAKE = "take"
    WAIT = "wait"


class Candidate:
    """One of those who want to lead: what it knows of the lease, and whether it believes that it leads."""

    def __init__(self, me: str) -> None:
        self.me, self.active = me, False
        self._version, self._read_at = "", 0.0
        self._unchanged = 0.0  # seconds for which the lease was seen to stand still

    def read(self, record: Record | None, now: float) -> Step:
        """The lease was read at `now` (monotonic seconds), or is not there; who reads of another leader leads no more.

        A lease is judged by how long it stands still here: the times in it are by another's clock. Of a time in which
        it could not be read little counts, so that a leader that could not write either is not taken for dead.
        """
        if record is None:
            return Step.TAKE
        if record.version == self._version:
            self._unchanged += min(now - self._read_at, _GAP)
        else:
            self._version, self._unchanged = record.version, 0.0
        self._read_at = now
        if record.holder == self.me:
            return Step.HOLD
        if not record.holder or self._unchanged > record.duration:
            return Step.TAKE
        self.active = False
        return Step.WAIT

    def wrote(self, version: str, now: float) -> None:
        """The lease is ours since `now` (monotonic seconds), by this version."""
        self._version, self._read_at, self._unchanged = version, now, 0.0
        self.active = True

    def resign(self) -> bool:
        """Lead no more; whether it led until now."""
        led, self.active = self.active, False
        return led
