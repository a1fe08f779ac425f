"""Which sources can turn the finding of each control: those that prove it, and those that its judges read beside.

What a judge reads is noted while it judges. So of an agent that was judged once, a finding rests on nothing else: a
judge is pure, and one that read no more than this cannot be told by anything else to read on.
"""

from collections.abc import Collection, Iterable

from probes.controls.catalogue.control import Control, FactKey, SourceName
from probes.controls.catalogue.terms import Scope


class Reads:
    """Of all agents together: what was read of one counts for all."""

    def __init__(self, controls: Iterable[Control]) -> None:
        """Nothing was judged yet."""
        self._of: dict[str, set[SourceName]] = {}
        of_facts: dict[FactKey, set[SourceName]] = {}
        for control in controls:
            own = {spec.source for spec in control.evidence}
            if control.scope is Scope.RELEASE:
                own.add(SourceName.ROLLOUT)
            if control.applies_when is not None:  # the fact is found out once for all controls that ask for it
                together = of_facts.setdefault(control.applies_when.key, set())
                together |= own
                own = together
            self._of[control.id] = own

    def note(self, control: str, read: Collection[SourceName]) -> None:
        """The judges of this control read these."""
        self._of[control].update(read)

    def of(self, control: str) -> Collection[SourceName]:
        """All that may turn its finding."""
        return self._of[control]

    def untouched(self, control: str, changed: Collection[SourceName]) -> bool:
        """Whether nothing that changed in these sources can turn its finding."""
        return self._of[control].isdisjoint(changed)
