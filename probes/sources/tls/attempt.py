"""One look at one mTLS port: the sessions that it takes, within one deadline."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Self

from OpenSSL import SSL

from probes.contract.address import is_ip_address, split_host_port
from probes.readings.handshake import Spoke
from probes.sources.names import connect
from probes.sources.tls.contexts import Trust
from probes.sources.tls.plaintext import ask_plainly, http_status, spoken
from probes.sources.tls.session import TLSSession
from probes.sources.tls.work_queue import WorkQueue

_REQUEST = b"GET /health HTTP/1.1\r\nHost: %b\r\nUser-Agent: agentweave-watcher\r\nConnection: close\r\n\r\n"


class PortAddress(NamedTuple):
    """Where a port is, and what it is asked."""

    host: str
    port: int
    server_name: bytes | None  # for SNI: RFC 6066, section 3, has no addresses there
    authority: str

    @classmethod
    def of(cls, address: str) -> Self:
        """The place of `host:port` or `[address]:port`."""
        host, port = split_host_port(address)
        return cls(host, port, None if is_ip_address(host) else host.encode(), address)

    @property
    def request(self) -> bytes:
        """What is asked once the handshake is over."""
        return _REQUEST % self.authority.encode()


class Attempt:
    """What was said at one place: on the usual path a single session."""

    def __init__(
        self,
        port_address: PortAddress,
        addresses: Sequence[str],
        trust: Trust,
        work_queue: WorkQueue,
        starts: float,
        ends: float,
    ) -> None:
        """Speak to one of the `addresses` of its host, from `starts` to `ends`, both times of the loop."""
        self._work_queue = work_queue
        self._port, self._addresses, self._trust = port_address, addresses, trust
        self._halfway, self._ends = (starts + ends) / 2, ends
        self.session: TLSSession | None = None
        self.plain_answer = b""

    async def make(self) -> TLSSession:
        """The session that tells most; OSError (TimeoutError for silence) where there is no connection."""
        session = self.session = await self._connect(self._trust.first)
        await session.until(self._halfway)
        if not session.finished and not session.received:
            # Plaintext servers may wait for the end of a line that a TLS hello does not have.
            await self._speak_plainly()
            if spoken(self.plain_answer) in (Spoke.PLAINTEXT_HTTP, Spoke.OTHER):
                return session
        await session.until(self._ends)
        if _was_turned_away(session):
            session = self.session = await self._offer_more(session)
        if session.finished and session.spoke in (Spoke.NOTHING, Spoke.OTHER):
            # Some plaintext servers cut off a TLS hello, others answer it in a way of their own.
            await self._speak_plainly()
        return session

    def heard(self, session: TLSSession) -> bytes:
        """The plaintext that tells most; empty where TLS is spoken, or nothing."""
        if session.spoke is Spoke.TLS:
            return b""
        return session.plaintext if session.plaintext and not http_status(self.plain_answer) else self.plain_answer

    def end(self) -> None:
        """Leave no connection behind."""
        if self.session is not None:
            self.session.hang_up()

    async def _connect(self, context: SSL.Context) -> TLSSession:
        session = TLSSession(
            context,
            self._port.server_name,
            self._port.request,
            self._trust.certificate_size,
            self._work_queue,
            self.session,
        )
        ends = self._ends + session.waited
        async with asyncio.timeout_at(ends):
            await connect(lambda: session, self._addresses, self._port.port, ends)
        return session

    async def _offer_more(self, first: TLSSession) -> TLSSession:
        try:
            second = await self._connect(self._trust.second)
        except OSError:  # the first has more to tell
            return first
        self.session = second
        await second.until(self._ends)
        if second.received:
            return second
        second.hang_up()
        first.cpu = second.cpu
        return first

    @property
    def _waited(self) -> float:
        return self.session.waited if self.session else 0.0

    async def _speak_plainly(self) -> None:
        if not self.plain_answer:
            port_address = self._port
            self.plain_answer = await ask_plainly(
                self._addresses, port_address.port, port_address.authority, self._ends + self._waited
            )


def _was_turned_away(session: TLSSession) -> bool:
    """Whether the server ended the handshake before it showed a certificate: it may want another key exchange."""
    return session.finished and not session.completed and not session.plaintext and not session.certificate_seen
