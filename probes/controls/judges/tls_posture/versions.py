"""Which versions of TLS are spoken, and with which suites?"""

from probes.controls.catalogue.control import UnknownReason
from probes.controls.judges.tls_posture.case import Said, bad, good, unclear, untold
from probes.readings.handshake import Spoke
from probes.readings.tls_posture import Outcome, Refusal, TLSPosture, Tried

_SPEAKS = {Spoke.PLAINTEXT_HTTP: "speaks plaintext HTTP and not TLS", Spoke.OTHER: "does not speak TLS"}


def in_clear(posture: TLSPosture) -> str:
    """That the agent's own port is one of plaintext, a sentence."""
    return f"Port {posture.port} {_SPEAKS[posture.spoke]}."


def only_tls13(posture: TLSPosture) -> Said:
    """A request over TLS 1.3 is answered, and TLS 1.2 is refused. Without an accepted SVID a refusal proves nothing."""
    older, own = posture.tls12, posture.own
    if posture.in_clear:
        return bad(in_clear(posture))
    if older and _takes(older):
        return bad(f"Port {posture.port} takes {older.protocol or 'TLS 1.2'} ({older.suite}).")
    if not posture.has_svid:
        return unclear(
            UnknownReason.SOURCE_MISSING,
            "The watcher has no SVID to show, so that TLS 1.2 is refused may be for want of it.",
        )
    if own is None or own.outcome in (Outcome.UNANSWERED, Outcome.OURS):
        return untold(posture, own, "TLS 1.3 with the watcher's SVID")
    if own.outcome is Outcome.REFUSED:
        return _refused(own)
    if older is None or not _refuses_older(posture, older):
        return untold(posture, older, "TLS 1.2")
    return good(f"Port {posture.port} answers over TLS 1.3 and refuses TLS 1.2 ({older.how}).")


def _takes(older: Tried) -> bool:
    return older.completed or older.outcome is Outcome.ANSWERED


def _refuses_older(posture: TLSPosture, older: Tried) -> bool:
    """A server that closes without a word refuses TLS 1.2 only where it has since spoken TLS 1.3 to somebody."""
    if older.outcome is not Outcome.REFUSED:
        return False
    without_a_word = older.refusal is Refusal.CLOSED and not older.protocol
    return not without_a_word or (posture.without is not None and bool(posture.without.protocol))


def _refused(own: Tried) -> Said:
    if not own.shown:
        return unclear(UnknownReason.NO_DATA, f"TLS 1.3 is refused before a certificate is shown ({own.how}).")
    message = f"The agent refuses the watcher's SVID ({own.how}), so that TLS 1.2 is refused may be for that."
    return unclear(UnknownReason.FORBIDDEN, message)


def strong_suites(posture: TLSPosture) -> Said:
    """Only suites with forward secrecy and AEAD are chosen, and every weak one is refused."""
    if posture.weak:
        return bad(f"Port {posture.port} chooses weak suites at TLS 1.2: {', '.join(posture.weak)}.")
    handshakes = [each for each in (posture.own, posture.without, posture.tls12) if each and each.suite]
    if weak := next((each for each in handshakes if not _is_strong(each.suite)), None):
        return bad(f"Port {posture.port} chooses {weak.suite} ({weak.protocol}).")
    if posture.in_clear:
        return unclear(UnknownReason.NO_DATA, in_clear(posture))
    if not handshakes:
        return untold(posture, posture.own or posture.without, "A handshake")
    return _weak_refused(posture, handshakes[0])


def _weak_refused(posture: TLSPosture, handshake: Tried) -> Said:
    older, end = posture.tls12, posture.weak_end
    if older and older.protocol:
        if end and end.outcome is Outcome.REFUSED:
            return good(f"Port {posture.port} chooses {handshake.suite}, and refuses each weak suite ({end.how}).")
        return untold(posture, end, "An offer of weak suites")
    if older is None or not _refuses_older(posture, older):
        return untold(posture, older, "TLS 1.2")
    return good(f"Port {posture.port} chooses {handshake.suite}, and refuses TLS 1.2 with any suite ({older.how}).")


def _is_strong(suite: str) -> bool:
    """By OpenSSL's name of a suite: those of TLS 1.3 begin with TLS_."""
    secrecy = suite.startswith(("TLS_", "ECDHE-", "DHE-")) or (suite.startswith("suite ") and "(" not in suite)
    return secrecy and any(mode in suite for mode in ("GCM", "CHACHA20", "CCM", "suite "))
