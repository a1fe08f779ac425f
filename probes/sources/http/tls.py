"""How an https server is met and verified, and what else is tried where that fails."""

import ssl
from collections.abc import Callable, Sequence
from typing import NamedTuple, Self

from probes.readings.verify_error import VerifyCode

MakeContext = Callable[[], ssl.SSLContext]


class TLS(NamedTuple):
    """How to verify a server of https."""

    context: ssl.SSLContext
    trust_domain: str = ""  # the server must have an SVID of this one; empty: the context checks its name
    doubtful: bool = False  # what does not verify may be our fault: we have no CA for it, or an old one
    clock_doubt: str = ""  # why the watcher's own date is not believed, a sentence
    others: Sequence[MakeContext] = ()  # for a server that does not take that one's key exchange
    namesakes: Sequence[MakeContext] = ()  # where authorities share a name: OpenSSL tries one and no other

    def instead(self, error: ssl.SSLError) -> Self | None:
        """What to meet the server with after this error; None where nothing else can do better."""
        if not isinstance(error, ssl.SSLCertVerificationError):
            return self._replace(context=self.others[0](), others=self.others[1:]) if self.others else None
        if error.verify_code == VerifyCode.BAD_SIGNATURE and self.namesakes:
            return self._replace(context=self.namesakes[0](), namesakes=self.namesakes[1:])
        return None
