"""What Alertmanager is told to do with alerts, and whether it could."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

_ENOUGH, _FEW = 5, 0.05


class Matcher(NamedTuple):
    """One matcher of a route."""

    label: str
    operator: str  # = != =~ !~
    value: str


@dataclass(frozen=True, slots=True)
class Route:
    """One route, with those within it. The receiver is its own or that of the route around it."""

    receiver: str
    matchers: tuple[Matcher, ...] = ()
    goes_on: bool = False  # `continue`: its siblings are asked too
    routes: tuple["Route", ...] = ()


class Way(NamedTuple):
    """What the notifications of one integration of a receiver came to, over up to 24 h that were counted."""

    integration: str  # such as pagerduty
    notifications: float
    failed: float

    @property
    def is_closed(self) -> bool:
        """Whether more than a twentieth of enough notifications failed."""
        return self.notifications >= _ENOUGH and self.failed > _FEW * self.notifications


@dataclass(frozen=True, slots=True)
class AlertmanagerLook:
    """Source `alertmanager`; the same for all agents."""

    route: Route
    receivers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # name -> its integrations
    ways: Mapping[str, tuple[Way, ...]] = field(default_factory=dict)  # receiver -> what came of each integration
