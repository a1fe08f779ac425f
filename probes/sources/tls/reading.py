"""What was said at a port, as a reading."""

from functools import lru_cache
from sys import intern
from time import perf_counter, thread_time

from OpenSSL import SSL, crypto

from probes.contract import Fault
from probes.readings.certificate import MAX_CERTIFICATE, UnreadableError, weakness
from probes.readings.handshake import BundleState, ClientCertificate, Handshake, Spoke
from probes.sources.tls.chain import FollowedChain
from probes.sources.tls.chain_cache import LastChain
from probes.sources.tls.contexts import Trust
from probes.sources.tls.path import MAX_VERIFY_DEPTH
from probes.sources.tls.plaintext import http_status, printable, spoken
from probes.sources.tls.session import TLSSession

OF_A_CERTIFICATE = (
    "bad certificate",
    "unsupported certificate",
    "certificate revoked",
    "certificate expired",
    "certificate unknown",
    "certificate required",
    "no certificate",
    "unknown ca",
    "access denied",
    "decrypt error",  # our signature does not fit our certificate
    "handshake failure",  # of TLS 1.2 where none was sent
)
"""How OpenSSL's words for an alert on the other side's certificate end."""


def reading(
    address: str,
    session: TLSSession,
    heard: bytes,
    trust: Trust,
    bundle: BundleState,
    last: LastChain,
    date: float,
) -> Handshake:
    """The reading of a port that took a connection; `heard`: what it said in plaintext, `date` in Unix seconds."""
    waited = session.waited + (perf_counter() - session.ended if session.finished else 0.0)
    spoke = spoken(heard) if heard else session.spoke
    completed = session.completed or session.verification.given_up or _is_refused_in_handshake(session)
    broke_off = not completed and _breaks_off(session, trust)
    fault, trouble = (None, "") if completed else (None, _BROKE_OFF) if broke_off else _trouble(session, spoke, heard)
    began = thread_time()
    chain = [crypto.dump_certificate(crypto.FILETYPE_ASN1, each) for each in session.tls.get_peer_cert_chain() or ()]
    leaf = last.leaf(chain) if chain else None
    if chain and leaf is None:
        trouble = trouble or "serves a certificate that cannot be read"
    weak = tuple(filter(None, map(_weakness, chain[1 : MAX_VERIFY_DEPTH + 1])))
    followed = last.follow(session, chain, trust, date) if chain else FollowedChain((), (), ())
    cpu = session.cpu + thread_time() - began
    client_certificate, refusal = _client_certificate(session, trust) if completed else (ClientCertificate.NOT_TOLD, "")
    return Handshake(
        fault=fault,
        error=f"{address} {trouble}." if trouble else "",
        cpu=cpu,
        waited=waited,
        spoke=spoke,
        completed=completed,
        broke_off=broke_off,
        leaf=leaf,
        chain_length=len(chain),
        weak_intermediates=weak,
        issuers=followed.issuers,
        remarks=followed.remarks,
        verify_errors=followed.errors,
        trust_domain=trust.trust_domain,
        bundle=bundle,
        protocol=intern(session.tls.get_protocol_version_name()) if chain else "",
        cipher=intern(session.tls.get_cipher_name() or ""),
        client_certificate=client_certificate,
        refusal=refusal,
        ending=_ending(session) if completed and not refusal else "",
        http_status=http_status(session.answer),
        received=printable(heard),
    )


def _is_refused_in_handshake(session: TLSSession) -> bool:
    """Whether only our certificate, or that we have none, stood in the way.

    In TLS 1.2 the server speaks last, so it refuses within the handshake: after our second flight.
    """
    return _ended_after_our_part(session) and _is_refusal(session.error)


def _breaks_off(session: TLSSession, trust: Trust) -> bool:
    """Whether it may have refused our certificate without an alert (asyncio drops it), or has another trouble."""
    its_turn = session.certificate_sent or not trust.has_certificate
    return _ended_after_our_part(session) and not session.error and its_turn


_BROKE_OFF = "cut the TLS 1.2 handshake after the watcher's part of it, and did not say why"


def _ended_after_our_part(session: TLSSession) -> bool:
    if session.completed or session.tls.get_protocol_version() > SSL.TLS1_2_VERSION:
        return False
    return session.flights > 1 and session.certificate_seen and session.finished


def _trouble(session: TLSSession, spoke: Spoke, heard: bytes) -> tuple[Fault | None, str]:
    """Why there was no handshake."""
    if spoke is Spoke.PLAINTEXT_HTTP:
        return None, f"speaks plaintext HTTP and not TLS: '{printable(heard)}'"
    if spoke is Spoke.OTHER:
        return None, f"does not speak TLS: '{printable(heard)}'"
    if not session.finished:
        when = "in the middle of the handshake" if session.received else "and never answered the TLS hello"
        return Fault.STALLED, f"accepted the connection, then fell silent {when}"
    if session.error:
        return None, f"and the watcher have no TLS in common: {session.error}"
    return Fault.RESET, "cut the connection during the TLS handshake"


def _client_certificate(session: TLSSession, trust: Trust) -> tuple[ClientCertificate, str]:
    """What our certificate met, and the words of a refusal."""
    refusal = _refusal(session)
    if not trust.has_certificate:
        return ClientCertificate.NONE_TO_SEND, refusal
    if not session.certificate_sent:
        return ClientCertificate.NOT_ASKED_FOR, ""
    if refusal:
        return ClientCertificate.REFUSED, refusal
    return (ClientCertificate.ACCEPTED if session.answer else ClientCertificate.NOT_TOLD), ""


def _refusal(session: TLSSession) -> str:
    # With TLS 1.3 the client is done first: a refusal shows only at the read after the handshake.
    if session.error:
        return session.error if _is_refusal(session.error) else ""
    return f"HTTP {http_status(session.answer)}" if is_refusing_page(session.answer) else ""


def is_refusing_page(answer: bytes) -> bool:
    """Whether an HTTP answer says that the client's certificate is not good enough.

    nginx completes the handshake, and says so in a page.
    """
    status = http_status(answer)
    return status in (495, 496) or (status == 400 and b"certificate" in answer.lower())


def _is_refusal(error: str) -> bool:
    """Whether an alert says that our certificate is not good enough, or that one is missing (RFC 8446, section 6.2)."""
    return " alert " in error and error.endswith(OF_A_CERTIFICATE)


def _ending(session: TLSSession) -> str:
    """What came in place of an answer and is no refusal: a server that closes the connection does not say why."""
    if session.answer or not session.finished:
        return ""
    return session.error or "the connection was closed without an answer"


def _weakness(der: bytes) -> str:
    if len(der) > MAX_CERTIFICATE:
        return "an intermediate is too large to be read"
    return _known_weakness(der)


@lru_cache(maxsize=256)  # a fleet shares its intermediates
def _known_weakness(der: bytes) -> str:
    try:
        found = weakness(der)
    except UnreadableError:
        return "an intermediate cannot be read"
    return f"of an intermediate, {found}" if found else ""
