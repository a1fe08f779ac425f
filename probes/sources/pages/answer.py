"""What an HTTP answer is as a metrics page: its wanted lines, or why it is none."""

from collections.abc import Awaitable
from typing import NamedTuple

from probes.readings.metrics_page import MetricsPage, PageTrouble
from probes.readings.signal_reader import WantedSignals
from probes.readings.text_format import NOTHING, KeptLines, NotAPageError, Scan
from probes.sources.http.date import read_date
from probes.sources.http.redirect import Redirect
from probes.sources.pages.arrival import PageArrival
from probes.sources.pages.unjudged import OneLook

PROTOBUF = "application/vnd.google.protobuf"


class PageAnswer(NamedTuple):
    """The answer to one request for a page, and what it was asked as."""

    arrival: PageArrival
    wanted: WantedSignals
    look: OneLook
    filtered: bool
    bare: tuple[str, ...] = ()  # names that the page is known to describe, though a filtered one does not say so
    followed: Redirect | None = None  # where the first answer pointed, on the same origin
    leads: Redirect | None = None  # where this one points

    async def read(self) -> MetricsPage:
        """The page; TooCostlyError where it takes more CPU than there is, and what `HTTPSession.more` raises."""
        trouble, error, kept = None, "", NOTHING
        status = self.arrival.answer.status
        if status in (401, 403):
            trouble, error = (
                PageTrouble.UNAUTHORIZED,
                f"The metrics endpoint {self._answered}: the watcher may not read it.",
            )
        elif self.leads is not None:
            trouble, error = (
                PageTrouble.HTTP_ERROR,
                f"The metrics endpoint {self._answered}{_where(self.leads, self.followed)}",
            )
        elif status != 200:
            trouble, error = PageTrouble.HTTP_ERROR, f"The metrics endpoint {self._answered}."
        else:
            try:
                kept = await self._kept()
            except NotAPageError as problem:
                trouble, error = PageTrouble.MALFORMED, f"{self._came} is not a metrics page: {problem}."
        page = MetricsPage(
            error=error,
            trouble=trouble,
            status=status,
            size=self.arrival.size,
            filtered=self.filtered,
            wanted=self.wanted,
            kept=kept,
            redirected_to=self.followed.url.partition("?")[0] if self.followed else "",
            conformance=None if trouble else self.arrival.conformance,
            waited=self.arrival.waited,
            their_date=read_date(self.arrival.answer.header(b"date")),
        )
        if page.reader.is_large():  # of others judges read what they want to know
            await self.look.admit(page.reader)
            await self.arrival.read(page.reader.steps())
        return page

    def _kept(self) -> Awaitable[KeptLines]:
        if self.arrival.content_type.startswith(PROTOBUF):
            raise NotAPageError("it is protobuf, which was not asked for")
        return self.arrival.scanned(Scan(self.wanted.names), self.bare, whole=not self.filtered)

    @property
    def _answered(self) -> str:
        if self.followed is None:
            return f"answered {self.arrival.answer.status}"
        return f"answered {self.followed.status}, and {self._there}, where it points, {self.arrival.answer.status}"

    @property
    def _came(self) -> str:
        if self.followed is None:
            return "What was answered"
        return (
            f"The metrics endpoint answered {self.followed.status}, and what {self._there} answered, where it points,"
        )

    @property
    def _there(self) -> str:
        """Without our own query, which may go along."""
        url = self.followed.url if self.followed else ""
        return url.partition("?")[0] if self.filtered else url


def _where(leads: Redirect, followed: Redirect | None) -> str:
    """The rest of a sentence, and what to do."""
    if not leads.url:
        return " without an http URL to go to."
    if not leads.path:
        return f" and points to {leads.url}, on another origin, where the watcher does not follow. {_CONFIGURE}"
    if leads.known:
        return f" and points to {leads.url}, which was asked already: the redirects lead in a circle."
    if followed is not None:
        return f" and points to {leads.url}: only one redirect is followed. {_CONFIGURE}"
    return f" and points to {leads.url}."


_CONFIGURE = "If that is the agent's metrics endpoint, configure its URL as `metrics`."
