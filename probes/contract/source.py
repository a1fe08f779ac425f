"""Sources: the only parts that talk to agents."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from probes.contract.limits import SourceSettings
from probes.contract.reading import Reading
from probes.contract.target import Target

if TYPE_CHECKING:  # commands that only read files start faster without it
    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
    from cryptography.x509 import Certificate

S = TypeVar("S", bound=SourceSettings)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OwnIdentity:
    """The watcher's own identity. Each rotation is a new object, so `is` tells whether anything changed."""

    trust_domain: str
    chain: "tuple[Certificate, ...]"  # leaf first; empty when there is no valid SVID
    key: "CertificateIssuerPrivateKeyTypes | None"
    bundles: "Mapping[str, tuple[Certificate, ...]]"  # trust domain -> its authorities


class NameLookup(Protocol):
    """Where a source learns the addresses of a host; nothing else looks names up for a look."""

    async def addresses(self, host: str) -> Sequence[str]:
        """At least one; OSError where there is none, as probes/sources/names.py says."""


class IdentityProvider(Protocol):
    """Where a source finds the watcher's identity at the time of a look."""

    @property
    def current(self) -> OwnIdentity | None:
        """The newest identity, None while there is none."""

    @property
    def confirmed(self) -> bool:
        """Whether the bundles were confirmed within the last 5 minutes (files always are)."""


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a source may touch outside itself, beside the network."""

    identity: IdentityProvider
    now: Callable[[], float]  # seconds that only time moves: for ages
    date: Callable[[], float]  # Unix seconds, as the clock is set: to compare with the dates of others
    names: NameLookup
    clock_doubt: Callable[[], str] = str  # why that date is not believed, a sentence; empty where it is
    cpu_time: Callable[[], float] = time.thread_time  # seconds of CPU of this thread, from any start
    gate: AbstractAsyncContextManager[None] = field(default_factory=nullcontext)  # held while milliseconds are spent
    for_checklist: bool = True  # whether there is a checklist: some things are wanted by nobody else


class Source(Protocol):
    """One way to look at a target."""

    async def look(self, target: Target, wants: Sequence[object]) -> Reading:
        """One look, over within the deadline; a failure is a reading too, an exception is a bug."""

    def fleet_changed(self, targets: Sequence[Target]) -> None:
        """The targets with this source's endpoint are now these."""

    async def close(self) -> None:
        """Give back what is held."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceKind(Generic[S]):
    """The description of a source: `KIND` of its module in probes/sources."""

    name: str  # the module's name
    endpoint: str  # the target's field that it looks at; a target without it is not looked at
    settings: type[S]
    concurrency: int  # looks in flight at once
    open: Callable[[S, SourceContext], Source]
    always: tuple[object, ...] = ()  # what it is asked beside what probes want, where there is a checklist
