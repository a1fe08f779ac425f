"""One port that was asked in plaintext, and what it said."""

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple


class InClear(StrEnum):
    """What a plain HTTP request was answered with."""

    HTTP = "HTTP"  # also frames of HTTP/2, which have no status
    OTHER = "bytes that are neither HTTP nor TLS"
    TLS = "nothing but that TLS is spoken there"
    CLOSED = "the connection was closed without an answer"
    NOBODY = "refused"  # nobody listens there, or a policy rejects the watcher
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
    """One port that was asked in plaintext."""

    number: int
    answer: InClear
    use: PortUse = PortUse.UNKNOWN
    container: str = ""
    status: int | None = None
    completes_tls: bool | None = None  # None: not tried, or no answer

    def evidence(self) -> Mapping[str, object]:
        """As JSON values."""
        return self._asdict()


@lru_cache(maxsize=4096)
def shared_ports(ports: tuple[PortTried, ...]) -> tuple[PortTried, ...]:
    """Equal ones, for all pods that have the same."""
    return ports
