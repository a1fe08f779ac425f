"""What one look at an agent's health saw."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from probes.contract import Reading
from probes.contract.reading import HEAVY
from probes.contract.target import KubeletProbe
from probes.contract.units import utc
from probes.readings.health.card import AgentCard
from probes.readings.health.document import ILL, HealthDocument, HealthState, short_name

OK = 200
MOST_SHOWN = 10


class Way(StrEnum):
    """How the agent's port was spoken to."""

    MTLS = "mTLS"
    EXPIRED = "mTLS with an expired certificate of the agent"
    PLAINTEXT = "plaintext"  # it speaks nothing else
    REFUSED = "refused"  # it does not take the watcher's certificate
    UNVERIFIED = "unverified"  # its certificate is not one that the watcher can trust: nobody was asked
    NONE = "none"  # it could not be spoken to


@dataclass(frozen=True, slots=True)
class PathAnswer:
    """One answer of the agent's port."""

    path: str
    status: int | None = None  # None: there was none
    content_type: str = ""
    size: int = 0  # bytes
    document: HealthDocument | None = None  # of an answer whose body was read
    points_to: str = ""  # where a redirect leads that was not followed
    about_certificate: bool = False  # a 400 whose page speaks of certificates: so nginx refuses one
    trouble: str = ""  # why there is no answer, or none that is read, a sentence

    @property
    def withheld(self) -> bool:
        """Whether the watcher may not ask this, as far as the status tells."""
        return self.status in (401, 403)

    @property
    def ill(self) -> bool:
        """Whether it says that something is wrong with the agent, or with anything that it names."""
        if self.status is not None and self.status >= 500:
            return True
        said = self.document
        return said is not None and (said.state in ILL or any(each.state in ILL for each in said.components))

    def says_healthy(self, callee: str = "") -> bool | None:
        """Whether it calls the agent healthy, or this callee of it; None where it says nothing of it."""
        if not callee or (self.status is not None and self.status >= 500):
            return not self.ill
        name = short_name(callee).lower()
        components = self.document.components if self.document else ()
        named = {each.state for each in components if each.name.lower() == name}
        return None if not named or named == {HealthState.UNSAID} else named.isdisjoint(ILL)


class Outcome(StrEnum):
    """What became of a kubelet's question."""

    ANSWERED = "answered"
    NEEDS_CERTIFICATE = "needs a client certificate"  # which a kubelet does not have
    NEEDS_TLS = "needs TLS"  # and is asked without
    SPEAKS_NO_TLS = "speaks no TLS"  # and is asked over it
    UNREACHABLE = "unreachable"  # from here: a kubelet is on the pod's own node


class KubeletAnswer(NamedTuple):
    """What a kubelet's probe was answered when it was asked as a kubelet asks, without a client certificate."""

    probe: KubeletProbe
    outcome: Outcome
    status: int | None = None
    trouble: str = ""  # why there is no answer, a sentence


class Outage(NamedTuple):
    """How a pod spoke of itself while something that it depends on was down, as the watcher saw it."""

    condition: str  # that was true of it
    subject: str  # whose breaker was open, "" of other conditions
    pod: str
    since: float  # Unix seconds
    looked_at: float  # Unix seconds: the last look that counts, at least OUTAGE seconds after that
    said_healthy: tuple[bool, ...]  # at the first looks of these, ENOUGH at most

    @property
    def honest(self) -> bool:
        """It said in time that something was wrong."""
        return not self.said_healthy[0]

    @property
    def lied(self) -> bool:
        """It called itself healthy at two looks in a row."""
        return len(self.said_healthy) >= ENOUGH and all(self.said_healthy)

    @property
    def told(self) -> bool:
        """Whether another look in the same outage would tell nothing more."""
        return self.honest or len(self.said_healthy) >= ENOUGH

    @property
    def down(self) -> str:
        """What was down, as a sentence can have it."""
        return "its circuit breaker was open" if self.subject else f"{self.condition} was true"


ENOUGH = 2
OUTAGE = 60.0
"""Seconds that a dependency must have been down before the agent's own words are held against it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthAnswer(Reading):
    """The answers at /health and beside it. Faults are those of the network; nothing is known of the paths then."""

    way: Way = Way.NONE
    health: PathAnswer | None = None
    ready: PathAnswer | None = None
    card: AgentCard | None = None  # None: it was not asked for, or there is none
    kubelet: tuple[KubeletAnswer, ...] = ()
    outages: tuple[Outage, ...] = ()  # of this agent's pods

    @property
    def is_heavy(self) -> bool:
        """Not for the exchange of keys, which takes any agent some milliseconds and leaves nothing to judge."""
        return self.cpu > 5 * HEAVY

    @property
    def summary(self) -> str:
        """`/health 200, healthy, 2 components`."""
        if self.health is None or self.health.status is None:
            return self.error
        said = self.health.document
        parts = [f"{self.health.path} {self.health.status}"]
        if self.way is not Way.MTLS:
            parts.append(f"by {self.way}")
        if said is not None:
            count = len(said.components)
            parts.append(said.problem or f"{said.state}, {count} component{'' if count == 1 else 's'}")
        return ", ".join(parts)

    def evidence(self) -> Mapping[str, object]:
        """What was answered, as JSON values."""
        return {
            "way": self.way,
            "paths": [_shown(each) for each in (self.health, self.ready) if each is not None],
            "card": self.card
            and {"capabilities": self.card.capabilities, "undescribed": self.card.names, "problem": self.card.problem},
            "kubelet": [_asked(each) for each in self.kubelet],
            "outages": [
                {**each._asdict(), "since": utc(each.since), "looked_at": utc(each.looked_at)}
                for each in self.outages[:MOST_SHOWN]
            ],
        }


def _shown(answer: PathAnswer) -> Mapping[str, object]:
    said = answer.document
    return {
        "path": answer.path,
        "status": answer.status,
        "content_type": answer.content_type,
        "size": answer.size,
        "state": said and said.state,
        "components": [each._asdict() for each in said.components] if said else [],
        "problem": said.problem if said else "",
        "points_to": answer.points_to,
        "trouble": answer.trouble,
    }


def _asked(answer: KubeletAnswer) -> Mapping[str, object]:
    path = answer.probe.path.partition("?")[0]  # what is behind it may be secret
    said = {"outcome": answer.outcome, "status": answer.status, "trouble": answer.trouble}
    return answer.probe._asdict() | {"path": path} | said
