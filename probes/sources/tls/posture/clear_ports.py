"""What a port says to plain HTTP, and whether it speaks TLS where that leaves it open."""

from probes.contract import Fault
from probes.readings.handshake import Spoke
from probes.readings.tls_posture import InClear, PortTried, PortUse
from probes.sources.tls.plaintext import MAX_BYTES, is_whole, plain_request
from probes.sources.tls.posture.clients import ANY_VERSION, Client, Clients
from probes.sources.tls.posture.told import told_in_clear
from probes.sources.tls.posture.wire import Unconnected, Wire

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
"""RFC 9113, section 3.4, with empty SETTINGS: servers of gRPC answer this, and no HTTP/1."""

_SETTLED = (InClear.NOBODY, InClear.TLS, InClear.OURS, InClear.UNREACHABLE)
_NO_HTTP_1 = (InClear.CLOSED, InClear.UNANSWERED)


async def ask_in_clear(
    wire: Wire, clients: Clients, port: int, use: PortUse, container: str, *, speaks_tls: bool | None
) -> PortTried:
    """One port. `speaks_tls`: what is known of that already; None: nothing. May raise EnoughError."""
    answer, status = await _say(wire, plain_request(wire.authority(port), "TLS posture: in plaintext"), port)
    tried = PortTried(port, answer, use, container, status, speaks_tls)
    if answer in _SETTLED or (answer is InClear.HTTP and (status is None or 200 <= status < 300)):
        return tried
    if speaks_tls is None:
        tried = tried._replace(completes_tls=await _speaks_tls(wire, clients, port))
    if tried.completes_tls or answer not in _NO_HTTP_1:
        return tried
    answer, _ = await _say(wire, _PREFACE, port)
    return tried._replace(answer=answer) if answer is InClear.HTTP else tried


async def _say(wire: Wire, words: bytes, port: int) -> tuple[InClear, int | None]:
    heard = await wire.say(words, port, is_whole, MAX_BYTES)
    if not isinstance(heard, Unconnected):
        return told_in_clear(heard)
    told = {Fault.REFUSED: InClear.NOBODY, Fault.OURS: InClear.OURS}
    return told.get(heard.fault, InClear.UNREACHABLE), None


async def _speaks_tls(wire: Wire, clients: Clients, port: int) -> bool | None:
    shaken = await wire.shake_hands(clients.context(Client.NOBODY, ANY_VERSION), Client.NOBODY.value, port)
    if isinstance(shaken, Unconnected):
        return None
    session = shaken.session
    if session.completed or session.certificate_seen:
        return True
    return None if session.spoke is Spoke.NOTHING and (session.reset or shaken.silent) else False
