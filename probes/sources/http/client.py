"""HTTP/1 without a pool: a connection a look, one deadline for all of it, a cap on bytes while they arrive."""

import asyncio
import ssl
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import NamedTuple, Self, cast

import httpx

from probes.contract import NameLookup
from probes.contract.address import shown_url
from probes.contract.text import cut
from probes.sources.http.faults import (
    OtherIdentityError,
    OwnTroubleError,
    TLSFailedError,
    TooCostlyTLSError,
    UnresolvedError,
    fault_of,
    is_of_time,
)
from probes.sources.http.response import Response, ResponseReader, TooLargeError
from probes.sources.names import NameNotResolvedError, connect
from probes.sources.own_trouble import OWN_TROUBLE, is_refusal
from probes.sources.tls.metered import Meter, OverspentError, start_tls
from probes.sources.turns import TLS_BUDGET, Turns

__all__ = [
    "TLS",
    "HTTPSession",
    "Origin",
    "OwnTroubleError",
    "Response",
    "TLSFailedError",
    "TooLargeError",
    "fault_of",
    "locate",
]


class Origin(NamedTuple):
    """Where requests go."""

    host: str
    port: int
    secure: bool
    authority: bytes


def locate(url: str) -> tuple[Origin, bytes]:
    """The origin of a URL, and its path with the query."""
    try:
        found = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise OwnTroubleError(f"{shown_url(url)!r} is not a URL.") from error
    if found.scheme not in ("http", "https") or not found.host:
        raise OwnTroubleError(f"{shown_url(url)!r} is not an http or https URL")
    secure = found.scheme == "https"
    host = found.raw_host.decode()
    return Origin(host, found.port or (443 if secure else 80), secure, found.netloc), found.raw_path


class TLS(NamedTuple):
    """How to verify a server of https."""

    context: ssl.SSLContext
    trust_domain: str = ""  # the server must have an SVID of this one; empty: the context checks its name
    expected: Sequence[str] = ()  # SPIFFE IDs, one of which it must have to be sent a secret; empty: any
    doubtful: bool = False  # what does not verify may be our fault: we have no CA for it, or an old one
    clock_doubt: str = ""  # why the watcher's own date is not believed, a sentence
    others: Sequence[Callable[[], ssl.SSLContext]] = ()  # for a server that does not take that one's key exchange


