"""A metrics page is read as it arrives: a hundred pages of 8 MiB that come at once are never held as a whole."""

from collections.abc import Awaitable, Iterable
from contextlib import AbstractAsyncContextManager

from probes.contract import Unknown
from probes.readings.conformance import Conformance, PageInspector
from probes.readings.signal_reader import SMALL
from probes.readings.text_format import KeptLines, NotAPageError, Scan, TooCostlyError
from probes.sources.cpu_budget import CPUBudget
from probes.sources.http.client import HTTPSession
from probes.sources.http.response import Response
from probes.sources.pages.whole_lines import WholeLines

AT_ONCE = 1 << 16
"""Bytes of a page that are held before they are scanned; of nearly all agents that is the whole page."""

_OPENMETRICS = "application/openmetrics-text"
_END = b"# EOF"


class PageArrival:
    """The body of one answer, from its first part on."""

    def __init__(
        self,
        session: HTTPSession,
        answer: Response,
        budget: CPUBudget,
        gate: AbstractAsyncContextManager[None],
        inspecting: CPUBudget | None = None,
    ) -> None:
        """`gate`: held while one part is read, and not while the next one is waited for.

        With `inspecting` it is also seen whether a current Prometheus could scrape it, as far as that has the CPU.
        """
        self.answer, self.size = answer, len(answer.body)
        self.conformance: Conformance | None = None  # of a page that has come as a whole and was inspected
        self._session, self._budget, self._gate, self._inspecting = session, budget, gate, inspecting
        self.content_type = answer.header(b"content-type")  # as the answer says it, empty where it does not
        self._inspector = PageInspector(self.content_type) if inspecting else None
        self._scanned = 0  # pieces
        self._has_end = not self.content_type.startswith(_OPENMETRICS)

    async def scanned(self, scan: Scan, bare: tuple[str, ...], *, whole: bool) -> KeptLines:
        """The wanted lines; NotAPageError, TooCostlyError or what `HTTPSession.more` raises where there are none."""
        lines, part = WholeLines(), self.answer
        while True:
            await self._go(self._scan(scan, lines.cut(part.body, last=part.whole)), self._budget, len(part.body))
            if self._inspecting is not None:
                await self._inspect(part, self._inspecting)
            if part.whole:
                break
            part = await self._session.more()
            self.size += len(part.body)
        if whole and not scan.has_a_sample:
            raise NotAPageError("it has no sample")
        if not self._has_end:
            raise NotAPageError("it is cut off, for it does not end with # EOF")
        return scan.end(bare)

    async def read(self, steps: Iterable[None]) -> None:
        """Go through these steps, each of a few milliseconds."""
        await self._one_at_a_time(steps, self._budget)

    @property
    def waited(self) -> float:
        """Seconds for which what came lay here, for other looks went first."""
        return self._session.waited

    def _scan(self, scan: Scan, pieces: Iterable[bytes]) -> Iterable[None]:
        for piece in pieces:
            if self._scanned:
                yield
            scan.feed(piece)
            self._has_end = self._has_end or piece.startswith(_END) or b"\n" + _END in piece
            self._scanned += 1

    async def _inspect(self, part: Response, inspecting: CPUBudget) -> None:
        """A page that is too much to inspect is read all the same."""
        if self._inspector is None:
            return
        try:
            await self._go(self._inspector.feed(part.body, last=part.whole), inspecting, len(part.body))
            self.conformance = self._inspector.found
        except TooCostlyError as error:
            why = f"The whole page is too much to inspect: {error}."
            self.conformance = Conformance(unknown=Unknown.MALFORMED, why=why)
            self._inspector = None

    def _go(self, steps: Iterable[None], budget: CPUBudget, size: int) -> Awaitable[None]:
        """The steps of so many bytes: of many, those of one page at a time."""
        return _in_turns(steps, budget) if size <= SMALL else self._one_at_a_time(steps, budget)

    async def _one_at_a_time(self, steps: Iterable[None], budget: CPUBudget) -> None:
        async with self._gate:
            await _in_turns(steps, budget)


async def _in_turns(steps: Iterable[None], budget: CPUBudget) -> None:
    with budget:
        for _ in steps:
            await budget.checkpoint()
