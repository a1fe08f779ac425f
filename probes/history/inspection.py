"""What a metrics page was like when it was last asked for whole: that is once an hour, and holds in between."""

from dataclasses import dataclass

from probes.contract import Unknown
from probes.readings.conformance import Conformance

_KEPT = 3 * 3600.0
"""Seconds after which what was seen says nothing any more: three times the pause between two inspections."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """The newest one that told something, or why none does."""

    at: float | None = None  # in seconds that only time moves; None: there was none
    reason: str = ""  # why a current Prometheus refuses the page; empty where it does not
    why: str = ""  # a sentence
    unknown: Unknown | None = None  # none told anything lately
    refused: int = 0  # pages in a row that a current Prometheus refuses

    def is_old(self, now: float) -> bool:
        """Whether what was seen says nothing any more."""
        return self.at is not None and now - self.at > _KEPT

    def add(self, found: Conformance | None, now: float) -> "Inspection":
        """With what the look at `now` found; None where it did not ask for the whole page."""
        if found is None:
            return self
        told = self.at is not None and self.unknown is None and not self.is_old(now)
        if found.unknown is not None and told:
            return self
        return Inspection(now, *found, refused=self.refused + 1 if found.refused else 0)
