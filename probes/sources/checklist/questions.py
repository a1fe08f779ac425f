"""Questions over HTTP on one connection, as far as the other side keeps it: no token, no redirect to elsewhere."""

import re
import ssl
from functools import lru_cache

import httpx

from probes.contract.text import cut
from probes.readings.health.answer import PathAnswer
from probes.readings.health.document import HealthDocument, read_health
from probes.sources.cpu_budget import CPUBudget
from probes.sources.http.client import HTTPSession, Origin
from probes.sources.http.redirect import redirect_of
from probes.sources.http.response import Response

MOST_BYTES = 1 << 17
"""Of one answer: the longest card is some kB, and this much JSON is read in two milliseconds."""

_HEADERS = b"User-Agent: agentweave-watcher\r\nAccept: application/json\r\n"
_LONGEST_TYPE = 60


async def ask(session: HTTPSession, origin: Origin, path: str) -> tuple[Response, str]:
    """The answer, after one redirect on the same origin at most, and where it leads itself ("" where nowhere)."""
    answer = await session.ask(b"GET", path.encode(), _HEADERS)
    leads = redirect_of(answer, origin, path.encode())
    if leads is not None and leads.path:
        answer = await session.ask(b"GET", leads.path, _HEADERS)
        leads = redirect_of(answer, origin, leads.path)
    return answer, "" if leads is None else leads.url or "no URL"


async def ask_health(session: HTTPSession, origin: Origin, path: str, budget: CPUBudget) -> PathAnswer:
    """The answer with what its body says; raises as `HTTPSession.ask`."""
    answer, points_to = await ask(session, origin, path)
    with budget:
        document = read_health(answer.body)
    about_certificate = answer.status == 400 and b"certificate" in answer.body.lower()
    return _shared(path, answer.status, _type(answer), len(answer.body), document, points_to, about_certificate)


def unanswered(path: str, error: httpx.TransportError) -> PathAnswer:
    """That there is no answer, or none that is read."""
    return PathAnswer(path, trouble=cut(str(error)))


@lru_cache(maxsize=1024)  # a fleet's answers are alike
def _shared(
    path: str,
    status: int,
    content_type: str,
    size: int,
    document: HealthDocument,
    points_to: str,
    about_certificate: bool,
) -> PathAnswer:
    return PathAnswer(path, status, content_type, size, document, points_to, about_certificate)


def _type(answer: Response) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", answer.header(b"content-type").partition(";")[0].strip())[:_LONGEST_TYPE]


def is_alert(error: BaseException) -> bool:
    """Whether the other side ended TLS with an alert: so TLS is what it speaks."""
    cause = error.__cause__
    return isinstance(cause, ssl.SSLError) and "ALERT" in (cause.reason or "")
