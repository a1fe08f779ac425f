"""The requests of one look at a metrics page: made as Prometheus makes them, and redirected once on the same origin."""

from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple

from probes.readings.metrics_page import MetricsPage
from probes.readings.signal_reader import WantedSignals
from probes.sources.cpu_budget import CPUBudget
from probes.sources.http.client import HTTPSession, Origin
from probes.sources.http.redirect import Redirect, redirect_of
from probes.sources.http.response import Response
from probes.sources.pages.answer import PROTOBUF, PageAnswer
from probes.sources.pages.arrival import AT_ONCE, PageArrival
from probes.sources.pages.habits import Habit
from probes.sources.pages.unjudged import OneLook

_TEXTS = (
    b"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.7,"
    b"application/openmetrics-text;version=0.0.1;q=0.6,"
    b"text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4"
)
ACCEPT = _TEXTS + b",*/*;q=0.3"
"""What Prometheus 3 sends. It asks for protobuf only where it is told to."""

_HEADERS = b"User-Agent: agentweave-watcher\r\nAccept: %b\r\nConnection: close\r\n"
_ANY, _TEXT = _HEADERS % ACCEPT, _HEADERS % _TEXTS
_NO_SIGNALS = WantedSignals.of(())


class PageRequests(NamedTuple):
    """Those of one look."""

    session: HTTPSession
    origin: Origin
    authorization: bytes  # a header line, or nothing; it goes to this origin only
    wanted: WantedSignals
    budget: CPUBudget
    gate: AbstractAsyncContextManager[None]
    look: OneLook

    def filtered(self, path: bytes, habit: Habit | None) -> Awaitable[MetricsPage]:
        """The wanted names only, where the server knows how to do that; errors as of `HTTPSession.ask` and `read`."""
        names = (b"&" if b"?" in path else b"?") + self.wanted.query
        return self._page(path + names, filtered=True, bare=habit.bare if habit else ())

    def whole(self, path: bytes, inspecting: CPUBudget | None) -> Awaitable[MetricsPage]:
        """The whole page; with `inspecting` also whether a current Prometheus could scrape it."""
        return self._page(path, filtered=False, inspecting=inspecting)

    def inspected(self, path: bytes, inspecting: CPUBudget) -> Awaitable[MetricsPage]:
        """The whole page for that alone: of what the filtered one said no second copy is kept."""
        return self._replace(wanted=_NO_SIGNALS).whole(path, inspecting)

    async def _page(
        self, path: bytes, *, filtered: bool, bare: tuple[str, ...] = (), inspecting: CPUBudget | None = None
    ) -> MetricsPage:
        followed, answer = None, await self._ask(path)
        if answer.header(b"content-type").startswith(PROTOBUF):  # all that `*/*` brought
            answer = await self._ask(path, _TEXT)
        leads = redirect_of(answer, self.origin, path)
        if leads is not None and leads.path:
            answer, followed, leads = await self._follow(path, leads)
        arrival = PageArrival(self.session, answer, self.budget, self.gate, inspecting)
        return await PageAnswer(arrival, self.wanted, self.look, filtered, bare, followed, leads).read()

    async def _follow(self, path: bytes, leads: Redirect) -> tuple[Response, Redirect, Redirect | None]:
        """The answer from where the first one pointed, which that is, and where this one points itself."""
        answer = await self._ask(leads.path)
        if answer.header(b"content-type").startswith(PROTOBUF):
            answer = await self._ask(leads.path, _TEXT)
        further = redirect_of(answer, self.origin, leads.path)
        if further is not None and further.path in (path, leads.path):
            further = further._replace(known=True)
        return answer, leads, further

    def _ask(self, path: bytes, headers: bytes = _ANY) -> Awaitable[Response]:
        return self.session.ask(b"GET", path, headers + self.authorization, at_once=AT_ONCE)