class HTTPSession:
    """Requests one after another to one origin, on one connection for as long as the server keeps it.

    All of them together end within `timeout` seconds, beside what it takes to look up the server's name. No redirects,
    no proxy, no decompression; nothing is asked twice, but for a request that meets a connection which the server has
    closed since its last answer.
    """

    def __init__(
        self,
        origin: Origin,
        timeout: float,
        max_bytes: int,
        tls: TLS | None = None,
        *,
        names: NameLookup,
        meter: Meter | None = None,
    ) -> None:
        """`meter`: what the CPU of TLS is charged to, and what ends it."""
        self._meter = meter or Turns(time.thread_time, TLS_BUDGET)
        self._origin, self._timeout, self._max_bytes, self._tls = origin, timeout, max_bytes, tls
        self._names = names
        self._addresses: Sequence[str] = ()
        self._connection: _Connection | None = None
        self._deadline = 0.0

    async def __aenter__(self) -> Self:
        self._deadline = asyncio.get_running_loop().time() + self._timeout
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._hang_up()

    async def ask(self, method: bytes, path: bytes, headers: bytes = b"", body: bytes = b"") -> Response:
        """One request, GET or POST, with `headers` as on the wire; every failure is an httpx.TransportError."""
        length = b"Content-Length: %d\r\n" % len(body) if method == b"POST" else b""
        request = b"%b %b HTTP/1.1\r\nHost: %b\r\nAccept-Encoding: identity\r\n%b%b\r\n%b"
        if not self._addresses:
            await self._look_up()
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._exchange(request % (method, path, self._origin.authority, headers, length, body))
        except TimeoutError as error:
            raise self._too_late() from error
        except OSError as error:
            raise self._failed(error) from error

    async def _look_up(self) -> None:
        started = asyncio.get_running_loop().time()
        try:
            self._addresses = await self._names.addresses(self._origin.host)
        except NameNotResolvedError as error:
            raise UnresolvedError(f"{self._name} was not asked: {error}.") from error
        except OSError as error:
            raise OwnTroubleError(f"{self._name} was not asked: {error}.") from error
        self._deadline += asyncio.get_running_loop().time() - started

    async def _exchange(self, request: bytes) -> Response:
        if self._connection is not None:
            try:
                return await self._connection.ask(request, self._max_bytes)
            except ConnectionResetError:
                if self._connection.heard:
                    raise
        return await (await self._connect()).ask(request, self._max_bytes)

    async def _connect(self) -> "_Connection":
        self._hang_up()
        self._connection = None
        transport, wire = await connect(_Connection, self._addresses, self._origin.port, self._deadline)
        self._connection = wire
        if self._origin.secure:
            if self._tls is None:
                raise OwnTroubleError(f"The watcher has nothing to verify {self._name} with.")
            try:
                wire.transport = await self._secured(transport, wire, self._tls)
            except ssl.SSLError as error:
                if not self._tls.others or isinstance(error, ssl.SSLCertVerificationError):
                    raise
                other, *rest = self._tls.others
                self._tls = self._tls._replace(context=other(), others=rest)
                return await self._connect()
        return wire

    async def _secured(self, transport: asyncio.Transport, wire: "_Connection", tls: TLS) -> asyncio.Transport:
        context = tls.context
        name = self._origin.host if context.check_hostname else None
        secured = await start_tls(transport, wire, context, self._meter, server_hostname=name)
        if tls.trust_domain:
            names = secured.get_extra_info("peercert").get("subjectAltName", ())
            self._check_svid([value for kind, value in names if kind == "URI"], tls)
        return secured

    def _check_svid(self, uris: Sequence[str], tls: TLS) -> None:
        """Before anything is said: what is said next may be a secret."""
        if len(uris) != 1 or not uris[0].startswith(f"spiffe://{tls.trust_domain}/"):
            raise TLSFailedError(f"{self._name} has no SVID of {tls.trust_domain}.")
        if tls.expected and uris[0] not in tls.expected:
            shown, expected = cut(uris[0]), " or ".join(map(cut, tls.expected[:3]))
            raise OtherIdentityError(
                f"{self._name} was not asked, for it would have been sent a secret: "
                f"it has the SVID of {shown!a}, and not of {expected!a}."
            )

    def _hang_up(self) -> None:
        if self._connection is not None and self._connection.transport is not None:
            self._connection.transport.abort()

    def _too_late(self) -> httpx.TimeoutException:
        if self._connection is None:
            return httpx.ConnectTimeout(f"{self._name} did not answer within {self._timeout:g}s.")
        return httpx.ReadTimeout(
            f"{self._name} accepted the connection, but gave no full answer in {self._timeout:g}s."
        )

    def _failed(self, error: OSError) -> httpx.TransportError:
        if (
            isinstance(error, ssl.SSLCertVerificationError)
            and self._tls
            and self._tls.clock_doubt
            and is_of_time(error)
        ):
            return OwnTroubleError(self._tls.clock_doubt)
        if isinstance(error, ssl.SSLCertVerificationError) and self._tls and self._tls.doubtful:
            return OwnTroubleError(f"The watcher has no CA to verify {self._name} with: {error.verify_message}.")
        if isinstance(error, OverspentError):
            return TooCostlyTLSError(f"The answer of {self._name} is too much to read: {error}.")
        if isinstance(error, ssl.SSLError):
            return TLSFailedError(f"{self._name} and the watcher have no TLS in common: {error}")
        if self._connection is not None:
            return httpx.ReadError(f"{self._name} cut the connection before the answer was complete.")
        if error.errno in OWN_TROUBLE:
            return OwnTroubleError(f"The watcher cannot connect to {self._name}: {error}")
        if is_refusal(error):
            return httpx.ConnectError(f"{self._name} refuses connections.")
        return httpx.ConnectError(f"{self._name} cannot be reached: {error.strerror or error}.")

    @property
    def _name(self) -> str:
        return self._origin.authority.decode()


class _Connection(asyncio.Protocol):
    """A connection; what arrives goes to the answer that is waited for."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.heard = False  # whether any byte of the last answer arrived
        self._answering: ResponseReader | None = None

    async def ask(self, request: bytes, max_bytes: int) -> Response:
        self.heard = False
        if self.transport is None or self.transport.is_closing():
            raise ConnectionResetError
        self._answering = ResponseReader(max_bytes)
        self.transport.write(request)
        try:
            return await self._answering.done
        finally:
            self._answering.let_go()
            self._answering = None  # an error's traceback leads here: a cycle, if this led back to the error

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._answering is not None:
            self.heard = True
            self._answering.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answering is not None:
            self._answering.end(exc)
