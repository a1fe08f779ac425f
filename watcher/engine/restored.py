"""What is known of a target from before: from the state file, or from before a reload."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from watcher.engine.debounce import DebounceStates
from watcher.engine.warm_up import Young


@dataclass(frozen=True, slots=True)
class Restored:
    """All of it, as objects."""

    reached: Mapping[str, str] = field(default_factory=dict)  # endpoint -> the address that answered
    debounce_states: Mapping[str, DebounceStates] = field(default_factory=dict)  # probe -> how its conditions stood
    history: Mapping[str, object] = field(default_factory=dict)  # probe -> what it remembers
    young: Mapping[str, Young] = field(default_factory=dict)  # probe -> which of its conditions were not told yet

    def of(self, _: Collection[str], /) -> "Restored":
        """What is known of these probes at least: all is at hand."""
        return self


class Kept(Protocol):
    """The same in whatever form it is kept until the first looks: a whole fleet at once as objects is much garbage."""

    @property
    def reached(self) -> Mapping[str, str]:
        """By endpoint, the address that answered."""

    def of(self, probes: Collection[str], /) -> Restored:
        """What is known of these probes at least."""


NOTHING_RESTORED = Restored()
