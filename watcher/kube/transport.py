"""Kept connections to one API server: aiohttp's, behind the types of httpx.

httpx's own pool takes 3 to 4 ms of CPU a request through TLS, and a start asks thousands of times; this takes 0.8 ms.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import aiohttp
import httpx
from yarl import URL

_KEPT_IDLE = 30.0  # seconds


class KeptConnections(httpx.AsyncBaseTransport):
    """A transport for requests to one server; needs a running loop."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        """Nothing is connected yet. `context` verifies the server of an https URL."""
        connector = aiohttp.TCPConnector(ssl=context or True, limit=0, keepalive_timeout=_KEPT_IDLE)
        self._session = aiohttp.ClientSession(
            connector=connector, auto_decompress=False, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, its body not yet read; every failure is an httpx.TransportError."""
        seconds = request.extensions.get("timeout", {})
        with _errors_of_httpx():
            answer = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=request.headers,
                data=await request.aread() or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(sock_connect=seconds.get("connect"), sock_read=seconds.get("read")),
            )
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._session.close()


class _Body(httpx.AsyncByteStream):
    """What follows a head; closed before its end, it takes the connection with it."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _errors_of_httpx():
            async for piece in self._answer.content.iter_any():
                yield piece

    async def aclose(self) -> None:
        # A watch is never read to its end: without this the end of TLS would be waited for, by a loop that may be gone.
        if (connection := self._answer.connection) is not None and connection.transport is not None:
            connection.transport.abort()
        self._answer.close()


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    """Whatever fails is told as httpx would."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx.ConnectTimeout("the server does not answer") from error
    except TimeoutError as error:
        raise httpx.ReadTimeout("the server is silent") from error
    except aiohttp.ClientConnectorError as error:
        raise httpx.ConnectError(_in_words(error)) from error
    except (aiohttp.ClientError, ValueError) as error:
        raise httpx.RemoteProtocolError(f"{type(error).__name__}: {error}"[:300]) from error


def _in_words(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, aiohttp.ClientSSLError):  # it says which certificate, and what is wrong with it
        return str(error)
    return f"cannot connect to {error.host}:{error.port}: {error.os_error.strerror or 'the connection was closed'}"
