"""What OPAs say of their bundles: asked at every fifth look, and at each while something is wrong."""

import asyncio
from collections.abc import Callable, Container
from typing import NamedTuple

import httpx

from probes.contract import Unknown
from probes.readings.opa_status import StatusReport, read_status
from probes.sources.http.client import HTTPSession, Response, TooLargeError
from probes.sources.http.date import read_date

_LOOKS = 5  # the answer has all of OPA's own metrics in it, 60 kB


class _Known(NamedTuple):
    """The newest report of an OPA, None while the first is awaited."""

    report: StatusReport | None
    again_at: float  # when to ask again, by the loop's clock
    asking: asyncio.Event | None = None  # set when the answer to the request under way is there


class BundleReports:
    """The newest status report of each OPA, by its URL."""

    def __init__(self, interval: float, now: Callable[[], float], date: Callable[[], float]) -> None:
        """`interval`: seconds between looks at one OPA; `now`: seconds that only time moves; `date`: Unix seconds."""
        self._interval, self._now, self._date = interval, now, date
        self._known: dict[str, _Known] = {}

    def newest(self, url: str) -> StatusReport | None:
        """What this OPA said last; None before it was asked."""
        known = self._known.get(url)
        return known.report if known is not None else None

    def keep(self, urls: Container[str]) -> None:
        """Forget all other OPAs."""
        self._known = {url: known for url, known in self._known.items() if url in urls}

    async def refresh(self, url: str, session: HTTPSession, path: bytes, headers: bytes) -> None:
        """Ask this OPA again, if it is time; where another look is asking, its answer is waited for."""
        known = self._known.get(url)
        now = asyncio.get_running_loop().time()
        if known is not None and now < known.again_at:
            if known.asking is not None:
                await known.asking.wait()
            return
        before = known.report if known is not None else None
        # Claimed before it is asked, so that the other targets of a shared OPA do not ask too.
        asking = asyncio.Event()
        self._known[url] = _Known(before, self._after(now, _LOOKS), asking)
        try:
            report = await self._ask(session, path, headers)
        finally:
            asking.set()
        if report.unknown is not None and before is not None:
            report = before.failed(report.at, report.unknown)
        self._known[url] = _Known(report, self._after(now, 1 if report.troubled else _LOOKS))

    def _after(self, now: float, looks: int) -> float:
        # Half an interval early: looks do not start on the dot.
        return now + (looks - 0.5) * self._interval

    async def _ask(self, session: HTTPSession, path: bytes, headers: bytes) -> StatusReport:
        try:
            answer = await session.ask(b"GET", path, headers)
        except (TooLargeError, httpx.RemoteProtocolError):
            return StatusReport(at=self._now(), clock=0.0, unknown=Unknown.MALFORMED)
        except httpx.TransportError:
            return StatusReport(at=self._now(), clock=0.0, unknown=Unknown.SOURCE_FAILED)
        return read_status(answer.status, answer.body, self._now(), _clock(answer, self._date()))


def _clock(answer: Response, now: float) -> float:
    """The Unix seconds of OPA's own clock, by the Date header (RFC 9110, section 6.6.1); of ours without one."""
    date = read_date(answer.header(b"date"))
    return now if date is None else date
