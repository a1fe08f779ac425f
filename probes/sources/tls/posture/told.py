"""What a session or an answer says of one attempt."""

import re

from probes.contract import Fault
from probes.readings.handshake import Spoke
from probes.readings.tls_posture import ALERT, InClear, Outcome, Refusal, Tried
from probes.sources.tls.first_bytes import Heard
from probes.sources.tls.plaintext import http_status, printable, spoken
from probes.sources.tls.posture.hello import ServerSaid
from probes.sources.tls.posture.suites import WEAK
from probes.sources.tls.reading import OF_A_CERTIFICATE, is_refusing_page
from probes.sources.tls.session import TLSSession

_ALERT = re.compile(r"(?:(?:tls|tlsv13|sslv3|ssl/tls) alert|tlsv1(?: alert)?) (.+)")
"""OpenSSL's words for an alert that came."""

_OLDER = frozenset({"unsupported protocol", "wrong ssl version"})
"""OpenSSL's words for a server that chose a version which was not offered."""

_LONGEST = 100
_HTTP2 = re.compile(rb"\x00[\x00-\x3f].[\x04\x07].\x00\x00\x00\x00", re.DOTALL)  # SETTINGS or GOAWAY of stream 0
_NAMES = {number: f"{name} ({group})" for group, suites in WEAK.items() for number, name in suites.items()}

CLOSED = Tried(Outcome.REFUSED, "the connection was closed without an answer", Refusal.CLOSED)
RESET = Tried(Outcome.UNANSWERED, "the connection was reset, by the server or on the way")


def told_by(session: TLSSession, *, silent: bool) -> Tried:
    """How an attempt to shake hands ended; `silent`: the other side was, when the time was over."""
    if not session.certificate_seen:
        return _end_of(session, silent=silent, shown=False)
    protocol = session.tls.get_protocol_version_name()
    # Of TLS 1.2 the server speaks last; its client is done with its second flight.
    shown = session.completed or (protocol != "TLSv1.3" and session.flights > 1)
    found = _end_of(session, silent=silent, shown=shown)
    suite = session.tls.get_cipher_name() or ""
    return found._replace(protocol=protocol, suite=suite, completed=session.completed, shown=shown)


def _end_of(session: TLSSession, *, silent: bool, shown: bool) -> Tried:
    if session.plaintext:
        return Tried(Outcome.UNANSWERED, f"it does not speak TLS: '{printable(session.plaintext)}'")
    if session.answer:
        return _answered(session.answer)
    if session.error:
        return _failed(session.error, shown=shown)
    if silent:
        return Tried(Outcome.UNANSWERED, "silence" if session.completed else "silence in the middle of the handshake")
    return RESET if session.reset else CLOSED


def _answered(answer: bytes) -> Tried:
    status = http_status(answer)
    if status is None:
        return Tried(Outcome.ANSWERED, "an answer that is not HTTP")
    if is_refusing_page(answer):
        return Tried(Outcome.REFUSED, f"HTTP {status}, a page about the certificate", Refusal.PAGE, status=status)
    return Tried(Outcome.ANSWERED, f"HTTP {status}", status=status)


def _failed(error: str, *, shown: bool) -> Tried:
    if match := _ALERT.fullmatch(error):
        alert = match[1][:_LONGEST]
        return Tried(Outcome.REFUSED, f"{ALERT}{alert}", _refusal(error, shown=shown))
    if error in _OLDER:
        return Tried(Outcome.REFUSED, "the server chose an older version of TLS", Refusal.VERSION)
    return Tried(Outcome.UNANSWERED, f"what came is not understood: {error[:_LONGEST]}")


def _refusal(error: str, *, shown: bool) -> Refusal:
    if error.endswith("protocol version"):
        return Refusal.VERSION
    return Refusal.CERTIFICATE if shown and error.endswith(OF_A_CERTIFICATE) else Refusal.ALERT


def told_by_hello(said: ServerSaid, heard: Heard) -> Tried:
    """How an offer of suites ended. A suite that the server chose is enough: no handshake follows."""
    if said.suite is not None:
        name = suite_name(said.suite)
        return Tried(Outcome.ANSWERED, f"it chose {name}", protocol=said.protocol, suite=name)
    if said.alert == "close notify":
        return CLOSED
    if said.alert:
        refusal = Refusal.VERSION if said.alert == "protocol version" else Refusal.ALERT
        return Tried(Outcome.REFUSED, f"{ALERT}{said.alert}", refusal)
    if heard.data:
        return Tried(Outcome.UNANSWERED, f"what came is not understood: '{printable(heard.data)}'")
    if heard.fault is None:
        return CLOSED
    return RESET if heard.fault is Fault.RESET else Tried(Outcome.UNANSWERED, "silence")


def suite_name(number: int) -> str:
    """As OpenSSL calls it, with its group where it is a weak one."""
    return _NAMES.get(number, f"suite {number:#06x}")


def told_in_clear(heard: Heard) -> tuple[InClear, int | None]:
    """What a plain HTTP request was answered with, and the status where it has one."""
    if not heard.data:
        closed = heard.fault is None
        return (InClear.CLOSED if closed else InClear.UNANSWERED), None
    if _HTTP2.match(heard.data):
        return InClear.HTTP, None
    match spoken(heard.data):
        case Spoke.TLS:
            return InClear.TLS, None
        case Spoke.PLAINTEXT_HTTP:
            return InClear.HTTP, http_status(heard.data)
        case _:
            return InClear.OTHER, None
