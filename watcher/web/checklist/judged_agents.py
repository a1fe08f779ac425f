"""What the pages read of the live checklist. Everything is kept there: nothing is judged for a reader."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from probes.controls.catalogue.loading import Catalogue
from probes.controls.catalogue.terms import Bind
from probes.controls.evidence import AgentRef, Missing
from probes.controls.finding import Finding, State
from probes.controls.profile import Profile
from probes.controls.readiness import Readiness
from watcher.checklist.live.turns import Regression


class JudgedAgents(Protocol):
    """The newest findings of all agents. What is asked of one that is not judged is a LookupError, but findings."""

    @property
    def catalogue(self) -> Catalogue:
        """The controls that are judged."""

    @property
    def last_complete(self) -> float | None:
        """Unix seconds: when the last round over all agents was complete; None before all were judged once."""

    @property
    def waiting(self) -> int:
        """How many agents were not judged yet."""

    def agents(self) -> Sequence[AgentRef]:
        """All that were judged, by name."""

    def readiness(self, agent: AgentRef) -> Readiness:
        """What the findings of an agent come to."""

    def profile(self, agent: AgentRef) -> Profile:
        """What is required of it."""

    def regressed(self, agent: AgentRef) -> Mapping[str, Regression]:
        """Required controls that it met within the last week, and no longer does."""

    def states(self, agent: AgentRef) -> Sequence[State]:
        """The state of each control, in the order of the catalogue."""

    def findings(self, agent: AgentRef) -> Mapping[str, Finding]:
        """All that is told of it, by control in the order of the catalogue; empty where it was not judged."""

    def digests(self, agent: AgentRef) -> Mapping[Bind, frozenset[str] | Missing]:
        """What runs of it now: that to which records are bound."""

    def sources(self) -> Mapping[str, str]:
        """Each place of evidence that is configured and installed -> why it gives none; empty where it does."""
