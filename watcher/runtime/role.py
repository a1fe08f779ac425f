"""Is this process the one that tells, or does it stand by for the one that does?"""

from dataclasses import dataclass


@dataclass(slots=True)
class Role:
    """Set by the election alone; asked wherever series, Events and drills are made."""

    active: bool
    holder: str = ""  # of the lease, as it was last read; empty where there is none
    trouble: str = ""  # why the lease can neither be read nor written
