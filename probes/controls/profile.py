"""Which controls an agent must meet: the checklist's own, or what the operator's profile makes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from probes.controls.catalogue.loading import Catalogue
from probes.controls.catalogue.terms import Automation


@dataclass(frozen=True, slots=True)
class NotRequired:
    """A control that a profile takes out, with why and by whom."""

    control: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What is required of the agents of some namespaces."""

    name: str
    namespaces: tuple[str, ...] = ("*",)  # patterns as in shells
    add: tuple[str, ...] = ()
    remove: tuple[NotRequired, ...] = ()
    alerts: bool = True

    def required(self, catalogue: Catalogue) -> frozenset[str]:
        """The ids that readiness rests on: never a roll-up, which is nothing but its members."""
        own = {each.id for each in catalogue.controls if each.required}
        wanted = (own | set(self.add)) - {each.control for each in self.remove}
        found = (catalogue.by_id[each] for each in wanted if each in catalogue.by_id)
        return frozenset(each.id for each in found if each.automation is not Automation.ROLLUP)


CHECKLIST = Profile("checklist")
"""The checklist's own criteria, for all."""


def profile_of(namespace: str, profiles: Sequence[Profile]) -> Profile:
    """The first that matches; the checklist's own where none does."""
    return next(
        (each for each in profiles if any(fnmatchcase(namespace, pattern) for pattern in each.namespaces)), CHECKLIST
    )


def why_not(name: str, catalogue: Catalogue) -> str:
    """Why a profile cannot name this control: the catalogue does not have it, or it cannot be required; else empty."""
    control = catalogue.by_id.get(name)
    if control is None:
        return f"{name} is no control"
    return f"{name} is a roll-up: name its members" if control.automation is Automation.ROLLUP else ""
