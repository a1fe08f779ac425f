"""One look at one mTLS port: the conversations that it takes, within one deadline."""

import asyncio
from ipaddress import ip_address
from typing import NamedTuple, Self

from OpenSSL import SSL

from probes.readings.handshake import Spoke
from probes.sources.tls.contexts import Trust
from probes.sources.tls.plaintext import ask_plainly, http_status, spoken
from probes.sources.tls.session import Conversation

_REQUEST = b"GET /health HTTP/1.1\r\nHost: %b\r\nUser-Agent: agentweave-watcher\r\nConnection: close\r\n\r\n"


class Place(NamedTuple):
    """Where a port is, and what it is asked."""

    host: str
    port: int
    server_name: bytes | None  # for SNI: RFC 6066, section 3, has no addresses there
    authority: str

    @classmethod
    def of(cls, address: str) -> Self:
        """The place of `host:port` or `[address]:port`."""
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        return cls(host, int(port), None if _is_ip(host) else host.encode(), address)

    @property
    def request(self) -> bytes:
        """What is asked once the handshake is over."""
        return _REQUEST % self.authority.encode()


class Visit:
    """What was said at one place: on the usual path a single conversation."""

    def __init__(self, place: Place, trust: Trust, starts: float, ends: float) -> None:
        """Speak from `starts` to `ends`, both times of the loop."""
        self._place, self._trust = place, trust
        self._halfway, self._ends = (starts + ends) / 2, ends
        self.talk: Conversation | None = None
        self.plain_answer = b""

    async def make(self) -> Conversation:
        """The conversation that tells most; OSError (TimeoutError for silence) where there is no connection."""
        talk = self.talk = await self._connect(self._trust.first)
        await talk.until(self._halfway)
        if not talk.over and not talk.received:
            # Plaintext servers may wait for the end of a line that a TLS hello does not have.
            await self._speak_plainly()
            if spoken(self.plain_answer) in (Spoke.PLAINTEXT_HTTP, Spoke.OTHER):
                return talk
        await talk.until(self._ends)
        if _was_turned_away(talk):
            talk = self.talk = await self._offer_more(talk)
        if talk.over and talk.spoke in (Spoke.NOTHING, Spoke.OTHER):
            # Some plaintext servers cut off a TLS hello, others answer it in a way of their own.
            await self._speak_plainly()
        return talk

    def heard(self, talk: Conversation) -> bytes:
        """The plaintext that tells most; empty where TLS is spoken, or nothing."""
        if talk.spoke is Spoke.TLS:
            return b""
        return talk.plaintext if talk.plaintext and not http_status(self.plain_answer) else self.plain_answer

    def end(self) -> None:
        """Leave no connection behind."""
        if self.talk is not None:
            self.talk.hang_up()

    async def _connect(self, context: SSL.Context) -> Conversation:
        talk = Conversation(context, self._place.server_name, self._place.request, self._trust.certificate_size)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout_at(self._ends):
            await loop.create_connection(lambda: talk, self._place.host, self._place.port)
        return talk

    async def _offer_more(self, first: Conversation) -> Conversation:
        try:
            second = await self._connect(self._trust.second)
        except OSError:  # the first has more to tell
            return first
        self.talk = second
        await second.until(self._ends)
        if second.received:
            return second
        second.hang_up()
        return first

    async def _speak_plainly(self) -> None:
        if not self.plain_answer:
            place = self._place
            self.plain_answer = await ask_plainly(place.host, place.port, place.authority, self._ends)


def _was_turned_away(talk: Conversation) -> bool:
    """Whether the server ended the handshake before it showed a certificate: it may want another key exchange."""
    return talk.over and not talk.completed and not talk.plaintext and not talk.certificate_seen


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
