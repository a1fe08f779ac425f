"""What one round of attempts at a pod showed."""

from collections.abc import Mapping
from dataclasses import dataclass

from probes.contract import Reading
from probes.readings.handshake import Spoke
from probes.readings.tls_posture.attempt import Tried
from probes.readings.tls_posture.port import InClear, PortTried


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSPosture(Reading):
    """One round of attempts at one pod. An attempt that is None was not made.

    A fault is one of the network where no port answered at all.
    """

    port: int = 0  # the agent's own
    spoke: Spoke = Spoke.NOTHING  # what came out of it
    has_svid: bool = False  # whether the watcher had one to show
    hostile: bool = False  # whether hostile handshakes are on
    own: Tried | None = None  # TLS 1.3 with the watcher's SVID
    tls12: Tried | None = None  # TLS 1.2 or older, with the SVID where there is one
    without: Tried | None = None  # no certificate
    foreign: Tried | None = None  # a certificate of an authority that nobody trusts
    forged: Tried | None = None  # an SVID of the agent's trust domain that no authority of it has signed
    weak: tuple[str, ...] = ()  # weak suites that the server chose at TLS 1.2, the first of each group
    weak_end: Tried | None = None  # how the last offer of weak suites ended: refused, or why no more is known
    ports: tuple[PortTried, ...] = ()
    left_out: str = ""  # why some attempts were not made, a sentence

    @property
    def in_clear(self) -> bool:
        """Whether the agent's own port talks, and not TLS."""
        return self.spoke in (Spoke.PLAINTEXT_HTTP, Spoke.OTHER)

    @property
    def is_heavy(self) -> bool:
        """Never: it holds a dozen short facts, however long the handshakes took."""
        return False

    @property
    def summary(self) -> str:
        """One line for a person."""
        if self.fault is not None:
            return self.error
        said = {"TLS 1.3": self.own, "TLS 1.2": self.tls12, "no certificate": self.without}
        said |= {"foreign": self.foreign, "forged": self.forged}
        parts = [f"{what}: {tried.briefly}" for what, tried in said.items() if tried]
        clear = [f"{each.number} in plaintext: {each.answer}" for each in self.ports if each.answer is InClear.HTTP]
        return "; ".join((*parts, *clear)) or f"The port speaks {self.spoke}."

    def evidence(self) -> Mapping[str, object]:
        """What was tried and what came of it, as JSON values."""
        attempts = {"own": self.own, "tls12": self.tls12, "without": self.without, "weak_end": self.weak_end}
        attempts |= {"foreign": self.foreign, "forged": self.forged}
        return {
            "port": self.port,
            "spoke": self.spoke,
            "has_svid": self.has_svid,
            "hostile_handshakes": self.hostile,
            **{name: tried.evidence() if tried else None for name, tried in attempts.items()},
            "weak_suites": self.weak,
            "ports": [each.evidence() for each in self.ports],
            "left_out": self.left_out,
        }
