"""One attempt at a TLS port, and how it ended."""

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

ALERT = "TLS alert: "
"""How the words for a refusal by an alert begin."""


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

    @property
    def briefly(self) -> str:
        """In two or three words."""
        if self.status is not None:
            return f"HTTP {self.status}"
        if self.refusal is Refusal.CLOSED:
            return "closed"
        return self.how.removeprefix(ALERT) if self.outcome is Outcome.REFUSED else self.outcome

    def evidence(self) -> Mapping[str, object]:
        """As JSON values."""
        return self._asdict()


@lru_cache(maxsize=4096)
def shared(tried: Tried) -> Tried:
    """An equal attempt: the pods of a fleet mostly answer alike, and readings are kept for an hour."""
    return tried
