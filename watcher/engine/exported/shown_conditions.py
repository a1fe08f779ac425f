"""What all probes say of one target, as it is exported: nearly all targets of a fleet share one object."""

from collections.abc import Sequence
from weakref import WeakValueDictionary

from watcher.engine.outcomes import Outcomes

ByProbe = tuple[Outcomes | None, ...]
"""Beside Board.probes; None where a probe says nothing."""


class ShownConditions:
    """The outcomes of all probes, and what a page made of them."""

    __slots__ = ("__weakref__", "by_probe", "parts", "troubled")

    def __init__(self, by_probe: ByProbe) -> None:
        self.by_probe = by_probe
        self.troubled = [(place, each) for place, each in enumerate(by_probe) if each is not None and not each.healthy]
        self.parts: Sequence[bytes] | None = None  # what the exposition made of them, for the next target and scrape


_shared: WeakValueDictionary[ByProbe, ShownConditions] = WeakValueDictionary()


def shown(by_probe: ByProbe) -> ShownConditions:
    """One object for the same outcomes."""
    found = _shared.get(by_probe)
    if found is None:
        found = _shared[by_probe] = ShownConditions(by_probe)
    return found
