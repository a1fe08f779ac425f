"""uvicorn in our loop, on sockets that are ours, leaving signals to the daemon."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from watcher.runtime.descriptors import HEALTH_READERS, Descriptors
from watcher.web.serving.access import Access
from watcher.web.serving.admission import Admission, Guest
from watcher.web.serving.connection import Connection
from watcher.web.serving.listener import Listener
from watcher.web.serving.middleware import AccessMiddleware, UntilGone
from watcher.web.serving.places import Places, shares

REREAD_EVERY = 10.0
"""Seconds between two looks at the files that `server` names."""

# Nothing on a page comes from elsewhere, and nothing that an agent says can become more than text.
_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    ("Content-Security-Policy", _POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
]


class Server:
    """The port of the pages, and that of the health pages alone where there is one."""

    def __init__(self, pages: ASGIApp, health: ASGIApp, access: Access, descriptors: Descriptors) -> None:
        self._access, self._descriptors = access, descriptors
        gated = AccessMiddleware(pages, access, Places(shares(descriptors.readers).pages))
        self._pages, self._health = _config(UntilGone(gated)), _config(UntilGone(health))
        self._server = _Quiet(self._pages)

    async def serve(self, listener: socket.socket, health_listener: socket.socket | None = None) -> None:
        """Answer until stopped."""
        self._listen(listener, self._pages, self._descriptors.readers, lambda: self._access.context)
        if health_listener is not None:
            self._listen(health_listener, self._health, HEALTH_READERS, lambda: None)
        async with asyncio.TaskGroup() as tasks:  # whose failure is the daemon's
            rereading = tasks.create_task(self._reread())
            await self._server.serve()
            rereading.cancel()

    def stop(self) -> None:
        """Take no more requests and end those under way within a second."""
        self._server.should_exit = True

    def _listen(
        self,
        listener: socket.socket,
        config: uvicorn.Config,
        most: int,
        context: Callable[[], ssl.SSLContext | None],
    ) -> None:
        admission = Admission(most, time.monotonic)

        def make(arriving: Guest) -> Connection:
            return Connection(admission, arriving, config=config, server_state=self._server.server_state, app_state={})

        self._server.listeners.append(Listener(listener, admission, self._descriptors, make, context))

    async def _reread(self) -> None:
        while True:
            await asyncio.sleep(REREAD_EVERY)
            await self._access.reread()


def _config(app: ASGIApp) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",  # below it are what strangers can have written, a line for each bad request
        access_log=False,
        server_header=False,
        proxy_headers=False,  # whoever says that it asks for another is still the one that is charged
        headers=_HEADERS,
        timeout_graceful_shutdown=1,
    )
    config.load()
    return config


class _Quiet(uvicorn.Server):
    """Accepts by our listeners, which know whom to cut, and when to wait."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listeners: list[Listener] = []

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002  as uvicorn has it
        self.servers = self.listeners  # type: ignore[assignment]  # it closes them and waits for their end
        for listener in self.listeners:
            listener.open()
        self.started = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
