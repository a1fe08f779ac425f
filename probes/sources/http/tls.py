"""How an https server is met and verified."""

import ssl
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any, NamedTuple

from probes.readings.verify_error import VerifyCode

MakeContext = Callable[[], ssl.SSLContext]


_ON_CERTIFICATES = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED")
"""Parts of OpenSSL's names of alerts that say so (RFC 8446, section 6.2)."""


def is_alert_on_certificate(error: BaseException | None) -> bool:
    """Whether the server says that our certificate is not good enough, or that there is none."""
    reason = error.reason or "" if isinstance(error, ssl.SSLError) else ""
    return "ALERT" in reason and any(part in reason for part in _ON_CERTIFICATES)


class TLS(NamedTuple):
    """How to verify a server of https."""

    context: ssl.SSLContext
    trust_domain: str = ""  # the server must have an SVID of this one; empty: the context checks its name
    expected: Sequence[str] = ()  # SPIFFE IDs, one of which it must have to be sent a secret; empty: any
    doubtful: bool = False  # what does not verify may be our fault: we have no CA for it, or an old one
    clock_doubt: str = ""  # why the watcher's own date is not believed, a sentence
    others: Sequence[MakeContext] = ()  # for a server that does not take that one's key exchange
    taken: MutableMapping[Any, int] | None = None  # by origin, which of those was taken last
    namesakes: Sequence[Sequence[MakeContext]] = ()
    """Where authorities share a name, of which OpenSSL tries one and no other: for each choice of them the context and
    its `others`."""


class ContextChoice:
    """By which context one server is met: that which it took last, and after an error the next one."""

    def __init__(self, tls: TLS, origin: object) -> None:
        self._tls, self._origin = tls, origin
        first = tls.taken.get(origin, 0) if tls.taken else 0
        self._untried = [first, *(each for each in range(1 + len(tls.others)) if each != first)]
        self._namesakes = list(tls.namesakes)
        self._namesake: Sequence[MakeContext] = ()

    def make(self) -> ssl.SSLContext:
        """The context to try now."""
        number = self._untried[0]
        if self._namesake:
            return self._namesake[number]()
        return self._tls.others[number - 1]() if number else self._tls.context

    def has_another(self, error: ssl.SSLError) -> bool:
        """Whether another one may do better after this error; it is the next."""
        if is_alert_on_certificate(error):
            return False  # so far the keys were exchanged
        if not isinstance(error, ssl.SSLCertVerificationError):
            del self._untried[0]
            return bool(self._untried)
        if error.verify_code != VerifyCode.BAD_SIGNATURE or not self._namesakes:
            return False
        self._namesake = self._namesakes.pop(0)
        return True

    def was_taken(self) -> None:
        """Begin with this one the next time."""
        taken = self._tls.taken
        if taken is not None and taken.get(self._origin, 0) != self._untried[0]:
            taken[self._origin] = self._untried[0]
