"""The clients as which a port is tried, as TLS contexts: one for each identity and trust domain, never one a look."""

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from OpenSSL import SSL

from probes.contract import IdentityProvider, OwnIdentity, Target
from probes.sources.tls.contexts import NO_AUTO_CHAIN, TLS13_CIPHERS, show, trust_domain_of
from probes.sources.tls.posture.strangers import LIFETIME, Stranger, foreign, forged


class Client(Enum):
    """Who comes."""

    OWN = "with the watcher's SVID"
    NOBODY = "without a certificate"
    FOREIGN = "with a certificate of a foreign authority"
    FORGED = "with a forged SVID"


class Versions(NamedTuple):
    """The versions of TLS that a client offers."""

    oldest: int
    newest: int


TLS13 = Versions(SSL.TLS1_3_VERSION, SSL.TLS1_3_VERSION)
TLS12 = Versions(SSL.TLS1_VERSION, SSL.TLS1_2_VERSION)
ANY_VERSION = Versions(SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)


class Clients:
    """All clients that are tried at targets of one trust domain."""

    def __init__(self, identity: OwnIdentity | None, trust_domain: str, date: float) -> None:
        """`date`: now, in Unix seconds."""
        self._identity, self._trust_domain, self.date = identity, trust_domain, date
        self.has_svid = identity is not None and bool(identity.chain) and identity.key is not None
        self._made: dict[tuple[Client, Versions, bool], SSL.Context] = {}
        self._strangers: dict[Client, Stranger] = {}

    def context(self, client: Client, versions: Versions, *, all_groups: bool = False) -> SSL.Context:
        """Offers the one group that everybody should know, or all, for a server that did not take it."""
        known = (client, versions, all_groups)
        if known not in self._made:
            self._made[known] = self._make(client, versions, all_groups=all_groups)
        return self._made[known]

    def _make(self, client: Client, versions: Versions, *, all_groups: bool) -> SSL.Context:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(versions.oldest)
        context.set_max_proto_version(versions.newest)
        # Whatever is weak is to be seen; but no DHE, whose group is of the server's choice and may cost us 0.6 s.
        context.set_cipher_list(b"DEFAULT:!kDHE:@SECLEVEL=0")
        context.set_tls13_ciphersuites(TLS13_CIPHERS)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
        context.set_mode(NO_AUTO_CHAIN)
        # Who serves is for the source `handshake` to judge. With no authority to find, no signature of the chain and
        # none of its names is looked at.
        context.set_verify(SSL.VERIFY_NONE)
        if not all_groups:
            context.set_tmp_ecdh(ec.SECP256R1())
        self._show(client, context)
        return context

    def certificate_size(self, client: Client) -> int:
        """Of the certificate that it shows, in bytes of DER; 0 where it has none."""
        shown = self._shown(client)
        return len(shown.chain[0].public_bytes(Encoding.DER)) if shown else 0

    def _show(self, client: Client, context: SSL.Context) -> None:
        if shown := self._shown(client):
            show(context, *shown)

    def _shown(self, client: Client) -> "Stranger | _Own | None":
        identity = self._identity
        if client is Client.NOBODY or identity is None:
            return None
        if client is Client.OWN:
            return _Own(identity.chain, identity.key) if identity.chain and identity.key is not None else None
        if client not in self._strangers:
            made = foreign(self.date) if client is Client.FOREIGN else forged(self._trust_domain, identity, self.date)
            self._strangers[client] = made
        return self._strangers[client]


class _Own(NamedTuple):
    chain: tuple[Certificate, ...]
    key: CertificateIssuerPrivateKeyTypes


class ClientCache:
    """Which clients to come as; made anew when the watcher's identity has changed, and before strangers expire."""

    def __init__(self, provider: IdentityProvider, date: Callable[[], float]) -> None:
        """`date`: Unix seconds, as the clock is set."""
        self._provider, self._date = provider, date
        self._identity: OwnIdentity | None = None
        self._known: dict[str, Clients] = {}

    def of(self, target: Target) -> Clients:
        """Those for the trust domain of the expected SPIFFE ID, else for the watcher's own."""
        identity, date = self._provider.current, self._date()
        if identity is not self._identity:
            self._identity, self._known = identity, {}
        trust_domain = trust_domain_of(target, identity)
        known = self._known.get(trust_domain)
        if known is None or not 0 <= date - known.date < LIFETIME / 2:
            known = self._known[trust_domain] = Clients(identity, trust_domain, date)
        return known
