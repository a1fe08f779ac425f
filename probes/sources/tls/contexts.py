"""The TLS contexts of looks: one for each own identity and trust domain, never one a look."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate, InvalidVersion
from OpenSSL import SSL, crypto

from probes.contract import IdentityProvider, OwnIdentity, Target
from probes.contract.spiffe_id import parse_spiffe_id
from probes.readings.certificate import issuer_of
from probes.readings.issuer import Issuer
from probes.readings.name_constraints import FEW, are_too_many
from probes.readings.verify_error import VerifyCode, VerifyError
from probes.sources.tls.namesakes import Namesakes
from probes.sources.tls.path import MAX_VERIFY_DEPTH

TLS13_CIPHERS = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
NO_AUTO_CHAIN = 0x8  # SSL_MODE_NO_AUTO_CHAIN of SSL_CTX_set_mode(3); pyOpenSSL has no name for it
_PATIENCE = 0.01  # seconds of CPU for a chain that does not verify: an honest one takes two


class Verification:
    """What verifying one chain found, and whether it was given up.

    A public exponent of 3,000 bits makes a signature cost 10 ms. Of a chain that has an error already, more of them
    tell nothing.
    """

    __slots__ = ("_cpu_time", "_ends", "errors", "given_up", "received")

    def __init__(self, cpu_time: Callable[[], float] = time.thread_time) -> None:
        self.errors: list[VerifyError] = []
        self.given_up = False
        self.received = 0  # bytes from the server, the chain among them
        self._cpu_time, self._ends = cpu_time, 0.0

    def goes_on(self) -> bool:
        """Whether there is time for more; called at each step after the first error."""
        now = self._cpu_time()
        self._ends = self._ends or now + _PATIENCE
        self.given_up = now > self._ends
        return not self.given_up

    def compares_names(self, chain: Sequence[bytes]) -> bool:
        """Whether OpenSSL may compare the names of this chain with its name constraints: 1.2 s for 36 kB of them."""
        if are_too_many(chain):
            self.errors.append(VerifyError(VerifyCode.TOO_MANY_NAMES, 0, 0.0))
            self.given_up = True
        return not self.given_up


class Trust:
    """What a look at targets of one trust domain is made with."""

    def __init__(self, trust_domain: str, identity: OwnIdentity | None) -> None:
        self.trust_domain = trust_domain
        self._identity = identity
        self.authorities = identity.bundles.get(trust_domain, ()) if identity else ()
        self.has_bundle = bool(self.authorities)
        self.has_certificate = identity is not None and bool(identity.chain)
        self.certificate_size = len(identity.chain[0].public_bytes(Encoding.DER)) if identity and identity.chain else 0

    @cached_property
    def first(self) -> SSL.Context:
        """Offers the one key exchange group that RFC 8446, section 9.1, asks of everybody.

        OpenSSL's own choice adds a post-quantum key: a sixth more CPU and a first message of two packets,
        which some servers cannot read.
        """
        context = self._context()
        context.set_tmp_ecdh(ec.SECP256R1())
        return context

    @cached_property
    def second(self) -> SSL.Context:
        """Offers all groups, for a server that did not take the first."""
        return self._context()

    @cached_property
    def issuers(self) -> Mapping[bytes, tuple[Issuer]]:
        """The facts of each authority of the bundle, by its DER."""
        known = {each.public_bytes(Encoding.DER): issuer_of(each) for each in self.authorities}
        longest = max((each.lifetime for each in known.values()), key=lambda each: each.end, default=None)
        return {der: (replace(each, authority=True, longest=longest),) for der, each in known.items()}

    @cached_property
    def namesakes(self) -> Namesakes:
        """The authorities of the bundle that only their keys tell apart."""
        return Namesakes(self.authorities)

    def _context(self) -> SSL.Context:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        # Security level 0: a weak key is to be read and judged, not a connection that fails. No DHE: its group is of
        # the server's choice, and one of 10,000 bits costs us 0.6 s.
        context.set_cipher_list(b"DEFAULT:!kDHE:@SECLEVEL=0")
        # SHA-256 is what CPUs have instructions for: all are offered, the cheapest first.
        context.set_tls13_ciphersuites(TLS13_CIPHERS)
        # A resumed session would not show the certificate.
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
        # OpenSSL would build a chain for our own certificate at each look, and verify it: it is sent as it was given.
        context.set_mode(NO_AUTO_CHAIN)
        context.set_verify(SSL.VERIFY_PEER, _note)
        context.set_verify_depth(MAX_VERIFY_DEPTH)
        self._add_roots(context)
        if self._identity is not None and self._identity.chain and self._identity.key is not None:
            show(context, self._identity.chain, self._identity.key)
        return context

    def _add_roots(self, context: SSL.Context) -> None:
        store = context.get_cert_store()
        if store is None:
            raise RuntimeError("an SSL context has no store for its roots")
        store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)  # a bundle may hold an intermediate as its authority
        for root in self.authorities:
            store.add_cert(crypto.X509.from_cryptography(root))


class TrustCache:
    """What to look at each target with; made anew when the watcher's identity has changed."""

    def __init__(self, provider: IdentityProvider) -> None:
        self._provider = provider
        self._identity: OwnIdentity | None = None
        self._known: dict[str, Trust] = {}

    def of(self, target: Target) -> Trust:
        """The trust for the trust domain of the expected SPIFFE ID, else for the watcher's own."""
        if self._provider.current is not self._identity:
            self._identity, self._known = self._provider.current, {}
        trust_domain = trust_domain_of(target, self._identity)
        if trust_domain not in self._known:
            self._known[trust_domain] = Trust(trust_domain, self._identity)
        return self._known[trust_domain]


def trust_domain_of(target: Target, identity: OwnIdentity | None) -> str:
    """That of the expected SPIFFE ID, else the watcher's own; empty where neither is known."""
    for expected in target.spiffe_ids:
        if parsed := parse_spiffe_id(expected):
            return parsed.trust_domain
    return identity.trust_domain if identity else ""


def show(context: SSL.Context, chain: Sequence[Certificate], key: CertificateIssuerPrivateKeyTypes) -> None:
    """Have connections of this context present a certificate, the leaf of the chain first."""
    leaf, *intermediates = chain
    context.use_certificate(leaf)
    context.use_privatekey(key)  # type: ignore[arg-type]  # no SPIFFE issuer makes ML-DSA keys
    for intermediate in intermediates:
        context.add_extra_chain_cert(intermediate)


def _note(connection: SSL.Connection, certificate: crypto.X509, code: int, depth: int, ok: int) -> bool:
    """Keep an error and go on: the handshake shall show all that is wrong, if that does not take too long."""
    verification: Verification = connection.get_app_data()
    if not ok:
        not_before = _starts(certificate) if code == VerifyCode.NOT_YET_VALID else 0.0
        verification.errors.append(VerifyError(code, depth, not_before))
    # The last step before names are compared, of which nothing is told meanwhile.
    if ok and not depth and verification.received > FEW:
        served = connection.get_peer_cert_chain() or ()
        if not verification.compares_names([crypto.dump_certificate(crypto.FILETYPE_ASN1, each) for each in served]):
            return False
    return not verification.errors or verification.goes_on()


def _starts(certificate: crypto.X509) -> float:
    try:
        return certificate.to_cryptography().not_valid_before_utc.timestamp()
    except (ValueError, InvalidVersion):  # a leaf like that is said to be unreadable, and this is called from C
        return 0.0
