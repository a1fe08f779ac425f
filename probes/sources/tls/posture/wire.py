"""One connection to a pod for one attempt, whatever comes of it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from probes.contract import Fault
from probes.contract.address import join_host_port
from probes.sources.names import connect
from probes.sources.tls.attempt import PortAddress
from probes.sources.tls.first_bytes import Heard, say_and_hear
from probes.sources.tls.posture.limits import RoundLimits
from probes.sources.tls.session import TLSSession
from probes.sources.tls.work_queue import WorkQueue
from probes.sources.unconnected import unconnected

if TYPE_CHECKING:
    from OpenSSL import SSL

_PAUSE = 0.05  # seconds in which a server that refuses a client says so, before it is asked something
_REQUEST = (
    "GET /health HTTP/1.1\r\nHost: {}\r\nUser-Agent: agentweave-watcher (TLS posture: {})\r\nConnection: close\r\n\r\n"
)


class Unconnected(NamedTuple):
    """There was no connection: why, in words that follow the name of the port."""

    fault: Fault
    words: str


class Shaken(NamedTuple):
    """A session that is over, and whether the other side was silent at its end."""

    session: TLSSession
    silent: bool


class Wire:
    """To the ports of one pod, within the limits of one round."""

    def __init__(
        self, place: PortAddress, addresses: Sequence[str], limits: RoundLimits, work_queue: WorkQueue
    ) -> None:
        """To the `addresses` of the host of `place`, the agent's own port."""
        self.place, self._addresses, self._limits, self._work_queue = place, addresses, limits, work_queue
        self.unconnected: Unconnected | None = None  # the first, of any port
        self.connected = False  # once, at any port

    def authority(self, port: int) -> str:
        """What a request to this port names as its host."""
        return join_host_port(self.place.host, port)

    async def shake_hands(
        self, context: "SSL.Context", says: str, port: int, certificate_size: int = 0
    ) -> Shaken | Unconnected:
        """One session; `says`: what the request tells of who comes. May raise EnoughError, as all here.

        `certificate_size`: of the certificate that is shown, in bytes, to tell whether it was.
        """
        until = await self._limits.start()
        request = _REQUEST.format(self.authority(port), says).encode()
        session = TLSSession(context, self.place.server_name, request, certificate_size, self._work_queue, pause=_PAUSE)
        try:
            async with asyncio.timeout_at(until):
                await connect(lambda: session, self._addresses, port, until)
            self.connected = True
            await session.until(until)
        except OSError as error:
            return self._failed(error)
        finally:
            shaken = Shaken(session, silent=not session.finished and not session.answer)
            session.hang_up()
        self._limits.ended(silent=shaken.silent, cpu=session.cpu)
        return shaken

    async def say(self, words: bytes, port: int, is_enough: Callable[[bytes], bool], most: int) -> Heard | Unconnected:
        """The first bytes that answer these."""
        until = await self._limits.start()
        try:
            heard = await say_and_hear(words, self._addresses, port, until, is_enough, most)
        except OSError as error:
            return self._failed(error)
        self.connected = True
        self._limits.ended(silent=heard.fault is Fault.STALLED and not heard.data)
        return heard

    def _failed(self, error: OSError) -> Unconnected:
        found = Unconnected(*unconnected(error))
        self.unconnected = self.unconnected or found
        self._limits.ended(silent=found.fault is Fault.SILENT)
        return found
