"""uvicorn with TLS on loopback, in a thread of the test's own process."""

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.servers.process import eventually


async def _healthy(_: Request) -> JSONResponse:
    return JSONResponse({})


@contextmanager
def run_uvicorn(
    *,
    certificate: Path | None,
    key: Path | None,
    client_ca: Path | None = None,
    app: Starlette | None = None,
    oldest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    port: int = 0,
) -> Iterator[str]:
    """The `host:port` of a uvicorn that serves this app (else `{}` at /health).

    Plain HTTP without a certificate; with `client_ca` a client must present a certificate of that authority.
    """
    config = uvicorn.Config(
        app or Starlette(routes=[Route("/health", _healthy)]),
        port=port,
        loop="asyncio",
        lifespan="off",
        log_level=logging.CRITICAL,
        timeout_graceful_shutdown=1,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        ssl_ca_certs=str(client_ca) if client_ca else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if client_ca else ssl.CERT_NONE,
    )
    config.load()
    if config.ssl is not None:
        config.ssl.minimum_version = oldest
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started or not thread.is_alive())
        assert server.started, "uvicorn did not start"
        host, port = server.servers[0].sockets[0].getsockname()
        yield f"{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()
