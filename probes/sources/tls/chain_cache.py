"""The chain that each target served last: one that is the same at the next look is not read and followed again.

1. It is known again by the digest of its DER bytes, and by the trust that it was followed to.
2. OpenSSL may choose another path once a certificate begins or ends: up to then what was found holds, if no error was
   found and all that was served is on the path.
"""

from collections.abc import Collection, Iterator, Sequence
from hashlib import sha256

from probes.contract import TargetKey
from probes.readings.certificate import Leaf, UnreadableError, read_leaf
from probes.readings.issuer import Lifetime
from probes.sources.tls.chain import FollowedChain, follow
from probes.sources.tls.contexts import Trust
from probes.sources.tls.session import TLSSession


class LastChain:
    """That of one target."""

    __slots__ = ("_digest", "_followed", "_leaf", "_since", "_trust", "_until")

    def __init__(self) -> None:
        self._digest = b""
        self._leaf: Leaf | None = None
        self._followed: FollowedChain | None = None
        self._trust: Trust | None = None
        self._since = self._until = 0.0  # Unix seconds

    def leaf(self, served: Sequence[bytes]) -> Leaf | None:
        """The facts of the first of these DER certificates, None where it cannot be read."""
        digest = sha256(b"".join(served)).digest()
        if digest != self._digest:
            self._digest, self._leaf, self._followed = digest, _facts(served[0]), None
        return self._leaf

    def follow(self, session: TLSSession, served: Sequence[bytes], trust: Trust, date: float) -> FollowedChain:
        """Where the chain leads of which the leaf was read last; `date` in Unix seconds."""
        known = self._followed if trust is self._trust and self._since <= date < self._until else None
        if known is None or session.verification.errors:
            known = self._followed = follow(session, served, self._leaf, trust, date)
            self._trust, self._since = trust, date
            settled = not session.verification.errors and len(known.issuers) == len(served)
            self._until = _next_change(known, trust, date) if settled else date
        return known


class ChainCache:
    """One chain a target."""

    def __init__(self) -> None:
        self._last: dict[TargetKey, LastChain] = {}

    def of(self, key: TargetKey) -> LastChain:
        """That of this target, empty at first."""
        if key not in self._last:
            self._last[key] = LastChain()
        return self._last[key]

    def keep(self, keys: Collection[TargetKey]) -> None:
        """Forget all other targets."""
        self._last = {key: self._last[key] for key in keys if key in self._last}


def _next_change(followed: FollowedChain, trust: Trust, date: float) -> float:
    return min((moment for each in _lifetimes(followed, trust) for moment in each if moment > date), default=date)


def _lifetimes(followed: FollowedChain, trust: Trust) -> Iterator[Lifetime]:
    yield from (each.lifetime for each in followed.issuers)
    yield from (each.lifetime for several in trust.issuers.values() for each in several)


def _facts(der: bytes) -> Leaf | None:
    try:
        return read_leaf(der)
    except UnreadableError:
        return None
