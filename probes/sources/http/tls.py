"""How an https server is met and verified."""

import ssl
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any, NamedTuple

MakeContext = Callable[[], ssl.SSLContext]


class TLS(NamedTuple):
    """How to verify a server of https."""

    context: ssl.SSLContext
    trust_domain: str = ""  # the server must have an SVID of this one; empty: the context checks its name
    expected: Sequence[str] = ()  # SPIFFE IDs, one of which it must have to be sent a secret; empty: any
    doubtful: bool = False  # what does not verify may be our fault: we have no CA for it, or an old one
    clock_doubt: str = ""  # why the watcher's own date is not believed, a sentence
    others: Sequence[MakeContext] = ()  # for a server that does not take that one's key exchange
    taken: MutableMapping[Any, int] | None = None  # by origin, which of those was taken last
    namesakes: Sequence[MakeContext] = ()  # where authorities share a name: OpenSSL tries one and no other
