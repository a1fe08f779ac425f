"""What are the ways to an identity, and what can go wrong on them?"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from probes.contract import OwnIdentity


class IdentityTrouble(StrEnum):
    """Why there is no valid identity: a closed list."""

    NOT_ASKED_YET = "NotAskedYet"
    SOCKET_MISSING = "SocketMissing"
    SOCKET_FORBIDDEN = "SocketForbidden"
    NOBODY_LISTENS = "NobodyListens"
    HUNG = "Hung"
    UNAVAILABLE = "Unavailable"
    NOT_REGISTERED = "NotRegistered"
    ATTESTATION_FAILED = "AttestationFailed"
    API_ERROR = "APIError"
    FILES_UNREADABLE = "FilesUnreadable"
    MALFORMED = "Malformed"
    KEY_MISMATCH = "KeyMismatch"
    WRONG_TRUST_DOMAIN = "WrongTrustDomain"
    NO_TRUST_BUNDLE = "NoTrustBundle"
    SVID_EXPIRED = "SVIDExpired"
    INTERNAL_ERROR = "InternalError"


class IdentityError(Exception):
    """No identity was to be had this time."""

    def __init__(self, trouble: IdentityTrouble, detail: str) -> None:
        """`detail` is a sentence for a person."""
        super().__init__(f"{trouble}: {detail}")
        self.trouble = trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a source is asked, and how patiently, in seconds."""

    every: float  # from one answer to the next question
    retry: float  # the same after a failure
    pause: float = 1.0  # at least this between two questions, however often the source calls
    patience: float = 3.0  # the deadline of one question


class IdentitySource(Protocol):
    """Gives the identity as it is now. Blocks, so it is asked in a thread of its own."""

    def ask(self, ring: Callable[[], None]) -> OwnIdentity:
        """The newest identity, or IdentityError. `ring` may be called from any thread when there is something new."""

    def close(self) -> None:
        """Give everything back and make a running `ask` end at once; called from another thread."""
