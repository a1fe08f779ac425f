"""Is this process the one that tells, or does it stand by for the one that does?"""

from dataclasses import dataclass
from math import inf


@dataclass(slots=True)
class Role:
    """Set by the election alone; asked wherever series, Events and drills are made."""

    active: bool
    holder: str = ""  # of the lease, as it was last read; empty where there is none
    trouble: str = ""  # why the lease can neither be read nor written
    confirmed_until: float = inf  # monotonic seconds; later nobody knows who leads, until the lease is had again

    def unconfirmed(self, now: float) -> str:
        """Why it is not known at `now` (monotonic seconds) who leads, in words; empty where it is."""
        if now < self.confirmed_until:
            return ""
        why = self.trouble or "this process stood still"
        if self.active:
            return f"the lease could not be renewed, and another may hold it by now: {why}"
        return f"it is unknown who holds the lease: {why}"
