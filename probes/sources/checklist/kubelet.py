"""A kubelet's question: plain HTTP, or TLS that verifies nothing and has no client certificate."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import httpx

from probes.contract import NameLookup
from probes.contract.address import join_host_port
from probes.contract.target import KubeletProbe
from probes.contract.text import cut
from probes.readings.health.answer import KubeletAnswer, Outcome
from probes.sources.checklist.questions import MOST_BYTES, ask, is_alert
from probes.sources.http.client import HTTPSession, locate
from probes.sources.http.faults import TLSFailedError
from probes.sources.http.response import Response, TooLargeError
from probes.sources.http.tls import TLS, is_alert_on_certificate
from probes.sources.tls.metered import Meter

_REFUSED = (400, 401, 403)


class KubeletQuestions(NamedTuple):
    """How the questions of one pod's kubelet are asked."""

    host: str
    tls: TLS
    names: NameLookup
    meter: Meter
    pause: Callable[[], Awaitable[None]]  # before a second connection, should a question take one

    async def ask(self, probe: KubeletProbe, seconds: float, *, same_port: bool) -> KubeletAnswer:
        """What a probe is answered within so many seconds. `same_port`: our SVID was answered at that port."""
        url = f"{'https' if probe.secure else 'http'}://{join_host_port(self.host, probe.port)}{probe.path}"
        limits, tls = (seconds, MOST_BYTES), self.tls if probe.secure else None
        try:
            origin, path = locate(url)
            how = HTTPSession(origin, *limits, tls, names=self.names, meter=self.meter, before_another=self.pause)
            async with how as session:
                answer, _ = await ask(session, origin, path.decode())
        except TooLargeError:
            return KubeletAnswer(probe, Outcome.ANSWERED)  # a kubelet reads 10 kB of it, and goes by the status
        except httpx.TransportError as error:
            return KubeletAnswer(probe, _failed(probe, error, same_port=same_port), trouble=cut(str(error)))
        return KubeletAnswer(probe, _answered(probe, answer, same_port=same_port), answer.status)


def _answered(probe: KubeletProbe, answer: Response, *, same_port: bool) -> Outcome:
    body = answer.body.lower()
    if probe.secure and answer.status in _REFUSED and (same_port or b"certificate" in body):
        return Outcome.NEEDS_CERTIFICATE  # nginx ends the handshake well and says it in a page
    if not probe.secure and answer.status == 400 and (b"https" in body or b"tls" in body):
        return Outcome.NEEDS_TLS  # as nginx and Go answer plain HTTP on a port of TLS
    return Outcome.ANSWERED


def _failed(probe: KubeletProbe, error: httpx.TransportError, *, same_port: bool) -> Outcome:
    cut_off = isinstance(error, httpx.NetworkError | httpx.RemoteProtocolError) and not isinstance(
        error, httpx.ConnectError
    )
    if probe.secure:
        if is_alert_on_certificate(error.__cause__) or (same_port and (cut_off or is_alert(error))):
            return Outcome.NEEDS_CERTIFICATE  # asyncio's servers cut where they should send an alert
        if isinstance(error, TLSFailedError) and not is_alert(error):
            return Outcome.SPEAKS_NO_TLS
    elif same_port and cut_off:
        return Outcome.NEEDS_TLS
    return Outcome.UNREACHABLE
