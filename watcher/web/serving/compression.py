"""Answers are sent as gzip to whoever takes it."""

from starlette.middleware.gzip import GZipResponder
from starlette.types import ASGIApp, Receive, Scope, Send

_LEAST = 1024
"""Bytes below which it is not worth it."""

_LEVEL = 1
"""Of zlib: a page of 200 kB takes 2 ms, which looks wait for."""


class Compression:
    """In front of pages; what is zipped already, as /metrics is, stays as it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer it, zipped where that is accepted."""
        given = [value.decode("latin-1") for name, value in scope.get("headers", ()) if name == b"accept-encoding"]
        app = GZipResponder(self._app, _LEAST, compresslevel=_LEVEL) if accepts_gzip(",".join(given)) else self._app
        await app(scope, receive, send)


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether `Accept-Encoding` wants gzip (RFC 9110, 12.5.3)."""
    return dict(map(weighed, accept_encoding.split(","))).get("gzip", 0.0) > 0.0


def weighed(item: str) -> tuple[str, float]:
    """A media type or coding and its q (RFC 9110, 12.4.2); what cannot be read is not wanted."""
    name, *parameters = (part.strip().lower() for part in item.split(";"))
    weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    try:
        return name, float(weight)
    except ValueError:
        return name, 0.0
