"""A metrics page is read as it arrives: a hundred pages of 8 MiB that come at once are never held as a whole."""

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager

from probes.readings.signal_reader import SMALL
from probes.readings.text_format import KeptLines, NotAPageError, Scan, WholeLines
from probes.sources.http.client import HTTPSession, Response
from probes.sources.turns import Turns

AT_ONCE = 1 << 16
"""Bytes of a page that are held before they are scanned; of nearly all agents that is the whole page."""

_OPENMETRICS = "application/openmetrics-text"
_END = b"# EOF"


class PageArrival:
    """The body of one answer, from its first part on."""

    def __init__(
        self, session: HTTPSession, answer: Response, turns: Turns, gate: AbstractAsyncContextManager[None]
    ) -> None:
        """`gate`: held while one part is scanned, and not while the next one is waited for."""
        self.answer, self.size = answer, len(answer.body)
        self._session, self._turns, self._gate = session, turns, gate
        self._scanned = 0  # pieces

    async def scanned(self, scan: Scan, bare: tuple[str, ...], *, whole: bool) -> KeptLines:
        """The wanted lines; NotAPageError, TooCostlyError or what `HTTPSession.more` raises where there are none."""
        lines, part, tail = WholeLines(), self.answer, b""
        while True:
            tail = (tail + part.body)[-16:]
            await self._feed(scan, lines.cut(part.body, last=part.whole), len(part.body))
            if part.whole:
                break
            part = await self._session.more()
            self.size += len(part.body)
        if whole and not scan.has_a_sample:
            raise NotAPageError("it has no sample")
        if self.answer.header(b"content-type").startswith(_OPENMETRICS) and not tail.rstrip().endswith(_END):
            raise NotAPageError("it is cut off, for it does not end with # EOF")
        return scan.end(bare)

    async def read(self, steps: Iterable[None]) -> None:
        """Go through these steps, each of a few milliseconds."""
        async with self._gate:
            with self._turns:
                for _ in steps:
                    await self._turns.checkpoint()

    async def _feed(self, scan: Scan, pieces: Iterable[bytes], size: int) -> None:
        def steps() -> Iterable[None]:
            for piece in pieces:
                if self._scanned:
                    yield
                scan.feed(piece)
                self._scanned += 1

        if size > SMALL:
            await self.read(steps())
        else:
            with self._turns:
                for _ in steps():
                    await self._turns.checkpoint()
