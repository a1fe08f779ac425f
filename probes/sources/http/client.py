"""HTTP/1 without a pool: a connection a look, one deadline for all of it, a cap on bytes while they arrive."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from types import TracebackType
from typing import NamedTuple, Self

import httpx

from probes.contract import NameLookup
from probes.contract.address import is_ip_address, shown_url
from probes.contract.text import cut
from probes.readings.verify_error import VerifyCode, say_verify_code
from probes.sources.cpu_budget import TLS_BUDGET, CPUBudget
from probes.sources.http.connection import Connection
from probes.sources.http.faults import (
    OtherIdentityError,
    OwnTroubleError,
    TLSFailedError,
    TooCostlyTLSError,
    UnresolvedError,
)
from probes.sources.http.response import Response
from probes.sources.http.tls import TLS, ContextChoice
from probes.sources.names import NameNotResolvedError, connect
from probes.sources.own_trouble import OWN_TROUBLE, is_refusal
from probes.sources.tls.metered import Meter, OverspentError, start_tls


class Origin(NamedTuple):
    """Where requests go."""

    host: str
    port: int
    secure: bool
    authority: bytes
    is_address: bool = False  # whether the host is one, and no name


@lru_cache(maxsize=256)
def _shared(path: bytes) -> bytes:
    """One object for all pages of a fleet that have the same path."""
    return path


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
    origin = Origin(host, found.port or (443 if secure else 80), secure, found.netloc, is_ip_address(host))
    return origin, _shared(found.raw_path)


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
        before_another: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`meter`: what the CPU of TLS is charged to, and what ends it.

        `before_another`: waited for before each connection but the first, within the timeout.
        """
        self._origin, self._timeout, self._max_bytes = origin, timeout, max_bytes
        self._tls, self._choice = tls, ContextChoice(tls, origin) if tls else None
        self._names, self._meter, self._before_another = names, meter, before_another
        self._connected = False  # once, or in vain
        self._addresses: Sequence[str] = (origin.host,) if origin.is_address else ()
        self._connection: Connection | None = None
        self._deadline = self._gave = self._waited = 0.0  # times of the loop; seconds on connections that are gone

    async def __aenter__(self) -> Self:
        self._deadline = asyncio.get_running_loop().time() + self._timeout
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._hang_up()

    async def ask(
        self, method: bytes, path: bytes, headers: bytes = b"", body: bytes = b"", *, at_once: int | None = None
    ) -> Response:
        """One request, GET or POST, with `headers` as on the wire; every failure is an httpx.TransportError.

        A body of more than `at_once` bytes comes in parts, the first of them here.
        """
        length = b"Content-Length: %d\r\n" % len(body) if method == b"POST" else b""
        request = b"%b %b HTTP/1.1\r\nHost: %b\r\nAccept-Encoding: identity\r\n%b%b\r\n%b"
        if not self._addresses:
            await self._look_up()
        said = request % (method, path, self._origin.authority, headers, length, body)
        try:
            async with asyncio.timeout_at(self._deadline):
                if self._connection is not None:
                    try:
                        return await self._connection.ask(said, self._max_bytes, at_once)
                    except ConnectionResetError:
                        if self._connection.heard:
                            raise
                return await (await self._connect()).ask(said, self._max_bytes, at_once)
        except OSError as error:
            raise self._failed(error) from error
        finally:
            self._gave = asyncio.get_running_loop().time()

    async def more(self) -> Response:
        """The next part of the answer; nothing was received meanwhile, so that time is none of the server's."""
        if self._connection is None:
            raise OwnTroubleError(f"{self._name} was not asked.")
        self._deadline += asyncio.get_running_loop().time() - self._gave
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._connection.more()
        except OSError as error:
            raise self._failed(error) from error
        finally:
            self._gave = asyncio.get_running_loop().time()

    async def _look_up(self) -> None:
        started = asyncio.get_running_loop().time()
        try:
            self._addresses = await self._names.addresses(self._origin.host)
        except NameNotResolvedError as error:
            raise UnresolvedError(f"{self._name} was not asked: {error}.") from error
        except OSError as error:
            raise OwnTroubleError(f"{self._name} was not asked: {error}.") from error
        self._deadline += asyncio.get_running_loop().time() - started

    @property
    def waited(self) -> float:
        """Seconds for which what came lay here, for other looks went first: no time of the server's."""
        return self._waited + (self._connection.waited if self._connection is not None else 0.0)

    async def _connect(self) -> Connection:
        self._hang_up()
        self._waited, self._connection = self.waited, None
        if self._connected and self._before_another is not None:
            await self._before_another()
        self._connected = True
        transport, wire = await connect(Connection, self._addresses, self._origin.port, self._deadline)
        self._connection = wire
        wire.taken()
        if self._origin.secure:
            if self._tls is None or self._choice is None:
                raise OwnTroubleError(f"The watcher has nothing to verify {self._name} with.")
            try:
                wire.transport = await self._secured(transport, wire, self._choice.make(), self._tls)
            except ssl.SSLError as error:
                if not self._choice.has_another(error):
                    raise
                return await self._connect()
            self._choice.was_taken()
        return wire

    async def _secured(
        self, transport: asyncio.Transport, wire: Connection, context: ssl.SSLContext, tls: TLS
    ) -> asyncio.Transport:
        name = self._origin.host if context.check_hostname else None
        self._meter = self._meter or CPUBudget(time.thread_time, TLS_BUDGET)
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
        if self._connection is not None:
            self._connection.hang_up()

    def _too_late(self) -> httpx.TimeoutException:
        if self._connection is None:
            return httpx.ConnectTimeout(f"{self._name} did not answer within {self._timeout:g}s.")
        return httpx.ReadTimeout(
            f"{self._name} accepted the connection, but gave no full answer in {self._timeout:g}s."
        )

    def _failed(self, error: OSError) -> httpx.TransportError:
        if isinstance(error, TimeoutError):
            return self._too_late()
        if isinstance(error, ssl.SSLCertVerificationError):
            return self._unverified(error.verify_code)
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

    def _unverified(self, code: int) -> httpx.TransportError:
        if self._tls and self._tls.clock_doubt and code in (VerifyCode.NOT_YET_VALID, VerifyCode.EXPIRED):
            return OwnTroubleError(self._tls.clock_doubt)
        why = say_verify_code(code)
        if self._tls and self._tls.doubtful:
            return OwnTroubleError(f"The watcher has no CA to verify the certificate of {self._name} with: {why}.")
        return TLSFailedError(f"The certificate of {self._name} does not verify: {why}.")

    @property
    def _name(self) -> str:
        return self._origin.authority.decode()
