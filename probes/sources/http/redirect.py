"""Where a redirect points (RFC 9110, section 15.4): it is followed on one origin only, so that no token leaves it."""

from typing import NamedTuple

import httpx

from probes.contract.address import shown_url
from probes.contract.text import cut
from probes.sources.http.client import Origin, locate
from probes.sources.http.faults import OwnTroubleError
from probes.sources.http.response import Response

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LONGEST = 2048  # bytes of a URL


class Redirect(NamedTuple):
    """Where an answer points."""

    status: int
    url: str  # as it may be shown; empty where the answer does not say, or says what is no URL
    path: bytes = b""  # with the query, where it is on the same origin
    known: bool = False  # it was asked already


def redirect_of(answer: Response, origin: Origin, path: bytes) -> Redirect | None:
    """Where the answer to a request for `path` points; None where it is no redirect."""
    if answer.status not in _REDIRECTS:
        return None
    location = _text(answer.header(b"location"))
    asked = f"{'https' if origin.secure else 'http'}://{origin.authority.decode()}{path.decode('latin-1')}"
    if not location or len(location) > _LONGEST:
        return Redirect(answer.status, "")
    try:
        url = str(httpx.URL(asked).join(location))
        there, wanted = locate(url)
    except (httpx.InvalidURL, OwnTroubleError):
        return Redirect(answer.status, "")
    same = (there.host.lower(), *there[1:3]) == (origin.host.lower(), *origin[1:3])
    return Redirect(answer.status, cut(shown_url(url)), wanted if same else b"")


def _text(header: str) -> str:
    """Of a URL that is not ASCII: servers write UTF-8, where RFC 9110, section 5.5, knows bytes only."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeDecodeError:
        return header
