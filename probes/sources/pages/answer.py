"""What an HTTP answer is as a metrics page: its wanted lines, or why it is none."""

from typing import NamedTuple

from probes.contract import Unknown
from probes.readings.conformance import Conformance, inspect
from probes.readings.metrics_page import MetricsPage, PageTrouble, WantedSignals
from probes.readings.text_format import NOTHING, KeptLines, NotAPageError, Scan, TooCostlyError, pieces
from probes.sources.http.client import Response
from probes.sources.http.date import read_date
from probes.sources.http.redirect import Redirect
from probes.sources.turns import Turns

_OPENMETRICS = "application/openmetrics-text"
PROTOBUF = "application/vnd.google.protobuf"


class PageAnswer(NamedTuple):
    """The answer to one request for a page, and what it was asked as."""

    answer: Response
    wanted: WantedSignals
    filtered: bool
    bare: tuple[str, ...] = ()  # names that the page is known to describe, though a filtered one does not say so
    followed: Redirect | None = None  # where the first answer pointed, on the same origin
    leads: Redirect | None = None  # where this one points

    async def read(self, turns: Turns, inspecting: Turns | None = None) -> MetricsPage:
        """The page; TooCostlyError where it takes more than `turns` has.

        With `inspecting` it is also seen whether a current Prometheus could scrape it, as far as that has the CPU.
        """
        trouble, error, kept = None, "", NOTHING
        if self.answer.status in (401, 403):
            trouble, error = PageTrouble.UNAUTHORIZED, f"The page {self._answered}: the watcher may not read it."
        elif self.leads is not None:
            trouble, error = PageTrouble.HTTP_ERROR, f"The page {self._answered}{_where(self.leads, self.followed)}"
        elif self.answer.status != 200:
            trouble, error = PageTrouble.HTTP_ERROR, f"The page {self._answered}."
        else:
            try:
                with turns:
                    kept = await self._kept(turns)
            except NotAPageError as problem:
                trouble, error = PageTrouble.MALFORMED, f"What was answered is no metrics page: {problem}."
        page = MetricsPage(
            error=error,
            trouble=trouble,
            status=self.answer.status,
            size=len(self.answer.body),
            filtered=self.filtered,
            wanted=self.wanted,
            kept=kept,
            redirected_to=self.followed.url.partition("?")[0] if self.followed else "",
            their_date=read_date(self.answer.header(b"date")),
        )
        if page.reader.is_large():  # of others judges read what they want to know
            with turns:
                for _ in page.reader.steps():
                    await turns.checkpoint()
        return page if inspecting is None or trouble else page.inspected(await self._inspected(inspecting))

    @property
    def _answered(self) -> str:
        if self.followed is None:
            return f"answered {self.answer.status}"
        return f"answered {self.followed.status}, and {self.followed.url}, where it points, {self.answer.status}"

    async def _kept(self, turns: Turns) -> KeptLines:
        body, content_type = self.answer.body, self.answer.header(b"content-type")
        if content_type.startswith(PROTOBUF):
            raise NotAPageError("it is protobuf, which was not asked for")
        scan = Scan(self.wanted.names)
        for number, piece in enumerate(pieces(body)):
            if number:
                await turns.checkpoint()
            scan.feed(piece)
        if not self.filtered and not scan.has_a_sample:
            raise NotAPageError("it has no sample")
        if content_type.startswith(_OPENMETRICS) and not (body.startswith(b"# EOF") or b"\n# EOF" in body):
            raise NotAPageError("it is cut off, for it does not end with # EOF")
        return scan.end(self.bare)

    async def _inspected(self, turns: Turns) -> Conformance:
        reading = inspect(self.answer.header(b"content-type"), self.answer.body)
        try:
            with turns:
                while True:
                    next(reading)
                    await turns.checkpoint()
        except StopIteration as end:
            found: Conformance = end.value
            return found
        except TooCostlyError as error:
            return Conformance(unknown=Unknown.MALFORMED, why=f"The whole page is too much to inspect: {error}.")


def _where(leads: Redirect, followed: Redirect | None) -> str:
    """The rest of a sentence, and what to do."""
    if not leads.url:
        return " without an http URL to go to."
    if not leads.path:
        return f" and points to {leads.url}, on another origin, where the watcher does not follow. {_CONFIGURE}"
    if followed is not None:
        return f" and points to {leads.url}: only one redirect is followed. {_CONFIGURE}"
    return f" and points to {leads.url}."


_CONFIGURE = "If that is the agent's page, configure its URL as `metrics`."
