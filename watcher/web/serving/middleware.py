"""What every request passes before a page is made: is it meant for us, and may its sender read?"""

import asyncio
from collections.abc import Sequence

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from watcher.web.serving.access import Access
from watcher.web.serving.connection import Connection
from watcher.web.serving.places import FullError, Places, too_many

OPEN = ("/livez", "/readyz")
"""Pages that anybody may read: a kubelet has no credentials, and they say next to nothing."""


class AccessMiddleware:
    """In front of the pages."""

    def __init__(self, pages: ASGIApp, access: Access, places: Places) -> None:
        self._pages, self._access, self._places = pages, access, places

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer it, or say why not."""
        answer: ASGIApp = self._misdirected(scope) or self._pages
        if answer is not self._pages or scope["path"] in OPEN:
            return await answer(scope, receive, send)
        try:
            refusal = await self._refusal(scope)
            if refusal or scope["path"] == "/metrics":
                return await (refusal or self._pages)(scope, receive, send)
            with self._places.place(_address(scope)):
                await self._pages(scope, receive, send)
        except FullError:
            await too_many()(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        connection: Connection = scope["state"]["connection"]
        if self._access.wants_client_certificate and not connection.has_client_certificate:
            return PlainTextResponse("A client certificate is needed here.\n", 403)
        return await self._unauthorized(scope)

    def _misdirected(self, scope: Scope) -> Response | None:
        """A page of elsewhere can have its name point here, and read as if it were ours; it cannot change `Host`."""
        named = _values(scope, b"host")
        if len(named) > 1 or (not named and scope["http_version"] == "1.1"):
            return PlainTextResponse("A request has one Host.\n", 400)  # RFC 9112, 3.2
        if not named or self._access.is_ours(named[0].decode("latin-1")):
            return None
        return PlainTextResponse(
            "This name is none of the watcher's: it is reached by an IP address, as localhost, "
            "or by a name in server.allowed_hosts.\n",
            421,
        )

    async def _unauthorized(self, scope: Scope) -> Response | None:
        credentials = self._access.credentials
        if not credentials.needed:
            return None
        shown = _values(scope, b"authorization")
        if len(shown) == 1 and await credentials.allow(shown[0], _address(scope)):
            return None
        response = PlainTextResponse("A user with a password, or a bearer token, is needed here.\n", 401)
        for challenge in credentials.challenges:
            response.headers.append("WWW-Authenticate", challenge)
        return response


class UntilGone:
    """Ends what makes an answer when its reader is gone: nobody can have more under way than connections."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, for as long as somebody listens."""
        connection: Connection = scope["state"]["connection"]
        connection.answer = task = asyncio.current_task()
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:  # the reader is gone, or the daemon ends: nobody is to hear of it
            connection.cut()
        except BaseException:  # whatever comes of it that the reader is gone
            if not connection.lost:
                raise
        finally:
            if connection.answer is task:  # and not already that of the next request of this connection
                connection.answer = None


def _address(scope: Scope) -> str:
    return str(scope["client"][0]) if scope["client"] else ""


def _values(scope: Scope, name: bytes) -> Sequence[bytes]:
    return [value for key, value in scope["headers"] if key == name]
