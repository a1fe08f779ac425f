"""What further attempts at an agent's ports showed: versions, suites, clients that should be refused, plaintext."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from probes.contract import Reading
from probes.readings.handshake import Spoke


class Outcome(StrEnum):
    """How one attempt ended. Only the first two are evidence."""

    ANSWERED = "answered"  # a request was answered; of TLS 1.2 a finished handshake is enough
    REFUSED = "refused"  # the server said so, or closed the connection in an orderly way
    UNANSWERED = "not answered"  # silence, a reset of the network, or what is no TLS that can be understood
    OURS = "not made"  # the watcher could not even connect


class Refusal(StrEnum):
    """What was refused, as far as the server says."""

    CERTIFICATE = "certificate"  # an alert on the client's certificate, or that there is none
    VERSION = "version"  # an alert on the version of TLS
    ALERT = "alert"  # any other
    CLOSED = "closed"  # the connection was closed without a word, twice in a row
    PAGE = "page"  # the handshake ended well, and an HTTP page says that the certificate is not good enough


class Tried(NamedTuple):
    """One attempt at a TLS port."""

    outcome: Outcome
    how: str  # in words that end a sentence: `HTTP 200`, `TLS alert: protocol version`
    refusal: Refusal | None = None  # of REFUSED
    protocol: str = ""  # that the server chose, as far as it came
    suite: str = ""
    completed: bool = False  # the handshake, on the watcher's side: of TLS 1.3 that is before the server judges it
    status: int | None = None  # of an HTTP answer
    shown: bool = False  # the server has the client's part of the handshake: its certificate, or that it has none

    def evidence(self) -> Mapping[str, object]:
        """As JSON values."""
        return self._asdict()


class InClear(StrEnum):
    """What a plain HTTP request was answered with."""

    HTTP = "HTTP"  # also frames of HTTP/2, which have no status
    OTHER = "bytes that are neither HTTP nor TLS"
    TLS = "nothing but that TLS is spoken there"
    CLOSED = "the connection was closed without an answer"
    NOBODY = "nobody listens there"
    UNANSWERED = "no answer"
    UNREACHABLE = "no connection"
    OURS = "not asked: the watcher could not connect"
    LEFT_OUT = "not asked"


class PortUse(StrEnum):
    """What a port is there for, as far as is known."""

    AGENT = "mTLS"
    METRICS = "metrics"
    PROBED = "kubelet probe"
    OPA = "OPA"
    UNKNOWN = ""


class PortTried(NamedTuple):
    """One port that was asked in clear."""

    number: int
    answer: InClear
    use: PortUse = PortUse.UNKNOWN
    container: str = ""
    status: int | None = None
    completes_tls: bool | None = None  # None: not tried, or no answer

    def evidence(self) -> Mapping[str, object]:
        """As JSON values."""
        return self._asdict()


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
        said |= {"foreign certificate": self.foreign, "forged SVID": self.forged}
        parts = [f"{what}: {tried.outcome} ({tried.how})" for what, tried in said.items() if tried]
        return "; ".join(parts) or f"The port speaks {self.spoke}."

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


@lru_cache(maxsize=4096)
def shared(tried: Tried) -> Tried:
    """An equal attempt: the pods of a fleet mostly answer alike, and readings are kept for an hour."""
    return tried


@lru_cache(maxsize=4096)
def shared_ports(ports: tuple[PortTried, ...]) -> tuple[PortTried, ...]:
    """The same for the ports of a pod."""
    return ports
